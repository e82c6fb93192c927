import pytest

from lbdash.cli.output import say, spell, table
from lbdash.cli.tables import picks, service, services, status


def test_columns_are_in_line_and_numbers_to_the_right() -> None:
    assert table(["name", ">rps"], [["a", 3.14159], ["long", 1234.5], ["x", None]]).splitlines() == [
        "NAME   RPS",
        "a     3.14",
        "long  1234",
        "x        -",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (0, "0"),
        (0.0, "0"),
        (True, "yes"),
        ({"READY": 3}, "READY=3"),
        (["a", "b"], "a, b"),
        ({}, "-"),
        ([], "-"),
    ],
)
def test_a_missing_number_is_never_a_zero(value: object, text: str) -> None:
    assert spell(value) == text


def test_names_from_the_registry_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say(table(["name"], [["\x1b[2Jgone\nNAME"]]))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert len(out.splitlines()) == 2


def test_tables_stand_on_what_little_the_api_knows() -> None:
    backend = {"address": "a:1", "version": None, "weight": None, "share": None, "latency_ms": None}
    found = {"name": "s", "backends": [backend], "problems": [{"text": "no lease"}]}
    assert "! no lease" in service(found)
    assert "s" in services({"services": [{"name": "s", "backends": None}]})
    assert "No picks" in picks({"picks": []})


def test_status_shows_whatever_there_is() -> None:
    text = status({"name": "demo", "control": ["*"], "etcd": {"rpcs": 3}, "sources": [{"name": "r", "age_s": 0.5}]})
    assert "rpcs  3" in text
    assert "NAME  AGE S" in text
