from __future__ import annotations

from math import inf, nan

import pytest

from lbdash.balancing.policies.settings import Settings

READERS = {
    "integer": lambda settings: settings.integer("size", 2, 1, 10),
    "number": lambda settings: settings.number("size", 2, 1, 10),
    "flag": lambda settings: settings.flag("size", False),
    "text": lambda settings: settings.text("size", "a", among=("a", "b")),
    "seconds": lambda settings: settings.seconds("size", 1.0),
    "group": lambda settings: settings.group("size"),
}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[("integer", bad) for bad in ("3", 2.5, True, nan, inf, 0, 11, [], {})],
        *[("number", bad) for bad in ("3", True, nan, inf, 0.5, 10.5)],
        *[("flag", bad) for bad in (1, "true")],
        *[("text", bad) for bad in ("", 3, "c")],
        *[("seconds", bad) for bad in ("10", "-1s", "1e3s", -1, nan, inf, True, "s")],
        *[("group", bad) for bad in (3, [], "x")],
    ],
)
def test_a_bad_value_is_refused_with_the_name_of_its_field(kind, value):
    with pytest.raises(ValueError, match=r"policy p.*size"):
        READERS[kind](Settings("p", {"size": value}))


@pytest.mark.parametrize("name", ["choiceCount", "choice_count", "ChoiceCount"])
def test_names_are_read_in_every_spelling_of_json(name):
    assert Settings("p", {name: 3}).integer("choiceCount", 2, 2) == 3


@pytest.mark.parametrize(("value", "want"), [("10s", 10.0), ("0.25s", 0.25), (3, 3.0), (None, 7.0)])
def test_durations_are_protobufs(value, want):
    assert Settings("p", {"period": value}).seconds("period", 7.0) == want


def test_what_nobody_read_is_refused():
    settings = Settings("p", {"choiceCount": 3, "speed": 9})
    settings.integer("choiceCount", 2, 2)
    with pytest.raises(ValueError, match="policy p has no setting speed; it has choiceCount"):
        settings.finish()
