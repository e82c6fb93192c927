from __future__ import annotations

import random
from collections import Counter
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdash.balancing.schedulers import Edf, ExactShares, SmoothWrr, StaticStride, scale
from tests.balancing.vectors import named

WEIGHTS = st.lists(st.integers(1, 60), min_size=1, max_size=8)


def numbers(text, separator="-"):
    return [float(part) for part in text.split(separator)]


@pytest.mark.parametrize(("weights", "vector"), named("wrr.sched."))
def test_static_stride_agrees_with_the_vectors(weights, vector):
    raw = numbers(weights, ",")
    if vector["kind"] == "rr":
        assert scale(raw) is None
        return
    assert scale(raw) == vector["scaled"]
    scheduler = StaticStride(vector["scaled"])
    picks = [scheduler.next_index() for _ in range(11_000)]
    assert picks[:24] == vector["first24_from_idx0"]
    assert {str(index): count for index, count in sorted(Counter(picks).items())} == vector["counts_11000"]
    assert scheduler.skips == vector["skips"]


@pytest.mark.parametrize(("weights", "vector"), named("edf."))
def test_edf_agrees_with_the_vectors(weights, vector):
    scheduler = Edf(numbers(weights))
    picks = [scheduler.next_index() for _ in range(10_000)]
    assert picks[:12] == vector["first12"]
    assert {str(index): count for index, count in sorted(Counter(picks).items())} == vector["counts_10000"]


@pytest.mark.parametrize(("weights", "vector"), named("smooth."))
def test_smooth_round_robin_agrees_with_the_vectors(weights, vector):
    scheduler = SmoothWrr(numbers(weights))
    assert [scheduler.next_index() for _ in vector] == vector


@given(WEIGHTS, st.integers(0, 2**32))
def test_exact_shares_hold_in_every_full_turn(weights, seed):
    scheduler = ExactShares(weights, random.Random(seed))
    for _ in range(2):
        turn = Counter(scheduler.next_index() for _ in range(sum(weights)))
        assert [turn[i] for i in range(len(weights))] == weights


@given(WEIGHTS)
def test_smooth_round_robin_holds_exact_shares_and_never_runs_ahead_by_a_turn(weights):
    scheduler, total, seen = SmoothWrr(weights), sum(weights), Counter()
    for turn in range(1, total + 1):
        seen[scheduler.next_index()] += 1
        assert all(abs(seen[i] - turn * w / total) < len(weights) for i, w in enumerate(weights))
    assert [seen[i] for i in range(len(weights))] == weights


@given(WEIGHTS)
def test_edf_is_within_one_pick_of_the_exact_share(weights):
    scheduler, total = Edf(weights), sum(weights)
    seen = Counter(scheduler.next_index() for _ in range(3 * total))
    assert all(abs(seen[i] - 3 * w) <= 1 for i, w in enumerate(weights))


@given(st.lists(st.floats(0.01, 1e6), min_size=2, max_size=8), st.integers(0, 2**32 - 1))
def test_static_stride_follows_the_weights_from_any_start(weights, start):
    scaled = scale(weights)
    if scaled is None:
        return
    # Once per generation at most, and never further from its share than one pick in either direction per turn-over.
    scheduler, generations = StaticStride(scaled, start), 2000
    picks = generations * sum(scaled) // 65535
    seen = Counter(scheduler.next_index() for _ in range(picks))
    wrap = len(weights) + 3  # the counter's wrap at 2^32 may cut one generation
    assert all(abs(seen[i] - generations * w / 65535) <= wrap for i, w in enumerate(scaled))


@pytest.mark.parametrize("scheduler", [ExactShares, Edf, SmoothWrr])
@pytest.mark.parametrize(
    ("weights", "text"),
    [([], "at least one"), ([1, 0], r"\[1\]: 0"), ([-1], r"\[0\]"), ([nan], "nan"), ([1, inf], "inf")],
)
def test_bad_weights_are_refused_by_name(scheduler, weights, text):
    with pytest.raises(ValueError, match=f"weights.*{text}"):
        scheduler(weights)
