"""Fold a watch of control keys into a Routing. Pure.

The dashboard and every client of our library fold the same watch through `fold`, so they agree.
A value that is malformed keeps the last good one and shows up in `Routing.problems`; it never raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from lbdash.registry.control_keys import ControlKey, intended, spelling
from lbdash.registry.control_values import parse
from lbdash.registry.kv import KeyValue, WatchDelete, WatchPut
from lbdash.registry.routing import Generation, Raw, Routing


def fold(routing: Routing, events: Iterable[WatchPut | WatchDelete]) -> Routing:
    """`routing` after `events`, in order. Events of other services and unknown keys are passed over."""
    for event in events:
        key = (event.kv.key if isinstance(event, WatchPut) else event.key).decode(errors="backslashreplace")
        ref = intended(key)
        if ref is not None and ref.service == routing.service:
            routing = _apply(routing, key, ref, event)
            routing = replace(routing, revision=_revision(event))
    return routing


def _apply(routing: Routing, key: str, ref: ControlKey, event: WatchPut | WatchDelete) -> Routing:
    if spelling(ref) != key:  # two keys for one thing would have no order: the page says which one counts
        problems = _without(routing.problems, key)
        if isinstance(event, WatchPut):
            problems = {**problems, key: f"this key is written {spelling(ref)}"[:400]}
        return replace(routing, problems=problems)
    return _put(routing, key, ref, event.kv) if isinstance(event, WatchPut) else _delete(routing, key, ref)


def _revision(event: WatchPut | WatchDelete) -> int:
    return event.kv.mod_revision if isinstance(event, WatchPut) else event.revision


def _put(routing: Routing, key: str, ref: ControlKey, kv: KeyValue) -> Routing:
    raw = {**routing.raw, key: Raw(kv.value, kv.mod_revision, kv.lease)}
    try:
        value = _with(routing, ref, parse(ref, kv))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        return replace(routing, raw=raw, problems={**routing.problems, key: _reason(error)})
    return replace(value, raw=raw, problems=_without(routing.problems, key))


def _delete(routing: Routing, key: str, ref: ControlKey) -> Routing:
    gone = _with(routing, ref, None)
    return replace(gone, raw=_without(routing.raw, key), problems=_without(routing.problems, key))


def _reason(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)[:200]


def _without(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return mapping if key not in mapping else {k: v for k, v in mapping.items() if k != key}


def _with(routing: Routing, ref: ControlKey, value: Any) -> Routing:
    fields: dict[str, Any] = {ref.kind: value}
    if ref.kind in ("admin", "weight"):
        rest = _without(getattr(routing, ref.kind), ref.address)
        fields = {ref.kind: rest if value is None else {**rest, ref.address: value}}
    elif ref.kind == "generation":
        fields = {"generation": value or Generation()}
    return replace(routing, **fields)
