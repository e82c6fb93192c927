"""Rings of what was measured, as charts read them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lbdash.live.events import ClientClosed, Ticked
from lbdash.live.history import SERIES, Ring
from lbdash.live.store import Store
from tests.live.told import Hand, joined, latency, put, registration, report, subconns

A, B = "10.0.0.1:80", "10.0.0.2:80"


def row(value: float, columns: int = 1) -> np.ndarray:
    return np.full((len(SERIES), columns), value)


def test_steps_nobody_measured_stay_unknown() -> None:
    ring = Ring(10, 1, 1)
    for second in (100, 101, 104, 105):
        ring.put(second + 0.2, row(second))
    series = ring.series("rps", 0, 6)
    assert (series.end, series.step_s) == (106.0, 1)
    np.testing.assert_equal(series.values, [100, 101, math.nan, math.nan, 104, 105])


def test_a_gap_longer_than_the_ring_leaves_only_the_new() -> None:
    ring = Ring(5, 1, 1)
    for second in (*range(100, 110), 1000):
        ring.put(float(second), row(second))
    assert np.isnan(ring.series("rps", 0, 5).values).tolist() == [True] * 4 + [False]


def test_new_columns_have_no_past() -> None:
    ring = Ring(5, 1, 1)
    ring.put(1.0, row(1.0))
    ring.put(2.0, row(2.0, 3))
    np.testing.assert_equal(ring.series("p99", 2, 2).values, [math.nan, 2.0])


@pytest.fixture
def played() -> tuple[Store, Hand]:
    """Two backends, 10 and 30 calls/s, for 90 s; ten calls of each second land in the histogram."""
    clock = Hand()
    store = Store(clock)
    store.apply([put(registration("/a/1", A, version="v1"), registration("/a/2", B, version="v2"))])
    store.apply([joined("c1"), report("c1", opened=subconns(A, B), rows={0: 0, 1: 0})])
    for second in range(1, 91):
        clock.now += 1
        columns = latency((0, 20, 10), (1, 30, 10))
        store.apply([report("c1", clock.now, rows={0: 10 * second, 1: 30 * second}, latency=columns)])
        store.apply([Ticked(clock.now)])
    return store, clock


def test_every_series_is_kept_for_service_versions_and_backends(played: tuple[Store, Hand]) -> None:
    view = played[0].view()
    last = {name: float(view.history("shop", name, span_s=60).values[-1]) for name in SERIES}
    assert last["rps"] == pytest.approx(40)
    assert last["picks"] == 40
    assert last["error_ratio"] == 0
    assert (last["inflight"], last["p50"] < last["p99"]) == (0, True)
    assert view.history("shop", "rps", version="v2").values[-1] == pytest.approx(30)
    assert view.history("shop", "rps", address=A).values[-1] == pytest.approx(10)
    hour = view.history("shop", "rps", address=A, span_s=3600)
    assert (hour.step_s, len(hour.values)) == (10, 360)
    assert view.history("shop", "picks", address=B, span_s=3600).values[-1] == pytest.approx(300)
    assert np.isnan(view.history("shop", "rps", address="10.9.9.9:1").values).all()


def test_sparklines_are_ten_minutes_of_ten_seconds(played: tuple[Store, Hand]) -> None:
    lines = played[0].view().sparklines("shop")
    assert {name: len(line) for name, line in lines.items()} == {"": 60, A: 60, B: 60}
    assert (lines[B][0], lines[B][-1], lines[""][-1]) == (None, pytest.approx(30), pytest.approx(40))


def test_a_service_that_nobody_speaks_for_any_more_is_unknown_not_zero(played: tuple[Store, Hand]) -> None:
    store, clock = played
    store.apply([ClientClosed("c1", clock.now, "stream ended")])
    clock.now += 1
    store.apply([Ticked(clock.now)])
    view = store.view()
    for series in (view.history("shop", "rps"), view.history("shop", "inflight", address=A)):
        assert np.isnan(series.values[-1])
        assert not np.isnan(series.values[-2])


def test_latency_needs_twenty_samples_and_names_its_window(played: tuple[Store, Hand]) -> None:
    backend = played[0].view().numbers("shop").backends[A].numbers.latency
    assert (backend.window_s, backend.n >= 500) == (60, True)
    assert backend.p50 == pytest.approx(2.95, rel=0.1)


def test_memory_is_stated(played: tuple[Store, Hand]) -> None:
    memory = played[0].view().memory_bytes()
    assert set(memory) == {"subconns", "meters", "history"}
    assert all(size > 0 for size in memory.values())
