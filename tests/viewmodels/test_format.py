"""Numbers and times read the same on every page."""

import pytest

from lbdash.viewmodels import format as fmt


@pytest.mark.parametrize("spell", [fmt.count, fmt.rate, fmt.ms, fmt.percent, fmt.decimal, fmt.age, fmt.clock])
def test_what_is_unknown_is_a_dash_and_never_zero(spell) -> None:
    assert spell(None) == spell(float("nan")) == "–"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (fmt.count(18204), "18\u202f204"),
        (fmt.rate(0.25), "0.25"),
        (fmt.rate(17), "17.0"),
        (fmt.rate(946.6), "947"),
        (fmt.rate(0), "0"),
        (fmt.ms(0.42), "0.42"),
        (fmt.ms(3.61), "3.6"),
        (fmt.ms(188.2), "188"),
        (fmt.percent(0.0018), "0.2"),
        (fmt.percent(0.0001), "< 0.1"),
        (fmt.percent(0), "0.0"),
        (fmt.age(-3), "0.0 s"),
        (fmt.age(4.21), "4.2 s"),
        (fmt.age(59.7), "1 m 0 s"),
        (fmt.age(130), "2 m 10 s"),
        (fmt.age(3 * 3600 + 5 * 60), "3 h 5 m"),
        (fmt.age(2 * 86400 + 4 * 3600), "2 d 4 h"),
        (fmt.clock(0.482, millis=True), "00:00:00.482"),
        (fmt.iso(0), "1970-01-01T00:00:00.000Z"),
        (fmt.plural(1, "client"), "1 client"),
        (fmt.plural(2, "registry", "registries"), "2 registries"),
    ],
)
def test_a_number_keeps_the_digits_that_matter(text, expected) -> None:
    assert text == expected
