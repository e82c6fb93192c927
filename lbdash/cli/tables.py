"""The API's JSON as tables. Pure: dictionaries in, text out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lbdash.cli.api import Json
from lbdash.cli.output import percent, spell, table


def services(data: Json) -> str:
    found = data["services"]
    if not found:
        return "No services yet: nothing is registered under the watched prefixes, and no client reports."
    return table(
        ["service", ">backends", ">ready", ">clients", ">rps", ">errors", "problems"], map(_service_row, found)
    )


def _service_row(item: Json) -> list[Any]:
    backends = item.get("backends") or {}
    return [
        item["name"],
        backends.get("total"),
        backends.get("ready"),
        item.get("clients"),
        item.get("rps"),
        percent(item.get("error_ratio")),
        len(item.get("problems") or []) or None,
    ]


def service(data: Json) -> str:
    """Backends, clients, and the problems in words."""
    lines = [f"{data['name']}  generation {spell(data.get('generation'))}", "", _backends(data["backends"])]
    if data.get("clients"):
        lines += ["", _clients(data["clients"])]
    lines += [f"! {problem}" for problem in problem_texts(data)]
    return "\n".join(lines)


def _backends(rows: list[Json]) -> str:
    head = ["backend", "version", "admin", "connectivity", ">weight", ">share", ">rps", ">in flight", ">p50 ms"]
    return table([*head, ">p99 ms", ">errors", ">picks"], map(_backend_row, rows))


def _backend_row(row: Json) -> list[Any]:
    weight, share, latency = (row.get(name) or {} for name in ("weight", "share", "latency_ms"))
    return [
        row["address"],
        row.get("version"),
        row.get("admin"),
        [f"{count} {state}" for state, count in (row.get("connectivity") or {}).items() if count],
        weight.get("effective"),
        percent(share.get("measured")),
        row.get("rps"),
        row.get("inflight"),
        latency.get("p50"),
        latency.get("p99"),
        row.get("errors_total"),
        row.get("picks_total"),
    ]


def _clients(rows: list[Json]) -> str:
    head = ["client", "name", "policy", "state", "source", ">applied revision", "can obey"]
    keys = ("id", "name", "policy", "state", "source", "applied_revision", "can_obey")
    return table(head, ([row.get(key) for key in keys] for row in rows))


def problem_texts(data: Json) -> Iterator[str]:
    for problem in data.get("problems") or []:
        yield problem.get("text", "") if isinstance(problem, dict) else str(problem)


def subconns(data: Json) -> str:
    head = [
        "client",
        "backend",
        "state",
        ">picks",
        ">in flight",
        ">lag ms",
        ">success",
        ">load",
        ">weight",
        "last error",
    ]
    keys = (
        "client",
        "backend",
        "state",
        "picks_total",
        "inflight",
        "lag_ms",
        "success",
        "load",
        "weight",
        "last_error",
    )
    text = table(head, ([row.get(key) for key in keys] for row in data["subconns"]))
    more = "\n... and more: raise --limit, or narrow with --client, --backend, --state" if data.get("next") else ""
    return text + more


def picks(data: Json) -> str:
    """One line a pick: when, by whom, whom, and the reason in words."""
    if not data["picks"]:
        return "No picks were sampled yet: no client reports, or none has called."
    head = ["at", "client", "method", "version", "result", "chosen", "why"]
    keys = ("at", "client", "method", "requested_version", "result", "chosen")
    return table(
        head, ([*(row.get(key) for key in keys), row.get("text") or row.get("reason")] for row in data["picks"])
    )


def status(data: Json) -> str:
    """Whatever the API tells, in its own words: names to the left, nested lists as tables."""
    return "\n".join(_section(data, ""))


def _section(data: Json, indent: str) -> Iterator[str]:
    width = max((len(key) for key, value in data.items() if _is_plain(value)), default=0)
    for key, value in data.items():
        if _is_plain(value):
            yield f"{indent}{key.replace('_', ' ').ljust(width)}  {spell(value)}"
        else:
            yield f"{indent}{key.replace('_', ' ')}"
            yield from _nested(value, indent + "  ")


def _nested(value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _section(value, indent)
        return
    head = list(dict.fromkeys(key for row in value for key in row))
    rows = ([row.get(key) for key in head] for row in value)
    yield from (indent + line for line in table([name.replace("_", " ") for name in head], rows).splitlines())


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return not value
    return not (isinstance(value, list) and value and all(isinstance(item, dict) for item in value))
