"""Somebody was faster: both sides, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from lbdash.control.audit import AuditEntry
from lbdash.control.commands import Request
from lbdash.control.plan import Change
from lbdash.control.result import Difference
from lbdash.control.words import describe, stamp_of, text_of, value_in_words
from lbdash.live.state import Service
from lbdash.registry.control_keys import parse_key
from lbdash.registry.kv import KeyValue
from lbdash.registry.routing import Stamp


def difference(what: str, saw: str, wanted: str, now: str, stamp: Stamp) -> Difference:
    return Difference(what=what, saw=saw, wanted=wanted, now=now, by=stamp.by, at=stamp.at, reason=stamp.reason)


def other_generation(service: Service, request: Request) -> tuple[Difference, ...]:
    """The operator looked at another generation than the one that holds."""
    now = service.routing.generation
    if request.generation is None or request.generation == now.number:
        return ()
    saw, wanted = f"generation {request.generation}", describe(request.command)
    there = f"generation {now.number}" + (f" (command {now.command})" if now.command else "")
    return (difference("generation", saw, wanted, there, now.stamp),)


def touched_since(service: Service, undone: AuditEntry) -> tuple[Difference, ...]:
    """Keys of `undone` that are no longer as it left them."""
    raw = service.routing.raw
    found = ((key, left, raw.get(key)) for key, left in undone.after.items())
    changed = [(key, left, now) for key, left, now in found if (now.mod_revision if now else 0) != _left(left, undone)]
    return tuple(
        _differs(key, left, undone.before.get(key), text_of(now.value) if now else None) for key, left, now in changed
    )


def _left(value: str | None, entry: AuditEntry) -> int | None:
    """The mod_revision a key of `entry` has while nobody touches it."""
    return 0 if value is None else entry.revision


def _differs(key: str, saw: str | None, wanted: str | None, now: str | None) -> Difference:
    words = [value_in_words(key, value) for value in (saw, wanted, now)]
    return difference(key, words[0], words[1], words[2], stamp_of(now))


def failed_compares(changes: Iterable[Change], current: Iterable[KeyValue]) -> tuple[Difference, ...]:
    """Changes whose key etcd has otherwise than we do; `current` are the keys of a failed transaction, if present."""
    there = {kv.key.decode(errors="backslashreplace"): kv for kv in current}
    return tuple(
        _failed(change, there.get(change.key))
        for change in changes
        if change.compared != (there[change.key].mod_revision if change.key in there else 0)
    )


def _failed(change: Change, now: KeyValue | None) -> Difference:
    ref = parse_key(change.key)
    what = "generation" if ref is not None and ref.kind == "generation" else change.key
    saw = value_in_words(change.key, change.before.value if change.before else None)
    value = now.value if now else None
    there = value_in_words(change.key, value)
    return difference(what, saw, value_in_words(change.key, change.after), there, stamp_of(value))
