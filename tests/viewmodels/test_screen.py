"""Screens: escaping where text enters, and rows that are built only when what they show has changed."""

from lbdash.viewmodels.html import Html, esc, tag
from lbdash.viewmodels.screen import Column, Memo, Rates, Row, Screen, Table, table_html

HOSTILE = '"><script>alert(1)</script>'


def test_hostile_text_is_inert_in_content_attributes_and_row_keys() -> None:
    row = Row(HOSTILE, {"name": tag("a", esc(HOSTILE), title=HOSTILE)})
    markup = table_html(Table("t", HOSTILE, (Column("name", Html("Name"), title=HOSTILE),), (row,)))
    assert "<script" not in markup
    assert markup.count("&lt;script&gt;") == 5


def test_a_row_is_the_same_object_until_its_inputs_differ() -> None:
    memo = Memo()
    first = memo.row("t", "a", (1, "x"), lambda: Row("a", {}))
    assert memo.row("t", "a", (1, "x"), lambda: Row("a", {})) is first
    assert memo.row("t", "a", (2, "x"), lambda: Row("a", {})) is not first


def test_a_memo_is_bounded() -> None:
    memo = Memo(limit=10)
    for number in range(100):
        memo.keep(str(number), (), lambda number=number: number)
    assert len(memo._kept) <= 10


def test_a_region_keeps_its_name_in_the_page() -> None:
    assert Screen("t", {"kpis": Html("<b>1</b>")}).region("kpis", "dl", "kpis") == (
        '<dl class="kpis" data-region="kpis"><b>1</b></dl>'
    )


def test_a_rate_is_unknown_before_a_second_and_spans_ten_to_twenty() -> None:
    rates = Rates()
    assert rates.of("rpcs", 100, 0.0) is None
    assert rates.of("rpcs", 102, 0.5) is None
    assert rates.of("rpcs", 120, 10.0) == 2.0
    assert rates.of("rpcs", 150, 15.0) == 50 / 15
    assert rates.of("rpcs", 160, 20.0) == 40 / 10


def test_a_counter_that_went_back_starts_anew() -> None:
    rates = Rates()
    rates.of("rpcs", 100, 0.0)
    assert rates.of("rpcs", 3, 5.0) is None
    assert rates.of("rpcs", 8, 10.0) == 1.0
