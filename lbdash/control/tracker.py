"""The commands on their way: our own, and those of others as far as the watch shows them. One writer, no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lbdash.control.progress import Progress, report
from lbdash.control.track import Track, advance, landed, new_track, overtaken
from lbdash.control.words import admin_state, listed, seconds_of, stamp_of, text_of
from lbdash.live.state import Client, Service, State
from lbdash.live.view import LiveView
from lbdash.registry.control_keys import FREEZE, admin_key, generation_key, parse_key
from lbdash.registry.routing import Routing, Stamp

RECENT_S = 60.0  # a command stays in `active` for so long after it was made
_OPEN = ("attempted", "unknown")


class Tracker:
    """Keeps the last `limit` tracks; drains in force and open ones outlive the rest."""

    def __init__(self, limit: int = 500) -> None:
        self._limit = limit
        self._tracks: dict[str, Track] = {}  # in order of arrival
        self._services: dict[str, Service] = {}  # as of the last look
        self._fresh: set[str] = set()  # tracks that changed since: they look at every client, others at news only

    def get(self, id: str) -> Track | None:
        return self._tracks.get(id)

    def put(self, track: Track) -> None:
        self._tracks[track.id] = track
        self._fresh.add(track.id)
        if len(self._tracks) > self._limit:
            done = (t.id for t in self._tracks.values() if t.outcome not in _OPEN and not t.held)
            oldest = next(done, next(iter(self._tracks)))
            del self._tracks[oldest]
            self._fresh.discard(oldest)

    def answered(self, id: str, outcome: str, generation: int | None, revision: int | None, at: float) -> None:
        """The transaction's answer. An answer that was lost does not unsay what the watch told before it."""
        track = self._tracks.get(id)
        if track is None:
            return
        if outcome == "applied":
            self.put(replace(track, outcome=outcome, generation=generation, revision=revision, answered_at=at))
        elif outcome == "unknown" and track.revision is not None:
            self.put(replace(track, outcome="applied"))
        else:
            self.put(replace(track, outcome=outcome))

    def progress(self, id: str, view: LiveView) -> Progress | None:
        track = self._tracks.get(id)
        return report(track, view) if track else None

    def active(self, view: LiveView) -> Sequence[Progress]:
        """Newest first: drains in force, what is not decided yet, and the commands of the last minute."""
        found = [t for t in self._tracks.values() if _is_active(t, view.now)]
        return [report(track, view) for track in reversed(found)]

    def holding(self, service: str, address: str) -> Track | None:
        """The command whose override of `address` is in force."""
        found = (t for t in reversed(self._tracks.values()) if t.service == service and address in t.held)
        return next(found, None)

    def observe(self, view: LiveView) -> Sequence[Track]:
        """Take in a new look. Returns tracks that were unknown and are decided now."""
        decided: list[Track] = []
        known, self._services = self._services, dict(view.state.services)
        moved = [service for key, service in self._services.items() if known.get(key) is not service]
        for service in moved:
            before = known[service.key].routing if service.key in known else None
            if before is not service.routing:
                decided += self._decide(service)
                self._expire(service, before, view.now)
                self._adopt(service, before, view.now)
        decided += self._decide_freeze(view.state)
        self._advance(view, {s.key: _news(s, known.get(s.key)) for s in moved})
        return decided

    def _advance(self, view: LiveView, news: Mapping[str, Sequence[Client]]) -> None:
        for track in [t for t in self._tracks.values() if t.service in news or t.id in self._fresh]:
            service = self._services.get(track.service)
            if service is not None and track.outcome == "applied":
                fresh = track.id in self._fresh
                clients = service.clients.values() if fresh else news[track.service]
                self._tracks[track.id] = advance(track, view, service, clients)
                self._fresh.discard(track.id)

    # ---- what a new routing tells

    def _decide(self, service: Service) -> Iterator[Track]:
        for track in [t for t in self._tracks.values() if t.service == service.key and t.outcome in _OPEN]:
            if found := landed(track, service.routing):
                revision, generation = found
                yield from self._settle(track, "applied", revision, generation)
            elif track.outcome == "unknown" and overtaken(track, service.routing):
                yield from self._settle(track, "failed", None, None)

    def _decide_freeze(self, state: State) -> Iterator[Track]:
        for track in [t for t in self._tracks.values() if FREEZE in t.wanted and t.outcome in _OPEN]:
            wanted = track.wanted[FREEZE]
            if state.freeze == (None if wanted is None else stamp_of(wanted)):
                yield from self._settle(track, "applied", state.freeze_revision, None)

    def _settle(self, track: Track, outcome: str, revision: int | None, generation: int | None) -> Iterator[Track]:
        """An attempted one is still awaited: its answer brings the outcome, only the revision is noted."""
        unknown = track.outcome == "unknown"
        told = outcome if unknown else track.outcome
        self.put(replace(track, outcome=told, revision=revision, generation=generation))
        if unknown:
            yield self._tracks[track.id]

    def _expire(self, service: Service, before: Routing | None, now: float) -> None:
        """Admin keys on a lease that went without a command: the lease ended. It has its own way to the clients."""
        key = generation_key(service.routing.service)
        if before is None or before.mod_revision(key) != service.routing.mod_revision(key):
            return
        gone = [a for a, override in before.admin.items() if override.lease and a not in service.routing.admin]
        for track in list(self._tracks.values()):
            ended = [address for address in track.held if track.service == service.key and address in gone]
            if ended:
                self.put(replace(track, expired=True))
                self.put(_expiry(track, ended, service, before, now))

    def _adopt(self, service: Service, before: Routing | None, now: float) -> None:
        """Commands of others: by the generation's id, or, for keys edited by hand, by their revision."""
        routing = service.routing
        revision = routing.mod_revision(generation_key(routing.service))
        id = routing.generation.command
        if before is not None and id and id not in self._tracks and revision > before.revision:
            self.put(_adopted(id, service, before, revision, routing.generation.stamp, now))
        if self._awaited(service.key):
            return
        known = {t.revision for t in self._tracks.values() if t.service == service.key}
        found = [routing.raw[admin_key(routing.service, address)] for address in routing.admin]
        for raw in {raw.mod_revision: raw for raw in found if raw.mod_revision not in known}.values():
            name = id if id and raw.mod_revision == revision else f"revision-{raw.mod_revision}"
            if name not in self._tracks:
                self.put(_adopted(name, service, before, raw.mod_revision, stamp_of(raw.value), now))

    def _awaited(self, service: str) -> bool:
        """One of our own transactions has no answer yet: what the watch shows may be its doing."""
        ours = (track for track in self._tracks.values() if track.service == service)
        return any(track.outcome == "attempted" and track.revision is None for track in ours)


def _news(service: Service, before: Service | None) -> Sequence[Client]:
    """Clients that changed since the last look."""
    old = before.clients if before else {}
    return [client for id, client in service.clients.items() if old.get(id) is not client]


def _is_active(track: Track, now: float) -> bool:
    return bool(track.held and track.outcome == "applied") or track.outcome in _OPEN or now - track.at < RECENT_S


def _adopted(id: str, service: Service, before: Routing | None, revision: int, stamp: Stamp, now: float) -> Track:
    """A command as its traces show it: keys of its revision, and keys that went with it."""
    routing, old = service.routing, before or Routing(service.routing.service)
    wanted: dict[str, str | None] = {
        key: text_of(raw.value) for key, raw in routing.raw.items() if raw.mod_revision == revision and _steers(key)
    }
    if revision == routing.mod_revision(generation_key(routing.service)):
        wanted |= {key: None for key in old.raw if key not in routing.raw and _steers(key)}
    earlier = {key: text_of(old.raw[key].value) if key in old.raw else None for key in wanted}
    verb = _verb(wanted)
    addresses = [ref.address for key in wanted if (ref := parse_key(key)) is not None and ref.address]
    text = f"{verb} {listed(addresses)}" if addresses else verb
    at = seconds_of(stamp.at)
    track = new_track(id, service.key, verb, text, stamp, now if at is None else at, wanted, earlier)
    generation = routing.generation.number if id == routing.generation.command else None
    return replace(track, outcome="applied", revision=revision, generation=generation)


def _steers(key: str) -> bool:
    ref = parse_key(key)
    return ref is not None and ref.kind != "generation"


def _verb(wanted: Mapping[str, str | None]) -> str:
    for key, text in wanted.items():
        ref = parse_key(key)
        if ref is not None:
            return (admin_state(text) or "ready") if ref.kind == "admin" else ref.kind
    return "command"


def _expiry(track: Track, ended: list[str], service: Service, before: Routing, now: float) -> Track:
    keys = [admin_key(service.routing.service, address) for address in ended]
    wanted: dict[str, str | None] = dict.fromkeys(keys)
    old = {key: text_of(before.raw[key].value) for key in keys if key in before.raw}
    text = f"{track.verb} of {listed(ended)} ended by itself"
    made = new_track(f"{track.id}.expired", track.service, "expired", text, Stamp(), now, wanted, old)
    return replace(made, outcome="applied", revision=service.routing.revision)
