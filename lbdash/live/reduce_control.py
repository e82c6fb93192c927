"""What control keys say: routing per service, freeze, other dashboards, announced clients."""

from __future__ import annotations

import json
from collections.abc import Iterable
from urllib.parse import unquote

from lbdash.live.draft import Draft
from lbdash.live.events import ControlChanged
from lbdash.live.state import Peer
from lbdash.registry.control_keys import CLIENTS, FREEZE, INSTANCES, intended
from lbdash.registry.kv import WatchDelete, WatchPut
from lbdash.registry.routing import Routing, Stamp
from lbdash.registry.routing_fold import fold

MAX_ANNOUNCED = 10_000

ControlEvent = WatchPut | WatchDelete


def control_changed(draft: Draft, event: ControlChanged) -> None:
    by_service: dict[str, list[ControlEvent]] = {}
    for change in event.events:
        key = key_of(change)
        ref = intended(key)
        if ref is not None:
            by_service.setdefault(ref.service, []).append(change)
        else:
            _other(draft, key, change)
    for name, changes in by_service.items():
        _route(draft, name, changes)


def key_of(event: ControlEvent) -> str:
    return (event.kv.key if isinstance(event, WatchPut) else event.key).decode(errors="backslashreplace")


def _route(draft: Draft, name: str, changes: Iterable[ControlEvent]) -> None:
    """All services of that name: clients watch the keys by name, whatever the convention."""
    keys = [key for key in draft.keys_of_services() if (found := draft.peek(key)) is not None and found.name == name]
    if keys:
        routing = fold(draft.service(keys[0]).routing, changes)
        for key in keys:
            draft.service(key).routing = routing
        return
    routing = fold(draft.orphans.get(name) or Routing(name), changes)
    rest = {other: value for other, value in draft.orphans.items() if other != name}
    draft.orphans = {**rest, name: routing} if routing.raw else rest
    draft.touch()


def _other(draft: Draft, key: str, change: ControlEvent) -> None:
    value = change.kv.value if isinstance(change, WatchPut) else None
    if key == FREEZE:
        draft.freeze_stamp = None if value is None else _stamp(value)
        draft.freeze_revision = change.kv.mod_revision if isinstance(change, WatchPut) else 0
    elif key.startswith(INSTANCES):
        _peer(draft, key.removeprefix(INSTANCES), value)
    elif key.startswith(CLIENTS):
        _announced(draft, unquote(key.removeprefix(CLIENTS)), value)
    draft.touch()


def _stamp(value: bytes) -> Stamp:
    """A freeze nobody can read still freezes."""
    try:
        data = json.loads(value)
        return Stamp(*(str(data.get(name, ""))[:300] for name in ("by", "at", "reason")))
    except (ValueError, AttributeError, RecursionError):
        return Stamp(reason="the freeze key's value is not readable")


def _peer(draft: Draft, id: str, value: bytes | None) -> None:
    if id == draft.base.instance:
        return
    rest = tuple(peer for peer in draft.peers if peer.id != id)
    draft.peers = rest if value is None else (*rest, Peer(id, _whereabouts(value)))[-100:]


def _whereabouts(value: bytes) -> str:
    """`staging on host-7, http://...` as far as it says so."""
    try:
        data = json.loads(value)
        name, host, http = (str(data.get(field) or "")[:200] for field in ("name", "host", "http"))
    except (ValueError, AttributeError, RecursionError):
        return _text(value)
    place = " on ".join(part for part in (name, host) if part)
    return ", ".join(part for part in (place, http) if part)


def _announced(draft: Draft, id: str, value: bytes | None) -> None:
    rest = {other: text for other, text in draft.announced.items() if other != id}
    draft.announced = rest if value is None or len(rest) >= MAX_ANNOUNCED else {**rest, id: _text(value)}


def _text(value: bytes) -> str:
    return value[:1000].decode(errors="backslashreplace")
