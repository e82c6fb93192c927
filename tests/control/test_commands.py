from __future__ import annotations

from typing import Any

import pytest

from lbdash.control.commands import (
    BadCommand,
    Drain,
    Freeze,
    Maint,
    Ready,
    SetPolicy,
    SetVersions,
    Undo,
    Weight,
    command_json,
    parse_command,
)
from tests.control.house import A, B

COMMANDS = [
    ({"command": "drain", "backends": [A]}, Drain((A,), 14400)),
    ({"command": "drain", "backends": [A, A, B], "for_s": None}, Drain((A, B), None)),
    ({"command": "drain", "backends": ["ipv4:10.0.0.1:80"], "for_s": 60}, Drain((A,), 60)),
    ({"command": "maint", "backends": [A], "generation": 3, "reason": "x", "force": {}}, Maint((A,), None)),
    ({"command": "ready", "backends": [A]}, Ready((A,))),
    ({"command": "weight", "weights": {A: 5, B: None}}, Weight({A: 5, B: None})),
    ({"command": "versions", "shares": {"v1": 100}, "id": "i"}, SetVersions({"shares": {"v1": 100}})),
    ({"command": "versions", "value": None}, SetVersions(None)),
    ({"command": "policy", "name": "p2c_ewma", "config": {}}, SetPolicy({"name": "p2c_ewma", "config": {}})),
    ({"command": "policy", "value": {"name": "x"}}, SetPolicy({"name": "x"})),
    ({"command": "undo", "of": "c1"}, Undo("c1")),
    ({"command": "freeze", "on": True}, Freeze(True)),
]


@pytest.mark.parametrize(("data", "command"), COMMANDS)
def test_a_command_is_read_and_written_back(data: dict[str, Any], command: object) -> None:
    parsed = parse_command(data)
    assert parsed == command
    assert parse_command(command_json(parsed)) == command


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "command"),
        ({"command": ["drain"]}, "command"),
        ({"command": "explode"}, "command"),
        ({"command": "drain"}, "backends"),
        ({"command": "drain", "backends": A}, "backends"),
        ({"command": "drain", "backends": []}, "backends"),
        ({"command": "drain", "backends": [7]}, "backends"),
        ({"command": "drain", "backends": ["nowhere"]}, "backends"),
        ({"command": "drain", "backends": [A], "for_s": 0}, "for_s"),
        ({"command": "drain", "backends": [A], "for_s": True}, "for_s"),
        ({"command": "drain", "backends": [A], "for_s": "1h"}, "for_s"),
        ({"command": "drain", "backends": [A], "for": 60}, "for"),
        ({"command": "weight", "weights": [A]}, "weights"),
        ({"command": "weight", "weights": {A: "5"}}, "weights"),
        ({"command": "weight", "weights": {A: True}}, "weights"),
        ({"command": "weight", "weights": {A: 1.5}}, "weights"),
        ({"command": "versions", "value": [1]}, "value"),
        ({"command": "versions", "value": {"note": float("nan")}}, "value"),
        ({"command": "policy", "name": "\ud800"}, "value"),
        ({"command": "policy", "name": "x", "config": {"y": "z" * 200_000}}, "value"),
        ({"command": "undo", "of": ""}, "of"),
        ({"command": "freeze", "on": 1}, "on"),
    ],
)
def test_what_is_no_command_says_where_and_why(data: dict[str, Any], field: str) -> None:
    with pytest.raises(BadCommand) as caught:
        parse_command(data)
    assert caught.value.field == field
    assert caught.value.text
