"""One command on its way from the transaction to every client (DESIGN 8). Pure: `advance` takes in a new look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from lbdash.control.obey import connected, why_not
from lbdash.control.plan import kinds_of
from lbdash.control.words import admin_state, fields_of, seconds_of, text_of
from lbdash.live.state import Client, Service
from lbdash.live.view import LiveView
from lbdash.registry.control_keys import admin_key, generation_key, parse_key
from lbdash.registry.routing import Routing, Stamp


@dataclass(frozen=True, slots=True)
class Track:
    """What is remembered of a command. Times are seconds on the store's clock.

    `wanted`: etcd key -> value text (None = absent) that it writes. `base`: generation and revision it was made on.
    `answered_at` None: not answered yet, or not our transaction. `members` None: seen through the watch only, so
    who was connected when it was made is not known. `picks` and `ignored` are counters at the moment a client
    had applied it: what comes after on a drained SubConn is a violation.
    """

    id: str
    service: str
    verb: str
    text: str
    by: str
    reason: str
    at: float
    wanted: Mapping[str, str | None]
    kinds: frozenset[str]
    backends: tuple[str, ...] = ()  # drained or put in maint by it
    until: float | None = None
    base: tuple[int, int] = (0, 0)
    outcome: str = "attempted"  # "applied" | "unknown" | "conflict" | "failed"
    generation: int | None = None
    revision: int | None = None
    answered_at: float | None = None
    members: Mapping[str, str] | None = None  # client id -> name
    epochs: Mapping[str, int] = field(default_factory=dict)
    seen: Mapping[str, float] = field(default_factory=dict)  # client id -> receive time
    picks: Mapping[tuple[str, str], int] = field(default_factory=dict)  # by (client, address)
    ignored: Mapping[str, int] = field(default_factory=dict)
    held: tuple[str, ...] = ()  # those of `backends` whose key is still as it wrote it
    expired: bool = False
    violations: int = 0  # of backends that are no longer held
    returns_at: float | None = None  # by the lease, as last asked


Values = Mapping[str, str | None]  # etcd key -> value text; None = absent


def new_track(
    id: str, service: str, verb: str, text: str, stamp: Stamp, at: float, wanted: Values, before: Values
) -> Track:
    """A command that writes `wanted` where `before` was. What clients must do follows from the two."""
    refs = [(parse_key(key), value) for key, value in wanted.items()]
    backends = tuple(ref.address for ref, value in refs if ref is not None and admin_state(value))
    ends = [end for value in wanted.values() if (end := _until(value)) is not None]
    return Track(
        id=id,
        service=service,
        verb=verb,
        text=text,
        by=stamp.by,
        reason=stamp.reason,
        at=at,
        wanted=wanted,
        kinds=kinds_of((key, before.get(key), value) for key, value in wanted.items()),
        backends=backends,
        held=backends,
        until=max(ends, default=None),
    )


def expected(service: Service, kinds: Iterable[str]) -> list[Client]:
    """Those that are connected and can obey."""
    wanted = sorted(kinds)
    return [client for client in connected(service) if not why_not(client, wanted)]


def landed(track: Track, routing: Routing) -> tuple[int, int] | None:
    """(revision, generation) when `routing` shows that the transaction was applied: its id, or what it wrote."""
    raw = routing.raw.get(generation_key(routing.service))
    if raw is not None and routing.generation.command == track.id:
        return raw.mod_revision, routing.generation.number
    for key, text in track.wanted.items():
        found = routing.raw.get(key)
        if text is not None and found and found.mod_revision > track.base[1] and text_of(found.value) == text:
            return found.mod_revision, track.base[0] + 1
    return None


def overtaken(track: Track, routing: Routing) -> bool:
    """Another command has the generation it wanted, so its compare cannot have succeeded."""
    return routing.generation.number == track.base[0] + 1 and routing.generation.command != track.id


def advance(track: Track, view: LiveView, service: Service, clients: Iterable[Client]) -> Track:
    """`track` after a look at `service`: who of `clients` has applied it by now, and what it still holds."""
    if track.revision is None:
        return track
    return _holding(_seeing(track, view, service, clients), view, service)


def violations(track: Track, view: LiveView) -> int:
    """Picks on drained SubConns after their client had applied it; those that ignored drains rightly do not count."""
    told = view.numbers(track.service).backends
    if not track.seen or all(a in told and told[a].picks_since_override == 0 for a in track.held):
        return track.violations  # most drains: the store has counted none, ignored drains included
    later: dict[str, int] = {}
    for address in track.held:
        for row in view.subconns(track.service, address=address):
            if row.client in track.seen:
                known = track.picks.get((row.client, address), 0)
                later[row.client] = later.get(row.client, 0) + max(0, row.totals.picks - known)
    numbers = view.numbers(track.service).clients
    excused = {id: numbers[id].override_ignored - track.ignored.get(id, 0) for id in later if id in numbers}
    if "drain" not in track.kinds:
        excused = {}
    return track.violations + sum(max(0, count - excused.get(id, 0)) for id, count in later.items())


def _seeing(track: Track, view: LiveView, service: Service, clients: Iterable[Client]) -> Track:
    kinds = sorted(track.kinds)
    news = [client for client in clients if _sees(track, client) and not why_not(client, kinds)]
    if not news:
        return track
    seen = dict(track.seen) | {client.id: _applied_at(client, view.now) for client in news}
    if not track.held:
        return replace(track, seen=seen)
    picks, ignored = dict(track.picks), dict(track.ignored)
    numbers = view.numbers(service.key).clients
    for client in news:
        ignored[client.id] = numbers[client.id].override_ignored if client.id in numbers else 0
        for row in view.subconns(service.key, client=client.id):
            if row.address in track.held:
                picks[client.id, row.address] = row.totals.picks
    return replace(track, seen=seen, picks=picks, ignored=ignored)


def _sees(track: Track, client: Client) -> bool:
    if client.id in track.seen or client.gone_at is not None:
        return False
    if client.list_epoch != track.epochs.get(client.id, client.list_epoch):
        return False
    return track.revision is not None and client.applied_revision >= track.revision


def _applied_at(client: Client, now: float) -> float:
    return now if client.applied_at is None else client.applied_at


def _holding(track: Track, view: LiveView, service: Service) -> Track:
    name, routing = service.routing.service, service.routing
    held = tuple(a for a in track.held if routing.mod_revision(admin_key(name, a)) == track.revision)
    if held == track.held or routing.revision < (track.revision or 0):  # our watch may lag behind the answer
        return track
    released = tuple(address for address in track.held if address not in held)
    # A client that has applied the release already may pick there again: only the others can still be at fault.
    obliged = {id: at for id, at in track.seen.items() if not _has_applied(service, id, routing.revision)}
    count = violations(replace(track, held=released, seen=obliged), view)
    return replace(track, held=held, violations=count)


def _has_applied(service: Service, id: str, revision: int) -> bool:
    client = service.clients.get(id)
    return client is None or client.applied_revision >= revision


def _until(text: str | None) -> float | None:
    until = fields_of(text).get("until")
    return seconds_of(until) if isinstance(until, str) else None
