"""The JSON values of control keys: parse, check, rewrite. Errors: ValueError, KeyError, TypeError, with a reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lbdash.model import MAX_WEIGHT, Admin
from lbdash.registry.control_keys import ControlKey
from lbdash.registry.kv import KeyValue
from lbdash.registry.routing import (
    AdminOverride,
    Generation,
    OnMissing,
    PolicyChoice,
    Raw,
    Rule,
    Stamp,
    Versions,
    WeightOverride,
)

MAX_GENERATION = 2**53  # what every JSON reader gets right


def parse(ref: ControlKey, kv: KeyValue) -> Any:
    data = json.loads(kv.value)
    if not isinstance(data, dict):
        raise ValueError("the value is not a JSON object")
    return {
        "admin": _parse_admin,
        "weight": _parse_weight,
        "versions": parse_versions,
        "policy": parse_policy,
        "generation": _parse_generation,
    }[ref.kind](data | ({"_lease": kv.lease} if ref.kind == "admin" else {}))


def _stamp(data: dict[str, Any]) -> Stamp:
    return Stamp(*(str(data.get(name, ""))[:300] for name in ("by", "at", "reason")))


def _parse_admin(data: dict[str, Any]) -> AdminOverride:
    if data["state"] not in ("drain", "maint"):
        raise ValueError(f"state {data['state']!r} is neither drain nor maint")
    until = data.get("until")
    return AdminOverride(
        Admin(data["state"]),
        str(data.get("registration", "")),
        None if until is None else str(until)[:64],
        data["_lease"],
        _stamp(data),
    )


def check_weight(value: object) -> int:
    """An operator's weight: an integer 1..65535. Raises ValueError with the hint."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"weight {value!r} is not an integer")
    if value == 0:
        raise ValueError("weight 0 is refused: drain the backend instead")
    if not 1 <= value <= MAX_WEIGHT:
        raise ValueError(f"weight {value} is not in 1..{MAX_WEIGHT}")
    return value


def _parse_weight(data: dict[str, Any]) -> WeightOverride:
    return WeightOverride(check_weight(data["weight"]), str(data.get("registration", "")), _stamp(data))


def parse_versions(data: dict[str, Any]) -> Versions:
    """The `versions` value; raises ValueError or KeyError. Shares are percentages and sum to 100, or there are none."""
    shares = _shares(data.get("shares") or {})
    rules = tuple(_rule(rule) for rule in _list(data.get("rules") or [], "rules"))
    return Versions(shares, rules, _on_missing(data.get("on_missing") or {}), _stamp(data))


def _shares(data: object) -> Mapping[str, int]:
    if not isinstance(data, dict):
        raise ValueError("shares is not an object of version -> percent")
    for version, share in data.items():
        if isinstance(share, bool) or not isinstance(share, int) or not 0 <= share <= 100:
            raise ValueError(f"share of {version!r} is {share!r}, not an integer 0..100")
    if data and sum(data.values()) != 100:
        raise ValueError(f"shares sum to {sum(data.values())}, not 100")
    return dict(data)


def _list(data: object, name: str) -> list[Any]:
    if not isinstance(data, list) or len(data) > 100:
        raise ValueError(f"{name} is not a list of at most 100")
    return data


def _rule(data: object) -> Rule:
    if not isinstance(data, dict):
        raise ValueError("a rule is not an object")
    known = set(data) <= {"header", "exact", "version"} and isinstance(data.get("exact"), str)
    return Rule(str(data["header"]).lower(), data["exact"] if known else None, str(data["version"]))


def _on_missing(data: object) -> OnMissing:
    if not isinstance(data, dict):
        raise ValueError("on_missing is not an object")
    action = data.get("action", "fail")
    if action not in ("fail", "any", "version"):
        raise ValueError(f"on_missing action {action!r} is not fail, any or version")
    return OnMissing(action, str(data["version"]) if action == "version" else "")


def parse_policy(data: dict[str, Any]) -> PolicyChoice:
    config = data.get("config") or {}
    if not isinstance(data["name"], str) or not data["name"] or not isinstance(config, dict):
        raise ValueError("policy needs a name (text) and a config (object)")
    return PolicyChoice(data["name"], config, _stamp(data))


def _parse_generation(data: dict[str, Any]) -> Generation:
    number = data["generation"]
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MAX_GENERATION:
        raise ValueError(f"generation {number!r} is not a whole number")
    return Generation(number, str(data.get("command", ""))[:100], _stamp(data))


def rewrite(raw: Raw | None, fields: Mapping[str, Any]) -> bytes:
    """The JSON value to put: `fields` over what is there, so that fields newer than we are survive."""
    try:
        old = json.loads(raw.value) if raw else {}
    except (ValueError, RecursionError):
        old = {}
    return json.dumps({**(old if isinstance(old, dict) else {}), **fields}, ensure_ascii=False).encode()
