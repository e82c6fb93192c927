from __future__ import annotations

import random

import pytest

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickInfo, PickRecord
from lbdash.balancing.policies import make_policy
from lbdash.balancing.policies.least_request import LeastRequest
from tests.balancing.simulation import Fleet, Node, evenly, steady
from tests.balancing.vectors import HASHING


class Stream(random.Random):
    """A generator that deals the numbers of a vector, modulo n."""

    def __init__(self, numbers, n):
        super().__init__()
        self._numbers, self._n = iter(numbers), n

    def random(self):
        return (next(self._numbers) + 0.5) / self._n


@pytest.mark.parametrize("explain", [False, True])
def test_least_request_agrees_with_the_vector(explain):
    rng = Stream([0, 0, 0, 1, 1, 2, 0, 3 % 3, 1, 0, 2, 0, 0, 0, 2, 2, 2, 1], 3)
    picker = LeastRequest(rng).build([Endpoint(f"b:{i + 1}", i) for i in range(3)], 0.0)
    got = []
    for _ in HASHING["lr.vector"]:
        chosen = picker.pick(PickInfo("", None, 0.0, PickRecord(0.0, "") if explain else None))
        chosen.begin_stream(0.0)
        got.append(chosen.index)
    assert got == HASHING["lr.vector"]


@pytest.mark.parametrize("explain", [False, True])
def test_of_equally_busy_ones_the_first_drawn_goes(explain):
    picker = LeastRequest(Stream([2, 0], 3)).build([Endpoint(f"b:{i + 1}", i) for i in range(3)], 0.0)
    assert picker.pick(PickInfo("", None, 0.0, PickRecord(0.0, "") if explain else None)).index == 2


def shares(works, rate, calls=20_000):
    result = Fleet([LeastRequest(random.Random(2))], [Node(work) for work in works]).run(evenly(rate, calls / rate))
    return {str(i): result.share(i) for i in range(len(works))}


@pytest.mark.parametrize(
    ("name", "works", "rate", "near"),
    [
        ("lr.equal5", [steady(0.01, 0.1)] * 5, 600, 0.01),
        ("lr.one_frozen_of_5", [steady(1e9)] + [steady(0.001)] * 4, 600, 0.005),
        # These two do not say how long a node takes; the share of the slow one depends on it a little.
        ("lr.slow10x_of_3_rate600", [steady(0.100)] + [steady(0.010)] * 2, 600, 0.06),
        ("lr.slow10x_of_3_rate300", [steady(0.100)] + [steady(0.010)] * 2, 300, 0.02),
    ],
)
def test_shares_agree_with_the_vectors(name, works, rate, near):
    assert shares(works, rate) == pytest.approx(HASHING[name], abs=near)


@pytest.mark.parametrize(("given", "used"), [({}, 2), ({"choiceCount": 10}, 10), ({"choice_count": 11}, 10)])
def test_choice_count_is_capped_at_ten(given, used):
    assert make_policy("least_request", given, random.Random()).choices == used


@pytest.mark.parametrize("bad", [1, 0, -3, 2.5, "2", None.__class__])
def test_a_bad_choice_count_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="least_request: choiceCount"):
        make_policy("least_request", {"choiceCount": bad}, random.Random())
