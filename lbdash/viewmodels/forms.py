"""What an operator typed into a form, as the JSON body of a command. Pure.

A form arrives as name -> list of texts, in document order, so that it works without any script: a rule is
three fields of one name each, a removed rule is one whose header is empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lbdash.control.commands import BadCommand, Force

Form = Mapping[str, Sequence[str]]

PERMANENT = "permanent"
CUSTOM = "custom"
DURATIONS = ((900, "15 min"), (3600, "1 h"), (4 * 3600, "4 h"))


def first(form: Form, name: str, default: str = "") -> str:
    """The first value of a field, blanks around it dropped."""
    values = form.get(name) or (default,)
    return values[0].strip()


def command_body(form: Form) -> dict[str, Any]:
    """The command's own fields, for `parse_command`. Raises BadCommand where the form itself cannot be read."""
    verb = first(form, "command")
    match verb:
        case "drain" | "maint":
            return {"command": verb, "backends": _backends(form), "for_s": _for_s(form)}
        case "ready":
            return {"command": verb, "backends": _backends(form)}
        case "weight":
            weight = _weight(first(form, "weight"))
            return {"command": verb, "weights": dict.fromkeys(_backends(form), weight)}
        case "versions":
            return {"command": verb, "value": versions_value(form)}
        case "policy":
            return {"command": verb, "value": _policy(form)}
        case "undo":
            return {"command": verb, "of": first(form, "of")}
        case "freeze":
            return {"command": verb, "on": first(form, "on") in ("true", "1")}
    return {"command": verb}


def generation(form: Form) -> int | None:
    """The generation the form was made at; None when it says none. Raises BadCommand."""
    text = first(form, "generation")
    return _whole(text, "generation") if text else None


def force(form: Form) -> Force | None:
    """Given when the operator typed a service name to go past objections."""
    typed = first(form, "force_service")
    return Force(typed, first(form, "reason")) if typed else None


def _backends(form: Form) -> list[str]:
    found = [address for address in form.get("backends", ()) if address.strip()]
    if not found:
        raise BadCommand("backends", "choose at least one")
    return found


def _for_s(form: Form) -> int | None:
    chosen = first(form, "for", str(DURATIONS[-1][0]))
    if chosen == PERMANENT:
        return None
    if chosen == CUSTOM:
        return _whole(first(form, "for_minutes"), "for_minutes") * 60
    return _whole(chosen, "for")


def _weight(text: str) -> int | None:
    return _whole(text, "weight") if text else None


def versions_value(form: Form) -> dict[str, Any] | None:
    """The etcd value; None when the form says "clear"."""
    if first(form, "clear"):
        return None
    return {
        "shares": _shares(form),
        "rules": _rules(form),
        "on_missing": _on_missing(form),
    }


def _shares(form: Form) -> dict[str, int]:
    """`version` and `share` come in pairs; a version without a number is left out (it then gets 0)."""
    pairs = zip(form.get("version", ()), form.get("share", ()), strict=False)
    return {version: _whole(share, f"share of {version}") for version, share in pairs if share.strip()}


def _rules(form: Form) -> list[dict[str, str]]:
    columns = (form.get(f"rule_{name}", ()) for name in ("header", "exact", "version"))
    return [
        {"header": header.strip().lower(), "exact": exact, "version": version.strip()}
        for header, exact, version in zip(*columns, strict=False)
        if header.strip()
    ]


def _on_missing(form: Form) -> dict[str, str]:
    action = first(form, "on_missing", "fail")
    if action == "version":
        return {"action": action, "version": first(form, "on_missing_version")}
    return {"action": action}


def _policy(form: Form) -> dict[str, Any] | None:
    name = first(form, "policy")
    if not name:
        return None
    try:
        config = json.loads(first(form, "config") or "{}")
    except ValueError as error:
        raise BadCommand("config", f"is not JSON: {error}") from None
    return {"name": name, "config": config}


def _whole(text: str, field: str) -> int:
    if not (text.strip().isascii() and text.strip().removeprefix("-").isdigit()) or len(text) > 12:
        raise BadCommand(field, f"{text!r} is not a whole number")
    return int(text)
