"""The same command for a shell: one `curl` and one `lbdash` line beside each form. Pure; everything is quoted."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from lbdash.control.commands import (
    Command,
    Drain,
    Force,
    Freeze,
    Maint,
    Ready,
    SetPolicy,
    SetVersions,
    Undo,
    Weight,
    command_json,
)
from lbdash.viewmodels.urls import service_to_url


def curl(origin: str, service: str, command: Command, generation: int | None, reason: str, force: Force | None) -> str:
    """`origin`: `http://host:port` of this dashboard. The token is the reader's own, in $LBDASH_TOKEN."""
    body = command_json(command) | {"generation": generation, "reason": reason}
    if force:
        body["force"] = {"service": force.service, "reason": force.reason}
    text = json.dumps(body, ensure_ascii=False)
    path = "/api/v1/freeze" if isinstance(command, Freeze) else f"/api/v1/services/{service_to_url(service)}/commands"
    return (
        f'curl -X POST {shlex.quote(origin + path)} -H "Authorization: Bearer $LBDASH_TOKEN"'
        f" -H 'Content-Type: application/json' -d {shlex.quote(text)}"
    )


def cli(service: str, command: Command, reason: str, force: Force | None) -> str:
    """The `lbdash` line; "" for what only the API can say (rules, and what happens to a missing version)."""
    if isinstance(command, SetVersions) and command.value and set(command.value) - {"shares"}:
        return ""
    words = ["lbdash", *_words(service, command)]
    if reason:
        words += ["--reason", reason]
    if force:
        words += ["--force", force.service]
    return shlex.join(words)


def _words(service: str, command: Command) -> list[str]:
    match command:
        case Drain(backends, for_s) | Maint(backends, for_s):
            return [command.verb, service, *backends, *_for(for_s)]
        case Ready(backends):
            return ["ready", service, *backends]
        case Weight(weights):
            return ["weight", service, *(f"{address}={_or_clear(weight)}" for address, weight in weights.items())]
        case SetVersions(value):
            return ["shares", service, *_shares(value)]
        case SetPolicy(value):
            return ["policy", service, *_policy(value)]
        case Undo(of):
            return ["undo", service, of]
        case Freeze(on):
            return ["freeze"] if on else ["freeze", "--off"]


def _for(seconds: int | None) -> list[str]:
    return ["--for", "permanent" if seconds is None else f"{seconds}s"]


def _or_clear(weight: int | None) -> str:
    return "clear" if weight is None else str(weight)


def _shares(value: Mapping[str, Any] | None) -> list[str]:
    if value is None:
        return ["--clear"]
    return [f"{version}={share}" for version, share in (value.get("shares") or {}).items()]


def _policy(value: Mapping[str, Any] | None) -> list[str]:
    if value is None:
        return ["--clear"]
    config = value.get("config")
    return [str(value.get("name", "")), *(["--config", json.dumps(config)] if config else [])]
