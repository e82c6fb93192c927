"""What an operator may ask for: imperative, frozen, one transaction each. Their JSON is the body of POST .../commands.

`parse_command` checks shapes and types only. Whether a command makes sense for the service as it is
(unknown backends, shares that do not sum, the last READY backend) is for `guards` to say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lbdash.model import AddressError, canonical_address

DRAIN_S = 4 * 3600  # drains last 4 h unless told otherwise
MAX_FOR_S = 30 * 24 * 3600
MAX_VALUE_BYTES = 100_000  # of versions or policy: every client keeps a copy
MAX_BACKENDS = 100  # etcd takes 128 operations in a transaction


class BadCommand(ValueError):
    """The JSON is no command: `field` is where, `text` is why, in a sentence."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field}: {text}")
        self.field, self.text = field, text


@dataclass(frozen=True, slots=True)
class Drain:
    """No new picks while others can serve. `for_s` seconds, then it ends by itself; None = until someone ends it."""

    backends: tuple[str, ...]
    for_s: int | None = DRAIN_S
    verb: ClassVar[str] = "drain"


@dataclass(frozen=True, slots=True)
class Maint:
    """No new picks at all, even when nothing else is left."""

    backends: tuple[str, ...]
    for_s: int | None = None
    verb: ClassVar[str] = "maint"


@dataclass(frozen=True, slots=True)
class Ready:
    """Return to service: ends drain and maint. Never overrides what the backend itself says."""

    backends: tuple[str, ...]
    verb: ClassVar[str] = "ready"


@dataclass(frozen=True, slots=True)
class Weight:
    """Override weights by address, 1..65535; None clears the override."""

    weights: Mapping[str, int | None]
    verb: ClassVar[str] = "weight"


@dataclass(frozen=True, slots=True)
class SetVersions:
    """`value`: shares, rules, on_missing as in etcd; a field that is left out stays as it is. None clears all."""

    value: Mapping[str, Any] | None
    verb: ClassVar[str] = "versions"


@dataclass(frozen=True, slots=True)
class SetPolicy:
    """`value`: {"name", "config"}. None = back to what each client was built with."""

    value: Mapping[str, Any] | None
    verb: ClassVar[str] = "policy"


@dataclass(frozen=True, slots=True)
class Undo:
    """Put back what the keys of command `of` were before it."""

    of: str
    verb: ClassVar[str] = "undo"


@dataclass(frozen=True, slots=True)
class Freeze:
    """While on, every other command is refused, everywhere. Belongs to no service."""

    on: bool
    verb: ClassVar[str] = "freeze"


@dataclass(frozen=True, slots=True)
class Restore:
    """An Undo, looked up: what the keys of command `of` were before it (etcd key -> value text; None = absent)."""

    of: str
    values: Mapping[str, str | None]
    verb: ClassVar[str] = "undo"


Command = Drain | Maint | Ready | Weight | SetVersions | SetPolicy | Undo | Freeze


@dataclass(frozen=True, slots=True)
class Force:
    """To go past objections: the service's name typed again, and why."""

    service: str
    reason: str


@dataclass(frozen=True, slots=True)
class Request:
    """A command as asked. `service` is a Service.key ("" for Freeze); `by` is "operator@host".

    `generation` is the one the operator looked at; None = "I have not looked", which only Freeze may say.
    `id` makes it idempotent: the same id again gets the first result. `armed` False: the caller may not steer.
    """

    command: Command
    service: str
    generation: int | None
    reason: str
    by: str
    id: str
    force: Force | None = None
    armed: bool = True


# ---- JSON

_ENVELOPE = {"command", "service", "generation", "reason", "id", "force"}
_FIELDS = {
    "drain": {"backends", "for_s"},
    "maint": {"backends", "for_s"},
    "ready": {"backends"},
    "weight": {"weights"},
    "undo": {"of"},
    "freeze": {"on"},
}


def parse_command(data: Mapping[str, Any]) -> Command:
    """The command in the JSON body of POST .../commands (its envelope is passed over). Raises BadCommand.

    `versions` and `policy` carry the etcd value beside the envelope, or under "value"; `"value": null` clears.
    A field nobody knows is an error: a mistyped `for_s` must not become a drain of another length.
    """
    verb = data.get("command")
    if verb in ("versions", "policy"):
        return (SetVersions if verb == "versions" else SetPolicy)(_value(data))
    if not isinstance(verb, str) or verb not in _FIELDS:
        raise BadCommand("command", f"{verb!r} is none of {', '.join(sorted([*_FIELDS, 'policy', 'versions']))}")
    for field in data.keys() - _ENVELOPE - _FIELDS[verb]:
        raise BadCommand(field, f"{verb} has no such field")
    return _simple(verb, data)


def _simple(verb: str, data: Mapping[str, Any]) -> Command:
    match verb:
        case "drain":
            return Drain(_backends(data), _for_s(data, DRAIN_S))
        case "maint":
            return Maint(_backends(data), _for_s(data, None))
        case "ready":
            return Ready(_backends(data))
        case "weight":
            return Weight(_weights(data.get("weights")))
        case "undo":
            return Undo(_text(data, "of"))
    return Freeze(_flag(data, "on"))


def command_json(command: Command) -> dict[str, Any]:
    """The body that `parse_command` reads back."""
    match command:
        case Drain() | Maint():
            return {"command": command.verb, "backends": list(command.backends), "for_s": command.for_s}
        case Ready():
            return {"command": command.verb, "backends": list(command.backends)}
        case Weight():
            return {"command": command.verb, "weights": dict(command.weights)}
        case SetVersions() | SetPolicy():
            return {"command": command.verb, "value": None if command.value is None else dict(command.value)}
        case Undo():
            return {"command": command.verb, "of": command.of}
        case Freeze():
            return {"command": command.verb, "on": command.on}


def _value(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if "value" not in data:
        return _writable({key: value for key, value in data.items() if key not in _ENVELOPE})
    value = data["value"]
    if value is not None and not isinstance(value, Mapping):
        raise BadCommand("value", "is neither an object nor null")
    return None if value is None else _writable(value)


def _writable(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What Python reads as JSON is a little more than JSON: NaN, and half of a surrogate pair."""
    try:
        size = len(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())
    except (ValueError, TypeError, RecursionError) as error:
        raise BadCommand("value", f"cannot be written as JSON: {error}") from None
    if size > MAX_VALUE_BYTES:
        raise BadCommand("value", f"is {size} bytes, more than {MAX_VALUE_BYTES}")
    return value


def _backends(data: Mapping[str, Any]) -> tuple[str, ...]:
    found = data.get("backends")
    if not isinstance(found, list | tuple) or not found:
        raise BadCommand("backends", "is not a list of at least one address")
    return tuple(dict.fromkeys(_address(item, "backends") for item in found))


def _weights(found: object) -> Mapping[str, int | None]:
    if not isinstance(found, Mapping) or not found:
        raise BadCommand("weights", "is not an object of address -> weight (null clears)")
    for weight in found.values():
        if weight is not None and (isinstance(weight, bool) or not isinstance(weight, int)):
            raise BadCommand("weights", f"{weight!r} is neither an integer nor null")
    return {_address(address, "weights"): weight for address, weight in found.items()}


def _address(text: object, field: str) -> str:
    if not isinstance(text, str):
        raise BadCommand(field, f"{text!r} is not text")
    try:
        return canonical_address(text)
    except AddressError as error:
        raise BadCommand(field, str(error)) from None


def _for_s(data: Mapping[str, Any], default: int | None) -> int | None:
    value = data.get("for_s", default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_FOR_S:
        raise BadCommand("for_s", f"is not a whole number of seconds, 1..{MAX_FOR_S}, nor null for no end")
    return value


def _text(data: Mapping[str, Any], field: str) -> str:
    value = data.get(field)
    if not isinstance(value, str) or not value or len(value) > 100:
        raise BadCommand(field, "is not text of 1..100 characters")
    return value


def _flag(data: Mapping[str, Any], field: str) -> bool:
    value = data.get(field)
    if not isinstance(value, bool):
        raise BadCommand(field, "is neither true nor false")
    return value
