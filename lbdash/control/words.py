"""Commands and control values in words, and the times in them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from lbdash.control.commands import Command, Drain, Freeze, Maint, Ready, Restore, SetPolicy, SetVersions, Undo, Weight
from lbdash.model import Admin
from lbdash.registry.routing import Stamp


def rfc3339(at: float) -> str:
    """UTC, milliseconds: "2026-01-02T03:04:05.678Z"."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_of(text: str) -> float | None:
    """The inverse of `rfc3339`, for any offset; None when it is no such time."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.timestamp() if at.tzinfo else None


def describe(command: Command | Restore) -> str:
    """The command in words, for people: "drain 10.0.0.1:80 and 10.0.0.2:80 for 4 h"."""
    match command:
        case Drain(backends, for_s) | Maint(backends, for_s):
            return f"{command.verb} {listed(backends)} {'until ended' if for_s is None else 'for ' + duration(for_s)}"
        case Ready(backends):
            return f"return {listed(backends)} to service"
        case Weight(weights):
            return "weight " + listed(f"{a} {'as registered' if w is None else w}" for a, w in weights.items())
        case SetVersions(value):
            return "clear versions" if value is None else f"versions {_shares(value)}"
        case SetPolicy(value):
            return "clear policy" if value is None else f"policy {value.get('name')}"
        case Undo(of) | Restore(of):
            return f"undo {of}"
        case Freeze(on):
            return "freeze all commands" if on else "end the freeze"


def listed(names: Iterable[str], most: int = 3) -> str:
    """ "a, b and c"; "a, b, c and 4 more"."""
    items = list(names)
    if len(items) > most + 1:
        return f"{', '.join(items[:most])} and {len(items) - most} more"
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def duration(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{int(seconds // size)} {unit}"
    return f"{seconds:g} s"


def _shares(value: Mapping[str, Any]) -> str:
    shares = value.get("shares")
    if not isinstance(shares, Mapping) or not shares:
        return "rules"
    return ", ".join(f"{version} {share} %" for version, share in shares.items())


# ---- values


def text_of(value: bytes) -> str:
    return value.decode(errors="backslashreplace")


def fields_of(value: bytes | str | None) -> dict[str, Any]:
    try:
        data = json.loads(value or "{}")
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def admin_state(value: bytes | str | None) -> str | None:
    state = fields_of(value).get("state")
    return state if state in (Admin.DRAIN, Admin.MAINT) else None


def value_in_words(key: str, value: bytes | str | None) -> str:
    """What a control key says, short: "drain", "weight 50", "absent", or its JSON."""
    if value is None:
        return "absent"
    data = fields_of(value)
    if (state := admin_state(value)) is not None:
        return state
    if isinstance(data.get("weight"), int):
        return f"weight {data['weight']}"
    if "generation" in data:
        return f"generation {data['generation']}"
    return (value if isinstance(value, str) else text_of(value))[:200]


def stamp_of(value: bytes | str | None) -> Stamp:
    """Who wrote a value, as it says itself."""
    data = fields_of(value)
    return Stamp(*(str(data.get(name, ""))[:300] for name in ("by", "at", "reason")))
