"""Quantiles out of buckets, over a window that moves."""

from __future__ import annotations

import numpy as np
import pytest

from lbdash.live.latency import MIN_SAMPLES, LatencyRing, quantiles
from lbdash.model import LATENCY_BOUNDS_US, LATENCY_BUCKETS


def histogram(samples_ms: np.ndarray) -> np.ndarray:
    buckets = np.searchsorted(LATENCY_BOUNDS_US, samples_ms * 1000)
    return np.bincount(buckets, minlength=LATENCY_BUCKETS).reshape(1, -1)


@pytest.mark.parametrize("q", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("scale", [0.3, 5.0, 900.0])
def test_a_quantile_is_within_a_tenth_of_the_truth(q: float, scale: float) -> None:
    samples = np.random.default_rng(7).gamma(3.0, scale, 20_000)
    [[estimate]] = quantiles(histogram(samples), (q,))
    assert estimate == pytest.approx(np.quantile(samples, q), rel=0.1)


def test_too_few_samples_give_no_quantile() -> None:
    few, enough = np.full(MIN_SAMPLES - 1, 2.0), np.full(MIN_SAMPLES, 2.0)
    both = np.concatenate((histogram(few), histogram(enough)))
    assert np.isnan(quantiles(both, (0.5, 0.99))).tolist() == [[True, False], [True, False]]


def test_what_is_slower_than_all_buckets_is_read_as_the_last_bound() -> None:
    assert quantiles(histogram(np.full(50, 1e6)), (0.5,))[0, 0] == pytest.approx(LATENCY_BOUNDS_US[-1] / 1000)


def test_the_window_forgets_after_a_minute_and_skips_what_was_missed() -> None:
    ring = LatencyRing(2)
    one, bucket = np.array([1], np.uint32), np.array([3], np.uint8)
    for second in range(0, 60, 10):
        ring.turn(1000.0 + second)
        ring.add(np.array([1]), bucket, one)
    assert ring.window()[1, 3] == 6
    assert ring.recent()[1, 3] == 2
    ring.turn(1060.0)
    assert ring.window()[1, 3] == 5
    ring.turn(1200.0)
    assert ring.window().sum() == 0


def test_a_row_keeps_its_samples_when_the_ring_grows_and_loses_them_when_cleared() -> None:
    ring = LatencyRing(1)
    ring.add(np.array([0, 0]), np.array([5, 5], np.uint8), np.array([2, 3], np.uint32))
    ring.grow(4)
    assert ring.window()[0, 5] == 5
    ring.clear(0)
    assert ring.window().sum() == 0
