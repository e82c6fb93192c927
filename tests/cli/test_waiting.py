import pytest

from lbdash.cli import main, waiting
from lbdash.cli.errors import Exit
from lbdash.cli.waiting import verdict
from tests.cli.dashboard import Dashboard
from tests.cli.test_outcome import APPLIED, COMMANDS, SERVICE, A

NONE = {"total": 0, "seen": 0, "gone": 0, "stragglers": [], "cannot_obey": []}
ALL = NONE | {"total": 3, "seen": 3}
SOME = NONE | {"total": 3, "seen": 2, "stragglers": [{"id": "c", "name": "gateway-1"}]}


@pytest.mark.parametrize(
    ("progress", "code"),
    [
        ({"drained": True, "clients": ALL, "inflight": 0}, Exit.DONE),
        ({"drained": False, "clients": ALL, "inflight": 4, "oldest_ms": 2100.0}, None),
        ({"drained": False, "clients": SOME, "inflight": 0}, None),
        ({"drained": None, "clients": ALL, "inflight": 0}, Exit.CANNOT_TELL),
        ({"drained": None, "clients": NONE, "inflight": None}, Exit.CANNOT_TELL),
        ({"drained": None, "clients": SOME, "inflight": 0}, None),
        ({"drained": None, "clients": ALL, "inflight": 2}, None),
        ({"drained": None, "clients": None, "inflight": None}, None),
        ({"drained": False, "expired": True, "clients": ALL, "inflight": 4}, Exit.TIMED_OUT),
    ],
)
def test_it_is_safe_to_stop_only_when_everybody_said_so(progress: dict[str, object], code: Exit | None) -> None:
    assert verdict(progress).code == code


def test_those_it_waits_for_are_named() -> None:
    deaf = SOME | {"cannot_obey": [{"id": "d", "name": "old-go", "why": "xds"}]}
    text = verdict({"drained": False, "clients": deaf, "inflight": 4, "oldest_ms": 2100.0}).text
    assert "seen by 2 of 3 clients, 4 in flight (the oldest for 2 s)" in text
    assert "waiting for gateway-1" in text
    assert "will not follow: old-go" in text


@pytest.fixture
def draining(dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch) -> Dashboard:
    monkeypatch.setattr(waiting, "_EVERY_S", 0.01)
    dashboard.answers[SERVICE] = [(200, {"name": "app", "generation": 7, "backends": []})]
    dashboard.answers[COMMANDS] = [APPLIED]
    return dashboard


def test_wait_ends_when_the_last_call_has(draining: Dashboard, capsys: pytest.CaptureFixture[str]) -> None:
    draining.answers["/api/v1/commands/c1"] = [
        (200, {"drained": False, "clients": SOME, "inflight": 2}),
        (0, None),  # the dashboard is restarted meanwhile
        (200, {"drained": False, "clients": ALL, "inflight": 1}),
        (200, {"drained": True, "clients": ALL, "inflight": 0, "verdict": "Safe to stop."}),
    ]
    assert main(["drain", "app", A, "--wait"]) == Exit.DONE
    error = capsys.readouterr().err
    assert "still trying" in error
    assert error.strip().endswith("Safe to stop.")


def test_wait_gives_up_after_the_timeout(draining: Dashboard, capsys: pytest.CaptureFixture[str]) -> None:
    draining.answers["/api/v1/commands/c1"] = [(200, {"drained": False, "clients": ALL, "inflight": 1})]
    assert main(["drain", "app", A, "--wait", "--timeout", "1s"]) == Exit.TIMED_OUT
    assert "stays in force" in capsys.readouterr().err


def test_a_refused_drain_is_not_waited_for(draining: Dashboard) -> None:
    draining.answers[COMMANDS] = [(422, {"outcome": "refused"})]
    assert main(["maint", "app", A, "--wait"]) == Exit.REFUSED
    assert draining.posted[0]["command"] == "maint"
