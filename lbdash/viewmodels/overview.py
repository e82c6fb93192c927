"""Overview: every service, worst first. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lbdash.live.state import Service
from lbdash.live.view import LiveView, ServiceNumbers, TimelineEntry
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.attention import SEVERITY_WORDS, Concern, concerns, worst
from lbdash.viewmodels.cells import SEVERITY_CSS, chip, number, of, pill, sparkline, strip, version_bar
from lbdash.viewmodels.html import Html, esc, join, tag
from lbdash.viewmodels.marks import backend_link, moment, service_url
from lbdash.viewmodels.screen import Column, Memo, Row, Screen, Table
from lbdash.viewmodels.standing import ORDER, connected, ready, registered, standings, version_order

SORTS = ("worst", "name", "traffic")
_RANK = {"error": 0, "warning": 1, "info": 2, "": 3}
_JUST_NOW = 6

COLUMNS = (
    Column("service", Html("Service")),
    Column("eyes", Html("What needs eyes"), "wrap"),
    Column("backends", Html("Backends ready"), "", "READY at one client at least, of those registered"),
    Column("clients", Html("Clients"), "num fine"),
    Column("rps", Html("rps"), "num"),
    Column("spark", Html("10 min"), "fine"),
    Column("errors", Html("err %"), "num"),
    Column("p99", Html("P99 ms"), "num fine"),
    Column("versions", Html("Versions, measured %"), "fine"),
    Column("generation", Html("Gen"), "num fine", "Generation: one per command"),
)


@dataclass(frozen=True, slots=True)
class Summary:
    """A service and what was looked up of it."""

    service: Service
    numbers: ServiceNumbers
    concerns: tuple[Concern, ...]


def build(view: LiveView, query: Mapping[str, str], memo: Memo) -> Screen:
    sort = query.get("sort", "")
    sort = sort if sort in SORTS else "worst"
    found = [_summary(view, service) for service in view.state.services.values()]
    found.sort(key=_KEYS[sort])
    rows = tuple(_row(view, summary, memo) for summary in found)
    table = Table("services", "Services", COLUMNS, rows, _empty(view))
    return Screen(
        "Services",
        regions={"totals": _totals(found), "just-now": _just_now(view)},
        tables={"services": table},
        facts={
            "sort": sort,
            "sorts": [(name, name.capitalize() + (" first" if name == "worst" else "")) for name in SORTS],
        },
    )


def _summary(view: LiveView, service: Service) -> Summary:
    numbers = view.numbers(service.key)
    return Summary(service, numbers, concerns(service, numbers, view.now))


def _severity(summary: Summary) -> tuple[int, str]:
    return _RANK[worst(summary.concerns)], summary.service.key


def _traffic(summary: Summary) -> tuple[int, str]:
    """By magnitude: rows that swapped places with every small change could not be read."""
    rps = summary.numbers.numbers.rps or 0.0
    return -round(4 * math.log2(rps)) if rps > 0.01 else 100, summary.service.key


_KEYS = {"worst": _severity, "name": lambda summary: summary.service.key, "traffic": _traffic}


# ---- rows


def _row(view: LiveView, summary: Summary, memo: Memo) -> Row:
    service = summary.service
    spark = view.sparklines(service.key).get("", ())
    inputs = (service, summary.numbers, summary.concerns, tuple(spark))
    return memo.row("services", service.key, inputs, lambda: _build(summary, spark))


def _build(summary: Summary, spark: Sequence[float | None]) -> Row:
    service, numbers = summary.service, summary.numbers.numbers
    order = version_order(service)
    shares = {version: found.share for version, found in summary.numbers.versions.items() if found.share}
    cells = {
        "service": _name(service),
        "eyes": _eyes(summary.concerns),
        "backends": _backends(service, summary.numbers),
        "clients": number(fmt.count(connected(service))),
        "rps": number(fmt.rate(numbers.rps)),
        "spark": sparkline(spark),
        "errors": number("0" if numbers.error_ratio == 0 else fmt.percent(numbers.error_ratio, 2)),
        "p99": number(fmt.ms(numbers.latency.p99)),
        "versions": version_bar(shares, order) if shares else _registered_versions(service),
        "generation": number(fmt.count(service.routing.generation.number)),
    }
    severity = worst(summary.concerns)
    css = {"error": "is-down is-problem", "warning": "is-wait is-problem"}.get(severity, "")
    return Row(service.key, cells, css)


def _name(service: Service) -> Html:
    policies = Counter(client.policy for client in service.clients.values() if client.gone_at is None)
    words = [service.convention or "not registered", *(name for name, _ in policies.most_common(2) if name)]
    more = f" and {len(policies) - 2} more" if len(policies) > 2 else ""
    link = tag("a", tag("b", esc(service.key)), href=service_url(service.key))
    return join((link, tag("span", esc(" · ".join(words) + more), class_="sub")))


def _eyes(found: Sequence[Concern]) -> Html:
    """Severity as a word, then the sentence; the second is there when there are more."""
    if not found:
        return Html('<span class="zero">–</span>')
    first = found[0]
    css, shape = SEVERITY_CSS[first.severity]
    more = f" (+ {fmt.plural(len(found) - 1, 'other')})" if len(found) > 1 else ""
    word = pill(SEVERITY_WORDS[first.severity], css, shape)
    title = "\n".join(concern.line for concern in found[:10])
    return tag("span", join((word, esc(" " + first.line + more))), title=title)


def _backends(service: Service, numbers: ServiceNumbers) -> Html:
    there = len(registered(service))
    up = ready(service, numbers)
    counted = standings(service, numbers)
    bar = strip([(css, counted[css]) for css in ORDER])
    title = ", ".join(f"{counted[css]} {_WORDS[css]}" for css in ORDER if counted[css])
    words = of(up, there) if up is not None else Html(f'{there} <span class="of">registered</span>')
    return Html(f'<span class="pair" title="{title}">{bar}<span>{words}</span></span>')


_WORDS = {
    "up": "READY",
    "drain": "drained",
    "maint": "in maint",
    "wait": "CONNECTING",
    "down": "TRANSIENT_FAILURE",
    "idle": "unchecked",
}


def _registered_versions(service: Service) -> Html:
    counted = Counter(backend.version for backend in registered(service))
    words = ", ".join(f"{version or 'none'} × {count}" for version, count in sorted(counted.items()))
    return tag("span", esc(words), class_="muted", title="registered; nobody measures")


# ---- around the table


def _totals(found: Sequence[Summary]) -> Html:
    clients = sum(connected(summary.service) for summary in found)
    rates = [summary.numbers.numbers.rps for summary in found if summary.numbers.numbers.rps is not None]
    words = [
        fmt.plural(len(found), "service"),
        fmt.plural(sum(len(registered(summary.service)) for summary in found), "backend"),
        fmt.plural(clients, "client"),
        f"{fmt.rate(sum(rates))} rps" if rates else "nobody reports traffic",
    ]
    return join(chip(word) for word in words)


def _empty(view: LiveView) -> Html:
    """Loading, or really nothing: these are not the same."""
    listing = not view.state.sources or not all(
        source.synced for source in view.state.sources.values() if source.kind == "registry"
    )
    if listing:
        bars = Html('<div class="skeleton"></div>' * 3)
        return tag("div", join((tag("p", esc("Listing the registry…"), class_="muted"), bars)), class_="panel stack")
    return tag(
        "div",
        Html(
            "<h2>No service yet</h2><p>The watched prefixes hold no registration, and no client reports. "
            "<code>lbdash discover</code> looks at an etcd's keys and prints the <code>--watch</code> lines that fit; "
            '<a href="/status">Status</a> shows what is watched.</p>'
        ),
        class_="empty",
    )


def _just_now(view: LiveView) -> Html:
    entries = view.timeline(limit=_JUST_NOW)
    if not entries:
        return Html('<p class="muted">Nothing happened yet.</p>')
    return tag("ol", join(_entry(entry) for entry in entries), class_="feed")


def _entry(entry: TimelineEntry) -> Html:
    css, shape = SEVERITY_CSS.get(entry.severity, SEVERITY_CSS["info"])
    parts = [tag("a", esc(entry.service), href=service_url(entry.service))] if entry.service else []
    if entry.backend:
        parts.append(backend_link(entry.service, entry.backend))
    times = f" (× {entry.count})" if entry.count > 1 else ""
    text = tag("span", join((*parts, esc(entry.text + times)), " "))
    return tag("li", join((moment(entry.at), pill(entry.severity, css, shape, bare=True), text)))
