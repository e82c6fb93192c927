"""Sums by name and their rates over ten seconds."""

from __future__ import annotations

import numpy as np
import pytest

from lbdash.live.columns import KINDS, PICKS
from lbdash.live.meters import Meters


def picked(meters: Meters, name: str, count: int, now: float = 0.0, *, rated: bool = True) -> None:
    delta = np.zeros((KINDS, 1), np.int64)
    delta[PICKS] = count
    meters.add(np.array([meters.column(name, now)]), delta, np.array([rated]))


def rate(meters: Meters, name: str) -> float:
    return float(meters.rates[PICKS, meters.columns[name]])


def test_a_rate_is_over_the_last_ten_seconds() -> None:
    meters = Meters()
    for second in range(30):
        picked(meters, "a", 100 if second < 20 else 10)
        meters.tick(float(second))
        if second == 19:
            assert rate(meters, "a") == pytest.approx(100)
    assert rate(meters, "a") == pytest.approx(10)


def test_a_rate_is_not_known_before_the_second_tick() -> None:
    meters = Meters()
    picked(meters, "a", 5)
    meters.tick(0.0)
    assert np.isnan(rate(meters, "a"))


def test_the_young_are_rated_over_their_own_life() -> None:
    meters = Meters()
    for second in range(20):
        meters.tick(float(second))
    picked(meters, "a", 0, now=19.0)
    for second in range(20, 23):
        picked(meters, "a", 7)
        meters.tick(float(second))
        assert rate(meters, "a") == pytest.approx(7)


def test_ticks_that_come_late_do_not_bend_the_rate() -> None:
    meters, now = Meters(), 0.0
    for gap in (1.0, 1.0, 3.5, 0.2, 2.0, 1.0, 1.3, 1.0, 4.0, 1.0, 1.0, 1.0):
        now += gap
        picked(meters, "a", round(gap * 10))
        meters.tick(now)
    assert rate(meters, "a") == pytest.approx(10)


def test_what_happened_before_we_listened_is_a_total_but_no_rate() -> None:
    meters = Meters()
    meters.tick(0.0)
    picked(meters, "a", 1_000_000, rated=False)
    for second in range(1, 4):
        picked(meters, "a", 5)
        meters.tick(float(second))
    assert rate(meters, "a") == pytest.approx(5)
    assert meters.sums[PICKS, meters.columns["a"]] == 1_000_015


def test_a_freed_column_is_used_again_without_its_past() -> None:
    meters = Meters(1)
    for second in range(3):
        picked(meters, "a", 50)
        meters.tick(float(second))
    meters.free("a")
    assert meters.retired[PICKS] == 150
    assert meters.column("b", 3.0) == 0
    meters.tick(3.0)
    assert (meters.sums[PICKS, 0], rate(meters, "b")) == (0, 0.0)


def test_growing_keeps_everything() -> None:
    meters = Meters(1)
    for second in range(12):
        for number in range(second + 1):
            picked(meters, f"n{number}", 3, now=float(second))
        meters.tick(float(second))
    assert rate(meters, "n0") == pytest.approx(3)
    assert [meters.name(meters.columns[f"n{number}"]) for number in range(12)] == [f"n{number}" for number in range(12)]
    assert meters.sums[PICKS].sum() == 3 * sum(range(1, 13))
