from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbdash.balancing.subsetting import ring_subset, shuffled_subset, stable_subset
from tests.balancing.vectors import HASHING

HUNDRED = [f"10.0.0.{i}:8080" for i in range(100)]
STABLE = [lambda addresses, size: stable_subset(addresses, size, 42), lambda a, size: ring_subset(a, size, "client-7")]


def test_the_stable_subset_agrees_with_the_vector():
    assert stable_subset(HUNDRED, 32, 42)[:5] == HASHING["a68.seed42.first5"]


@pytest.mark.parametrize("subset", STABLE)
@settings(max_examples=40, deadline=None)
@given(st.sets(st.integers(0, 60), min_size=1), st.integers(1, 40), st.integers(0, 60))
def test_one_backend_more_or_less_changes_at_most_one_member(subset, numbers, size, other):
    addresses = sorted(f"10.0.0.{i}:80" for i in numbers)
    changed = sorted({*addresses, f"10.0.0.{other}:80"})
    before, after = set(subset(addresses, size)), set(subset(changed, size))
    assert len(before) == min(size, len(addresses))
    assert before <= set(addresses)
    assert len(before - after) <= 1
    assert len(after - before) <= 1


def test_go_zeros_shuffle_replaces_two_thirds_of_the_connections():
    rng, replaced = random.Random(5), []
    before = set(shuffled_subset(HUNDRED, 32, rng))
    for _ in range(2000):
        after = set(shuffled_subset(HUNDRED, 32, rng))
        replaced.append(len(before - after))
        before = after
    vector = HASHING["gozero_subset.churn_per_update n=100 k=32"]
    assert sum(replaced) / len(replaced) == pytest.approx(vector["expected"], abs=0.2)
    assert vector["mean"] == pytest.approx(vector["expected"], abs=0.2)


def test_the_stable_subset_changes_no_more_than_the_vector_says():
    whole = set(stable_subset(HUNDRED, 32, 42))
    assert (
        len(whole - set(stable_subset([*HUNDRED, "10.0.1.1:8080"], 32, 42))) <= HASHING["a68.churn"]["add_one_changes"]
    )
    assert HASHING["a68.churn"]["remove_one_changes"] <= 1


def test_many_clients_spread_evenly():
    servers = [f"10.0.0.{i}:8080" for i in range(10)]
    counts = Counter(address for seed in range(500) for address in stable_subset(servers, 5, seed))
    low, high = HASHING["a68.spread 500 clients,10 srv,5"]
    assert min(counts.values()) >= low - 20
    assert max(counts.values()) <= high + 20


@pytest.mark.parametrize("subset", STABLE)
def test_few_backends_are_all_taken(subset):
    assert sorted(subset(HUNDRED[:3], 5)) == HUNDRED[:3]
    assert subset([], 5) == []
