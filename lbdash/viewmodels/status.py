"""Status: what we listen to, what is stale, what we cost etcd, what we hold. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lbdash.live.state import Source
from lbdash.live.view import LiveView
from lbdash.registry.kv import RegistryStats
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.cells import pill
from lbdash.viewmodels.header import is_stale, notice, whole
from lbdash.viewmodels.html import Html, esc, tag
from lbdash.viewmodels.marks import facts, moment
from lbdash.viewmodels.screen import Column, Rates, Row, Screen, Table


@dataclass(frozen=True, slots=True)
class Cost:
    """What we cost etcd since the start; rates over 10 to 20 s, None while the page is younger."""

    stats: RegistryStats
    rpcs_per_s: float | None
    bytes_per_s: float | None


@dataclass(frozen=True, slots=True)
class Process:
    """`cluster` "" and `alarms` None = etcd has not said yet. Times are seconds since the epoch."""

    version: str
    started_at: float
    etcd: tuple[str, ...]
    cluster: str
    alarms: tuple[str, ...] | None
    telemetry: str
    xds: str  # "" = not served
    watches: tuple[str, ...]
    control: tuple[str, ...]
    viewers: int
    pages: int


COLUMNS = (
    Column("name", Html("Source"), "main"),
    Column("state", Html("State")),
    Column("since", Html("connected since (UTC)"), "fine"),
    Column("age", Html("last word"), "num", "since the last proof of life"),
    Column("revision", Html("revision"), "num fine", "of the newest change under its prefix"),
    Column("events", Html("events"), "num"),
    Column("rate", Html("events/s"), "num fine", "over 10 to 20 s"),
    Column("reason", Html("Reason"), "wrap fine"),
)


def build(view: LiveView, stats: RegistryStats, process: Process, rates: Rates) -> Screen:
    sources = sorted(view.state.sources.values(), key=lambda source: (source.kind, source.name))
    rows = tuple(_source(source, view.now, rates) for source in sources)
    cost = Cost(
        stats,
        rates.of("rpcs", stats.rpcs, view.now),
        rates.of("bytes", stats.bytes_in + stats.bytes_out, view.now),
    )
    empty = Html('<p class="no-match">No source has spoken yet.</p>')
    return Screen(
        "Status",
        regions={
            "alarms": _alarms(process),
            "etcd": _etcd(cost, process),
            "memory": _memory(view.memory_bytes()),
            "process": _process(view, process),
        },
        tables={"sources": Table("sources", "Sources", COLUMNS, rows, empty)},
    )


def _source(source: Source, now: float, rates: Rates) -> Row:
    stale = is_stale(source, now)
    age = None if source.proven_at is None else now - source.proven_at
    registry = source.kind in ("registry", "control")
    cells = {
        "name": tag("span", esc(source.name), class_="mono"),
        "state": _state(source, stale),
        "since": moment(source.connected_at) if source.connected_at is not None else esc(fmt.UNKNOWN),
        "age": esc(whole(age)),
        "revision": esc(fmt.count(source.revision) if registry else fmt.UNKNOWN),
        "events": esc(fmt.count(source.events)),
        "rate": esc(fmt.rate(rates.of(f"source {source.name}", source.events, now))),
        "reason": esc(source.reason),
    }
    return Row(source.name, cells, "is-wait is-problem" if stale else "")


def _state(source: Source, stale: bool) -> Html:
    if stale:
        return pill("stale", "wait", "bang")
    if source.proven_at is None:
        return pill("waiting", "idle", "ring")
    if source.kind in ("registry", "control") and not source.synced:
        return pill("listing", "idle", "half")
    return pill("live", "up")


def _alarms(process: Process) -> Html:
    if not process.alarms:
        return Html("")
    return notice(
        "down", "etcd raises an alarm", f"{', '.join(process.alarms)}. Until it is disarmed, etcd refuses writes."
    )


def _etcd(cost: Cost, process: Process) -> Html:
    stats = cost.stats
    alarms = "not known yet" if process.alarms is None else ", ".join(process.alarms) or "none"
    methods = ", ".join(f"{name} {fmt.count(number)}" for name, number in stats.rpcs_by_method) or "none"
    return facts(
        [
            ("Endpoints", tag("span", esc(", ".join(process.etcd)), class_="mono")),
            ("Cluster", tag("span", esc(process.cluster or "not known yet"), class_="mono")),
            ("Alarms", esc(alarms)),
            ("Watches", esc(fmt.count(stats.watches))),
            ("RPCs", esc(f"{fmt.count(stats.rpcs)}{_rate(cost.rpcs_per_s, 'RPC/s')}")),
            ("By method", esc(methods)),
            ("Bytes in", esc(f"{size(stats.bytes_in)}{_rate(cost.bytes_per_s, 'B/s')}")),
            ("Bytes out", esc(size(stats.bytes_out))),
            ("Promise", esc("one watch a prefix, at most 5 RPC/s at rest")),
        ]
    )


def _rate(value: float | None, unit: str) -> str:
    return "" if value is None else f"; {fmt.rate(value)} {unit} now"


def _memory(parts: Mapping[str, int]) -> Html:
    total = [("Together", tag("b", esc(size(sum(parts.values())))))]
    return facts(total + [(name, esc(size(held))) for name, held in sorted(parts.items(), key=lambda item: -item[1])])


def _process(view: LiveView, process: Process) -> Html:
    clients = sum(client.gone_at is None for s in view.state.services.values() for client in s.clients.values())
    steers = ", ".join(process.control) or "nothing: read-only"
    return facts(
        [
            ("Version", esc(process.version)),
            ("Started", moment(process.started_at)),
            ("Watched", tag("span", esc(", ".join(process.watches) or "no prefix"), class_="mono")),
            ("May steer", tag("span", esc(steers), class_="mono")),
            ("Telemetry", tag("span", esc(process.telemetry or "not served"), class_="mono")),
            ("xDS", tag("span", esc(process.xds or "not served"), class_="mono")),
            ("Services", esc(fmt.count(len(view.state.services)))),
            ("Clients", esc(fmt.count(clients))),
            ("Viewers", esc(f"{fmt.count(process.viewers)} on {fmt.plural(process.pages, 'page')}")),
        ]
    )


def size(held: float) -> str:
    """Bytes for people: 812 B, 34 kB, 1.2 MB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if held >= scale:
            return f"{held / scale:.1f} {unit}" if held < 10 * scale else f"{held / scale:.0f} {unit}"
    return f"{held:.0f} B"
