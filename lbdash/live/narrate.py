"""Turn events into notes for the timeline, by looking at the topology before and after them. Pure.

SubConn states are told by `counters`, which alone knows the state before.
"""

from __future__ import annotations

from collections.abc import Iterator

from lbdash.live.events import (
    ClientClosed,
    ClientOpened,
    CommandRecorded,
    ControlChanged,
    Event,
    RegistrationsChanged,
    SourceLost,
    SourceProven,
    TelemetryRejected,
)
from lbdash.live.reduce_control import key_of
from lbdash.live.state import State
from lbdash.live.timeline import Note
from lbdash.model import Registration
from lbdash.registry.control_keys import FREEZE, ControlKey, parse_key
from lbdash.registry.kv import WatchDelete, WatchPut
from lbdash.registry.routing import Routing

_OUTCOMES = {"applied": "ok", "attempted": "info", "failed": "error"}


def narrate(before: State, after: State, event: Event) -> Iterator[Note]:
    """`before` and `after` are the snapshots around the batch that `event` came in."""
    match event:
        case SourceProven() | SourceLost():
            yield from _source(before, event)
        case RegistrationsChanged():
            yield from _registrations(before, after, event)
        case ControlChanged():
            yield from _control(before, after, event)
        case ClientOpened() | ClientClosed() | TelemetryRejected():
            yield from _client(before, after, event)
        case CommandRecorded():
            severity = _OUTCOMES.get(event.outcome, "warning")
            text = f"{event.verb} by {event.by}: {event.outcome}" + (f" ({event.text})" if event.text else "")
            yield Note(event.at, "command", severity, event.service, text, command=event.id)


def _source(before: State, event: SourceProven | SourceLost) -> Iterator[Note]:
    known = before.sources.get(event.source)
    if isinstance(event, SourceLost):
        if known is None or known.lost_at is None:
            yield Note(event.at, "source", "error", "", f"{event.source}: lost ({event.reason})")
    elif known is None or known.connected_at is None:
        yield Note(event.at, "source", "info", "", f"{event.source}: connected")
    elif known.lost_at is not None:
        gap = event.at - known.lost_at
        yield Note(event.at, "source", "ok", "", f"{event.source}: back after {gap:.0f} s")


# ---- registrations


def _registrations(before: State, after: State, event: RegistrationsChanged) -> Iterator[Note]:
    source = before.sources.get(event.source)
    if source is None or not source.synced:
        return  # the first list is what there was, not what happened
    for registration in event.puts:
        yield from _put(before, after, registration, event.at)
    for key in event.deletes:
        yield from _deleted(before, after, key, event.at)


def _put(before: State, after: State, registration: Registration, at: float) -> Iterator[Note]:
    service = after.keys.get(registration.key, ("", ""))[0]
    where, address = before.keys.get(registration.key), registration.address
    if not address:
        why = "; ".join(problem.text for problem in registration.problems) or "no address"
        yield Note(at, "problem", "warning", service, f"registration {registration.key} cannot be used: {why}")
    elif where is None or where[1] != address:
        version = f", version {registration.version}" if registration.version else ""
        text = f"registered with weight {registration.weight}{version}"
        yield Note(at, "registered", "info", service, text, address)
    else:
        changes = _changes(before, service, registration)
        if changes:
            yield Note(at, "registered", "info", service, f"registration changed: {changes}", address)


def _changes(before: State, service: str, new: Registration) -> str:
    backend = before.services[service].backends.get(new.address) if service in before.services else None
    old = next((known for known in backend.registrations if known.key == new.key), None) if backend else None
    if old is None:
        return ""
    fields = [name for name in ("version", "weight", "online") if getattr(old, name) != getattr(new, name)]
    return ", ".join(f"{name} {getattr(old, name)} -> {getattr(new, name)}" for name in fields)


def _deleted(before: State, after: State, key: str, at: float) -> Iterator[Note]:
    where = before.keys.get(key)
    if where is None or not where[1]:
        return
    service, address = where
    known = after.services[service].backends.get(address) if service in after.services else None
    if known is not None and known.registrations:
        yield Note(at, "deregistered", "info", service, "one of its registrations is gone", address)
    else:
        yield Note(
            at, "deregistered", "warning", service, "left the registry: key deleted, or its lease ended", address
        )


# ---- control keys


def _control(before: State, after: State, event: ControlChanged) -> Iterator[Note]:
    control = before.sources.get("control")
    if control is None or not control.synced:
        return
    commanded = {ref.service for change in event.events if (ref := _generation(change)) is not None}
    for change in event.events:
        ref = parse_key(key_of(change))
        if ref is not None:
            yield from _routing(before, after, ref, change, commanded, event.at)
        elif key_of(change) == FREEZE:
            put = isinstance(change, WatchPut)
            text = "all commands are frozen" if put else "commands are no longer frozen"
            yield Note(event.at, "routing", "warning" if put else "ok", "", text)


def _generation(change: WatchPut | WatchDelete) -> ControlKey | None:
    ref = parse_key(key_of(change))
    return ref if ref is not None and ref.kind == "generation" else None


def _routing(
    before: State, after: State, ref: ControlKey, change: WatchPut | WatchDelete, commanded: set[str], at: float
) -> Iterator[Note]:
    service = next((key for key, found in after.services.items() if found.name == ref.service), "")
    if not service or ref.kind == "generation":
        return
    routing = after.services[service].routing
    problem = routing.problems.get(key_of(change))
    if problem:
        yield Note(at, "problem", "warning", service, f"{ref.kind} key is not readable: {problem}", ref.address)
    elif isinstance(change, WatchDelete) and ref.service not in commanded:
        # No generation with it: nobody commanded this, so its lease ended (or a hand deleted it).
        held = before.services[service].routing if service in before.services else None
        state = held.admin_of(ref.address).value if held is not None and ref.kind == "admin" else ref.kind
        yield Note(at, "expired", "info", service, f"{state} ended by itself", ref.address)
    else:
        yield Note(at, "routing", "info", service, _said(routing, ref), ref.address)


def _said(routing: Routing, ref: ControlKey) -> str:
    if ref.kind == "admin":
        return f"admin state is now {routing.admin_of(ref.address).value}"
    if ref.kind == "weight":
        weight = routing.weight.get(ref.address)
        return f"weight override is now {weight.weight}" if weight else "weight override cleared"
    if ref.kind == "policy":
        return f"policy is now {routing.policy.name}" if routing.policy else "policy choice cleared"
    shares = routing.versions.shares if routing.versions else {}
    spelt = ", ".join(f"{version} {share} %" for version, share in shares.items())
    return f"version shares are now {spelt}" if spelt else "version shares cleared"


# ---- clients


def _client(before: State, after: State, event: ClientOpened | ClientClosed | TelemetryRejected) -> Iterator[Note]:
    owner = after.owners.get(event.id) or before.owners.get(event.id)
    if owner is None or owner not in after.services:
        return
    now = after.services[owner].clients.get(event.id)
    name = now.name if now is not None else event.id[:8]
    if isinstance(event, TelemetryRejected):
        yield Note(event.at, "problem", "warning", owner, f"telemetry refused: {event.reason}", client=event.id)
    elif isinstance(event, ClientOpened):
        came_back = event.id in before.owners
        known = before.services[owner].clients[event.id] if came_back else None
        if known is not None and known.gone_at is None and known.can_tell != event.can_tell:
            return  # it never left, and only what it can tell is another: a stock client began to report
        yield Note(event.at, "client", "info", owner, f"{name} {'is back' if came_back else 'joined'}", client=event.id)
    else:
        severity = "info" if event.reason == "closed" else "warning"
        yield Note(event.at, "client", severity, owner, f"{name} left: {event.reason}", client=event.id)
