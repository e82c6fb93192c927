"""A frame says what changed, and nothing else."""

import json
from dataclasses import replace

from lbdash.viewmodels.html import Html
from lbdash.viewmodels.screen import Column, Row, Screen, Table
from lbdash.web.live.frames import changes, frame

COLUMNS = (Column("name"), Column("rps", css="num"))


def row(key: str, rps: str, css: str = "") -> Row:
    return Row(key, {"name": Html(key), "rps": Html(rps)}, css)


def screen(*rows: Row, **regions: str) -> Screen:
    table = Table("backends", "Backends", COLUMNS, rows)
    return Screen("App", {name: Html(text) for name, text in regions.items()}, {"backends": table})


def test_without_a_screen_to_start_from_everything_is_sent() -> None:
    body = changes(None, screen(row("a", "1"), kpis="1 rps"))
    assert body["r"] == {"kpis": "1 rps"}
    assert body["t"]["backends"]["o"] == ["a"]
    assert 'data-row="a"' in body["t"]["backends"]["x"]["a"]


def test_only_changed_cells_classes_and_regions_are_sent() -> None:
    before = screen(row("a", "1"), row("b", "2"), kpis="3 rps", head="x")
    after = screen(row("a", "1"), row("b", "5", "is-down"), kpis="6 rps", head="x")
    assert changes(before, after) == {
        "r": {"kpis": "6 rps"},
        "t": {"backends": {"c": {"b": {"rps": "5"}}, "k": {"b": "is-down"}}},
    }


def test_a_new_row_is_sent_whole_and_a_gone_one_leaves_the_order() -> None:
    change = changes(screen(row("a", "1"), row("b", "2")), screen(row("c", "3"), row("b", "2")))["t"]["backends"]
    assert list(change) == ["x", "o"]
    assert (list(change["x"]), change["o"]) == (["c"], ["c", "b"])


def test_the_last_row_that_goes_leaves_an_empty_order() -> None:
    assert changes(screen(row("a", "1")), screen()) == {"t": {"backends": {"o": []}}}


def test_nothing_visible_makes_no_frame() -> None:
    before = screen(row("a", "1"), kpis="1")
    assert frame(before, screen(row("a", "1"), kpis="1"), 7) is None


def test_a_frame_carries_its_serial_and_the_title_when_that_changed() -> None:
    text = frame(screen(), replace(screen(), title="Other"), 7)
    assert json.loads(text or "") == {"n": 7, "title": "Other"}
