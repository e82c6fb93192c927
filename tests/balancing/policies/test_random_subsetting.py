from __future__ import annotations

import random

import pytest

from lbdash.balancing.endpoint import Backend
from lbdash.balancing.policies import make_policy

HUNDRED = [Backend(f"10.0.0.{i}:80") for i in range(100)]


def test_a_client_connects_to_the_same_part_of_the_backends_again():
    policy = make_policy("random_subsetting", {"subsetSize": 7}, random.Random(1))
    chosen = policy.subset(HUNDRED)
    assert len(chosen) == 7
    assert policy.subset(list(reversed(HUNDRED))) == chosen
    assert make_policy("random_subsetting", {"subsetSize": 7}, random.Random(2)).subset(HUNDRED) != chosen


def test_it_balances_like_its_child():
    policy = make_policy("random_subsetting", {"childPolicy": [{"pick_first": {}}]}, random.Random(1))
    assert policy.eager is False
    assert len(policy.subset(HUNDRED)) == 25


@pytest.mark.parametrize("size", [0, -1, 1.5, "3"])
def test_a_bad_size_is_refused_by_name(size):
    with pytest.raises(ValueError, match="random_subsetting: subsetSize"):
        make_policy("random_subsetting", {"subsetSize": size}, random.Random())
