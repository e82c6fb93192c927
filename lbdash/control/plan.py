"""From a command to the keys it changes. Pure: the executor writes them, guards judge the routing that results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lbdash.control.commands import Drain, Maint, Ready, Restore, SetPolicy, SetVersions, Weight
from lbdash.control.words import admin_state, fields_of, rfc3339, seconds_of, text_of
from lbdash.live.state import Service
from lbdash.model import Admin
from lbdash.registry.control_keys import admin_key, generation_key, parse_key, policy_key, versions_key, weight_key
from lbdash.registry.control_values import rewrite
from lbdash.registry.kv import KeyValue, WatchDelete, WatchPut
from lbdash.registry.routing import Raw, Routing
from lbdash.registry.routing_fold import fold

Planned = Drain | Maint | Ready | Weight | SetVersions | SetPolicy | Restore


@dataclass(frozen=True, slots=True)
class Change:
    """One key: what our watch has (None = absent) and what it shall be. `leased`: the put hangs on the plan's lease."""

    key: str
    before: Raw | None
    after: bytes | None
    leased: bool = False

    @property
    def compared(self) -> int:
        """The mod_revision a transaction compares; 0 = absent."""
        return self.before.mod_revision if self.before else 0


@dataclass(frozen=True, slots=True)
class Plan:
    """`lease_s`: grant a lease of so many seconds first and put the leased changes on it; None = no lease."""

    changes: tuple[Change, ...]
    lease_s: int | None = None

    @property
    def before(self) -> dict[str, str | None]:
        return {change.key: text_of(change.before.value) if change.before else None for change in self.changes}

    @property
    def after(self) -> dict[str, str | None]:
        return {change.key: None if change.after is None else text_of(change.after) for change in self.changes}

    @property
    def kinds(self) -> frozenset[str]:
        """What a client must be able to obey to follow, as `kinds_of` names it."""
        before = self.before
        return kinds_of((key, before[key], value) for key, value in self.after.items())


def plan(service: Service, command: Planned, by: str, reason: str, now: float) -> Plan:
    """The keys `command` changes. Its content is not judged here: `checks` comes first."""
    stamp = {"by": by, "reason": reason, "at": rfc3339(now)}
    name = service.routing.service
    match command:
        case Drain(backends, for_s) | Maint(backends, for_s):
            return _limited(service, command.verb, backends, for_s, stamp, now)
        case Ready(backends):
            return _changes(service, {admin_key(name, address): None for address in backends})
        case Weight(weights):
            return _changes(service, _weights(service, weights, stamp))
        case SetVersions(value):
            return _changes(service, {versions_key(name): None if value is None else {**value, **stamp}})
        case SetPolicy(value):
            return _changes(service, {policy_key(name): _policy(value, stamp)})
        case Restore():
            return _restored(service, command.values, now)


def resulting(routing: Routing, changes: Iterable[Change]) -> Routing:
    """`routing` as every watcher will fold it once `changes` are written."""
    return fold(routing, [_event(change) for change in changes])


def generation_value(routing: Routing, id: str, by: str, reason: str, now: float) -> bytes:
    stamp = {"by": by, "at": rfc3339(now), "reason": reason}
    raw = routing.raw.get(generation_key(routing.service))
    return rewrite(raw, {"generation": routing.generation.number + 1, "command": id, **stamp})


def kinds_of(changes: Iterable[tuple[str, str | None, str | None]]) -> frozenset[str]:
    """What a client must obey to follow changes (key, before, after): "drain" "maint" "weight" "versions" "policy"."""
    found = set()
    for key, before, after in changes:
        ref = parse_key(key)
        if ref is not None and ref.kind != "generation":
            found.add(ref.kind if ref.kind != "admin" else admin_state(after) or admin_state(before) or Admin.DRAIN)
    return frozenset(str(kind) for kind in found)


# ---- per command


def _changes(service: Service, fields: Mapping[str, Mapping[str, Any] | None], leased: bool = False) -> Plan:
    raw = service.routing.raw
    changes = [
        Change(key, raw.get(key), None if values is None else rewrite(raw.get(key), values), leased)
        for key, values in fields.items()
    ]
    return Plan(tuple(changes))


def _limited(
    service: Service, state: str, backends: Iterable[str], for_s: int | None, stamp: Mapping[str, str], now: float
) -> Plan:
    """One lease for the whole command: its backends return at the same instant, and it costs one RPC, not 100."""
    until = None if for_s is None else rfc3339(now + for_s)
    fields = {
        admin_key(service.routing.service, address): {
            "state": state,
            "until": until,
            "registration": registration_id(service, address),
            **stamp,
        }
        for address in backends
    }
    return Plan(_changes(service, fields, leased=for_s is not None).changes, for_s)


def _weights(
    service: Service, weights: Mapping[str, int | None], stamp: Mapping[str, str]
) -> dict[str, Mapping[str, Any] | None]:
    name = service.routing.service
    return {
        weight_key(name, address): None
        if weight is None
        else {"weight": weight, "registration": registration_id(service, address), **stamp}
        for address, weight in weights.items()
    }


def _policy(value: Mapping[str, Any] | None, stamp: Mapping[str, str]) -> Mapping[str, Any] | None:
    # A config belongs to its policy's name, so one that is left out is empty, not the last policy's.
    return None if value is None else {"config": {}, **value, **stamp}


def _restored(service: Service, values: Mapping[str, str | None], now: float) -> Plan:
    """Values return byte for byte. One that had an end gets a new lease for what is left of it, or stays away."""
    ends = [end for text in values.values() if (end := _end(text)) is not None]
    left = int(max(ends) - now) if ends else None
    changes = [_put_back(service, key, text, left) for key, text in values.items()]
    return Plan(tuple(changes), left if any(change.leased for change in changes) else None)


def _put_back(service: Service, key: str, text: str | None, left: int | None) -> Change:
    limited = _end(text) is not None
    if text is None or (limited and (left is None or left < 1)):
        return Change(key, service.routing.raw.get(key), None)
    return Change(key, service.routing.raw.get(key), text.encode(), limited)


def _end(text: str | None) -> float | None:
    until = fields_of(text).get("until")
    return seconds_of(until) if isinstance(until, str) else None


def registration_id(service: Service, address: str) -> str:
    backend = service.backends.get(address)
    return backend.registrations[0].id if backend and backend.registrations else ""


def _event(change: Change) -> WatchPut | WatchDelete:
    key = change.key.encode()
    if change.after is None:
        return WatchDelete(key, 0)
    return WatchPut(KeyValue(key, change.after, 0, change.compared + 1, 1, 1 if change.leased else 0))
