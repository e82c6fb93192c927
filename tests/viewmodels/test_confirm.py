"""Forms, what is said beside them, and the same command for a shell."""

from __future__ import annotations

import json
import shlex

import pytest

from lbdash.cli import _parser
from lbdash.control.commands import BadCommand, Drain, Force, Ready, SetPolicy, SetVersions, Weight, parse_command
from lbdash.control.impact import Impact
from lbdash.control.objection import Objection
from lbdash.registry.routing import OnMissing, Rule, Versions
from lbdash.viewmodels import confirm, equivalent, forms
from tests.viewmodels.stage import registered, stage
from tests.web.world import BACKENDS, SERVICE

FIRST, SECOND, _ = BACKENDS


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ({"command": ["drain"], "backends": [FIRST, SECOND]}, {"backends": [FIRST, SECOND], "for_s": 14400}),
        ({"command": ["drain"], "backends": [FIRST], "for": ["permanent"]}, {"backends": [FIRST], "for_s": None}),
        (
            {"command": ["maint"], "backends": [FIRST], "for": ["custom"], "for_minutes": ["90"]},
            {"backends": [FIRST], "for_s": 5400},
        ),
        ({"command": ["weight"], "backends": [FIRST], "weight": ["50"]}, {"weights": {FIRST: 50}}),
        ({"command": ["weight"], "backends": [FIRST], "weight": [""]}, {"weights": {FIRST: None}}),
        ({"command": ["policy"], "policy": ["round_robin"]}, {"value": {"name": "round_robin", "config": {}}}),
        ({"command": ["policy"], "policy": [""]}, {"value": None}),
        ({"command": ["undo"], "of": ["c-1"]}, {"of": "c-1"}),
        ({"command": ["freeze"], "on": ["true"]}, {"on": True}),
        ({"command": ["versions"], "clear": ["1"]}, {"value": None}),
    ],
)
def test_a_form_becomes_the_body_the_api_takes(form, body) -> None:
    assert forms.command_body(form) == {"command": form["command"][0], **body}
    parse_command(forms.command_body(form))


def test_shares_and_rules_come_as_columns_and_an_emptied_header_removes_a_rule() -> None:
    form = {
        "command": ["versions"], "version": ["v1", "v2", "v3"], "share": ["75", "25", ""],
        "rule_header": ["X-Canary", "", "x-b"], "rule_exact": ["1", "2", "<3"], "rule_version": ["v2", "v2", " v1 "],
        "on_missing": ["version"], "on_missing_version": ["v1"],
    }  # fmt: skip
    assert forms.command_body(form)["value"] == {
        "shares": {"v1": 75, "v2": 25},
        "rules": [
            {"header": "x-canary", "exact": "1", "version": "v2"},
            {"header": "x-b", "exact": "<3", "version": "v1"},
        ],
        "on_missing": {"action": "version", "version": "v1"},
    }


@pytest.mark.parametrize(
    "form",
    [
        {"command": ["drain"]},
        {"command": ["drain"], "backends": [FIRST], "for": ["1e9"]},
        {"command": ["weight"], "backends": [FIRST], "weight": ["٣"]},
        {"command": ["versions"], "version": ["v1"], "share": ["ten"]},
        {"command": ["policy"], "policy": ["p"], "config": ["{"]},
        {"command": ["<script>"]},
        {},
    ],
)
def test_what_cannot_be_read_is_a_bad_command_and_no_crash(form) -> None:
    with pytest.raises(BadCommand):
        parse_command(forms.command_body(form))


def test_the_drawer_starts_from_the_weight_in_force() -> None:
    _, service = stage(registered())
    drawer = confirm.drawer(service, {"command": ["weight"], "backends": [f"{FIRST},{SECOND}"]})
    assert (drawer.title, drawer.weight, drawer.registered) == ("Weight of 2 backends", "100", "100")
    drain = confirm.drawer(service, {"command": ["drain"], "backends": [FIRST]})
    assert [label for _, label, chosen in drain.durations if chosen] == ["4 h"]
    maint = confirm.drawer(service, {"command": ["maint"], "backends": [FIRST]})
    assert not any(chosen for *_, chosen in maint.durations)  # permanent, said explicitly


def judge(*objections: Objection, forbidden: str = "") -> confirm.Judgement:
    return confirm.judgement(
        Drain((FIRST,)), objections, Impact(("words",)), service=SERVICE, versions=Versions(), origin="http://h:1",
        generation=3, reason="", force=None, forbidden=forbidden,
    )  # fmt: skip


def test_force_is_offered_only_where_every_objection_yields_to_it() -> None:
    soft, hard = Objection("last_ready", "Nobody left.", True), Objection("frozen", "Frozen.", False)
    assert (judge().force, judge().blocked) == (False, "")
    assert (judge(soft).force, judge(soft).blocked) == (True, "")
    assert (judge(soft, hard).force, judge(soft, hard).blocked) == (False, "Frozen.")


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ((False, False, True, "s"), "viewer"),
        ((True, True, True, "s"), "read-only"),
        ((True, False, False, "s"), "armed"),
    ],
)
def test_controls_that_are_off_say_why(args, word) -> None:
    assert word in confirm.forbidden(*args)
    assert confirm.forbidden(True, False, True, "s") == ""


def test_a_form_that_leaves_rules_alone_does_not_say_them_again() -> None:
    now = Versions({}, (Rule("x", "1", "v2"),), OnMissing("version", "v1"))
    same = {
        "rules": [{"header": "x", "exact": "1", "version": "v2"}],
        "on_missing": {"action": "version", "version": "v1"},
    }
    said = confirm.only_changed(SetVersions({"shares": {"v1": 100}, **same}), now)
    assert said == SetVersions({"shares": {"v1": 100}})


@pytest.mark.parametrize(
    "command",
    [
        Drain((FIRST, SECOND), 900), Drain((FIRST,), None), Ready((FIRST,)), Weight({FIRST: 50, SECOND: None}),
        SetVersions({"shares": {"v1": 90, "v 2": 10}}), SetVersions(None), SetPolicy(None),
        SetPolicy({"name": "round_robin", "config": {"a": 1}}),
    ],
)  # fmt: skip
def test_the_line_for_a_shell_is_one_our_command_line_reads(command) -> None:
    line = equivalent.cli(SERVICE, command, "it's `late`; $HOME", Force(SERVICE, "x"))
    words = shlex.split(line)
    args = _parser().parse_args(words[1:])
    assert words[0] == "lbdash"
    assert (args.service, args.reason, args.force) == (SERVICE, "it's `late`; $HOME", SERVICE)


def test_rules_have_no_line_of_ours_and_curl_is_quoted() -> None:
    command = SetVersions({"rules": [{"header": "x", "exact": "';rm -rf /;'", "version": "v"}]})
    assert equivalent.cli(SERVICE, command, "", None) == ""
    words = shlex.split(equivalent.curl("http://h:1", "a/b", command, 3, "", None))
    assert words[3] == "http://h:1/api/v1/services/a~b/commands"
    assert parse_command(json.loads(words[-1])) == command
