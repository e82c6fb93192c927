"""What the commands send, and what their outcomes mean to a script."""

import json

import pytest

from lbdash.cli import main
from lbdash.cli.errors import Exit
from lbdash.control.commands import Drain, Ready, SetPolicy, SetVersions, Undo, Weight, parse_command
from lbdash.viewmodels.equivalent import cli
from tests.cli.dashboard import Dashboard

SERVICE, COMMANDS, A = "/api/v1/services/app", "/api/v1/services/app/commands", "10.0.0.7:80"
APPLIED = (200, {"id": "c1", "outcome": "applied", "generation": 8, "revision": 90})


@pytest.fixture
def steerable(dashboard: Dashboard) -> Dashboard:
    dashboard.answers[SERVICE] = [(200, {"name": "app", "generation": 7, "backends": []})]
    dashboard.answers[COMMANDS] = [APPLIED]
    return dashboard


@pytest.mark.parametrize(
    "command",
    [
        Drain((A,)),
        Drain((A, "10.0.0.8:80"), None),
        Ready((A,)),
        Weight({A: 50, "10.0.0.8:80": None}),
        SetVersions({"shares": {"v1": 90, "v2": 10}}),
        SetVersions(None),
        SetPolicy({"name": "round_robin", "config": {}}),
        SetPolicy({"name": "p2c_ewma", "config": {"x": 1}}),
        SetPolicy(None),
        Undo("c0"),
    ],
    ids=repr,
)
def test_the_line_a_page_shows_is_the_command_it_stands_for(steerable: Dashboard, command: object) -> None:
    import shlex

    assert main(shlex.split(cli("app", command, "why not", None))[1:]) == 0
    body = steerable.posted[0]
    assert parse_command(body) == command
    assert body["reason"] == "why not"
    assert body["generation"] == 7


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (422, {"outcome": "refused", "objections": [{"code": "last_ready", "text": "the last one"}]}, Exit.REFUSED),
        (409, {"outcome": "conflict", "conflict": {"seen": 7, "now": 8}}, Exit.CONFLICT),
        (503, {"outcome": "unknown"}, Exit.UNKNOWN),
        (503, {"outcome": "stale", "text": "etcd is away"}, Exit.FAILED),
        (503, {"outcome": "failed"}, Exit.FAILED),
        (403, {"error": {"message": "viewers may not"}}, Exit.FAILED),
    ],
)
def test_every_outcome_has_its_exit_code(steerable: Dashboard, status: int, body: object, code: Exit) -> None:
    steerable.answers[COMMANDS] = [(status, body)]
    assert main(["drain", "app", A]) == code


@pytest.mark.parametrize("forceable", [True, False])
def test_objections_are_printed_with_the_way_past_them_if_there_is_one(
    steerable: Dashboard, capsys: pytest.CaptureFixture[str], forceable: bool
) -> None:
    objection = {"code": "last_ready", "text": "10.0.0.7:80 is the last READY backend", "forceable": forceable}
    steerable.answers[COMMANDS] = [(422, {"outcome": "refused", "objections": [objection]})]
    main(["drain", "app", A])
    error = capsys.readouterr().err
    assert "last READY" in error
    assert ("--force" in error) is forceable


def test_force_is_sent_with_its_reason(steerable: Dashboard) -> None:
    assert main(["drain", "app", A, "--force", "app", "--reason", "fire"]) == 0
    assert steerable.posted[0]["force"] == {"service": "app", "reason": "fire"}


def test_force_without_a_reason_is_a_wrong_call(steerable: Dashboard) -> None:
    assert main(["drain", "app", A, "--force", "app"]) == Exit.USAGE
    assert steerable.asked == []


def test_a_generation_that_was_seen_is_not_asked_again(steerable: Dashboard) -> None:
    assert main(["ready", "app", A, "--generation", "3"]) == 0
    assert steerable.posted[0]["generation"] == 3
    assert len(steerable.asked) == 1


def test_a_lost_answer_is_asked_for_again_with_the_same_id(steerable: Dashboard) -> None:
    steerable.answers[COMMANDS] = [(0, None), APPLIED]
    assert main(["drain", "app", A]) == 0
    first, second = steerable.posted
    assert first == second


def test_an_answer_lost_twice_is_unknown(steerable: Dashboard, capsys: pytest.CaptureFixture[str]) -> None:
    steerable.answers[COMMANDS] = [(0, None)]
    assert main(["drain", "app", A]) == Exit.UNKNOWN
    assert "may or may not" in capsys.readouterr().err


def test_a_command_that_never_left_is_not_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["freeze", "--url", "http://127.0.0.1:1"]) == Exit.FAILED
    assert "no dashboard answers" in capsys.readouterr().err


def test_freeze_belongs_to_no_service(steerable: Dashboard) -> None:
    steerable.answers["/api/v1/freeze"] = [APPLIED]
    assert main(["freeze", "--off"]) == 0
    assert steerable.posted[0]["on"] is False


@pytest.mark.parametrize(
    "words",
    [("shares", "app"), ("shares", "app", "v1=clear"), ("policy", "app"), ("policy", "app", "x", "--clear")],
)
def test_half_a_command_is_a_wrong_call(steerable: Dashboard, words: tuple[str, ...]) -> None:
    assert main(list(words)) == Exit.USAGE
    assert steerable.posted == []


def test_json_prints_the_outcome_alone(steerable: Dashboard, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drain", "app", A, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == APPLIED[1]
