import json

import pytest

from lbdash.cli import main
from lbdash.cli.api import service_path
from tests.cli.dashboard import Dashboard


def test_the_token_travels_in_the_header_only(dashboard: Dashboard, capsys: pytest.CaptureFixture[str]) -> None:
    dashboard.answers["/api/v1/services"] = [(200, {"services": []})]
    assert main(["services"]) == 0
    _, path, headers, _ = dashboard.asked[0]
    assert headers["Authorization"] == "Bearer secret"
    assert "secret" not in path
    assert "No services yet" in capsys.readouterr().out


def test_a_token_file_wins_over_the_environment(dashboard: Dashboard, tmp_path) -> None:
    dashboard.answers["/api/v1/services"] = [(200, {"services": []})]
    file = tmp_path / "token"
    file.write_text("from the file\n")
    assert main(["services", "--token-file", str(file)]) == 0
    assert dashboard.asked[0][2]["Authorization"] == "Bearer from the file"


def test_nobody_there_names_the_address_and_what_to_try(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["services", "--url", "http://127.0.0.1:1"]) == 1
    error = capsys.readouterr().err
    assert "http://127.0.0.1:1" in error
    assert "LBDASH_URL" in error


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, {"error": {"code": "unauthenticated", "message": "Log in.", "hint": ""}}, "lbdash token create"),
        (403, {}, "403"),
        (404, {"error": {"message": "no such service", "hint": "look"}}, "no such service\n  look"),
        (302, {}, "302"),
        (200, b"<html>", "not as lbdash's API"),
        (500, b"<html>", "500"),
    ],
)
def test_refusals_are_told(
    dashboard: Dashboard, capsys: pytest.CaptureFixture[str], status: int, body: object, said: str
) -> None:
    dashboard.answers["/api/v1/services"] = [(status, body)]
    assert main(["services"]) == 1
    assert said in capsys.readouterr().err
    assert len(dashboard.asked) == 1  # a redirect would have carried the token elsewhere


def test_an_address_that_is_none_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["services", "--url", "file:///etc/passwd"]) == 1
    assert "http://HOST:PORT" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("service", "path"),
    [("a.b", "/services/a.b"), ("services/search", "/services/services~search"), ("ü?#", "/services/%C3%BC%3F%23")],
)
def test_service_names_are_spelt_for_urls(service: str, path: str) -> None:
    assert service_path(service) == path


def test_json_is_the_apis_own(dashboard: Dashboard, capsys: pytest.CaptureFixture[str]) -> None:
    data = {"services": [{"name": "a", "anything": None}]}
    dashboard.answers["/api/v1/services"] = [(200, data)]
    assert main(["services", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == data


def test_pages_are_followed_up_to_the_limit(dashboard: Dashboard, capsys: pytest.CaptureFixture[str]) -> None:
    path = "/api/v1/services/a/subconns"
    rows = [{"client": "c", "backend": f"b:{n}"} for n in range(3)]
    dashboard.answers[path] = [(200, {"subconns": rows[:2], "next": "x"}), (200, {"subconns": rows[2:], "next": None})]
    assert main(["subconns", "a", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["subconns"] == rows
    assert "after=x" in dashboard.asked[1][1]
