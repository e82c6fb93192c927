from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lbdash.balancing.hashing import xxh64
from lbdash.balancing.rings import VirtualNodes, virtual_positions, weighted_ring
from tests.balancing.policies.test_p2c_ewma_compat import entropy
from tests.balancing.vectors import HASHING, named

FIVE = [f"10.0.0.{i}:8080" for i in range(1, 6)]
KEYS = [f"user_{i}" for i in range(20_000)]
ADDRESSES = st.lists(st.integers(1, 99).map(lambda i: f"10.0.0.{i}:80"), min_size=2, max_size=12, unique=True)


def owners(ring, keys, addresses):
    """Of a weighted ring, by the hashes of `keys`."""
    return [addresses[next(ring.walk(xxh64(key.encode())))] for key in keys]


def test_the_ring_of_the_vectors_is_built_entry_by_entry():
    vector = HASHING["ring.a3b3c4.min10max20"]
    ring = weighted_ring("abc", [3, 3, 4], 10, 20)
    assert [[position, "abc"[owner]] for position, owner in ring.entries] == vector["entries"]
    for key, owner in vector["picks"].items():
        assert "abc"[next(ring.walk(xxh64(key.encode())))] == owner


def test_a_ring_does_not_depend_on_the_order_of_the_list():
    ring = weighted_ring("cab", [5, 3, 4], 5, 20)
    alike = weighted_ring("abc", [3, 4, 5], 5, 20)
    assert [(at, "cab"[owner]) for at, owner in ring.entries] == [(at, "abc"[owner]) for at, owner in alike.entries]


@pytest.mark.parametrize(("sizes", "vector"), named("ring.size.", HASHING))
def test_ring_sizes_agree_with_the_vectors(sizes, vector):
    ring = weighted_ring("abc", [3, 3, 4], *map(int, sizes.split(".")))
    assert len(ring) == vector["size"]
    assert Counter("abc"[owner] for owner in ring.owners) == vector["counts"]


def test_shares_and_moved_keys_of_five_nodes_agree_with_the_vectors():
    made = {n: weighted_ring(nodes, [1] * n) for n, nodes in ((4, FIVE[:4]), (5, FIVE), (6, [*FIVE, "10.0.0.6:8080"]))}
    whole = owners(made[5], KEYS, FIVE)
    share = HASHING["ring.share.5nodes.20000keys"]
    assert len(made[5]) == share["size"]
    assert {k: round(v / 20_000, 4) for k, v in Counter(whole).items()} == share["share"]
    less, more = owners(made[4], KEYS, FIVE), owners(made[6], KEYS, [*FIVE, "new"])
    removed, added = HASHING["ring.remove_one"], HASHING["ring.add_one"]
    assert sum(a != b for a, b in zip(whole, less, strict=True)) / 20_000 == pytest.approx(removed["moved"], abs=1e-4)
    assert sum(a != b and a != FIVE[4] for a, b in zip(whole, less, strict=True)) == removed["moved_not_from_removed"]
    assert sum(a != b for a, b in zip(whole, more, strict=True)) / 20_000 == pytest.approx(added["moved"], abs=1e-4)
    assert sum(a != b and b != "new" for a, b in zip(whole, more, strict=True)) == added["moved_between_old"]


@pytest.mark.parametrize(
    ("name", "addresses"), [("gozero_ch.picks", FIVE), ("gozero_ch.two", ["127.0.0.1:8080", "127.0.0.1:8081"])]
)
def test_go_zeros_ring_agrees_with_the_vectors(name, addresses):
    ring = VirtualNodes(addresses)
    assert {key: addresses[ring.owner(key)] for key in HASHING[name]} == HASHING[name]


def test_go_zeros_shares_and_entropy_agree_with_the_vectors():
    ring = VirtualNodes(FIVE)
    counts = Counter(FIVE[ring.owner(key)] for key in KEYS)
    assert {k: round(v / 20_000, 4) for k, v in counts.items()} == pytest.approx(HASHING["gozero_ch.share"], abs=1e-3)
    twenty = VirtualNodes([f"10.0.0.{i}:8080" for i in range(20)])
    assert entropy(Counter(twenty.owner(f"key{i}") for i in range(1000)), 20) > 0.95
    assert HASHING["gozero_ch.entropy20x1000"] > 0.95


def test_go_zeros_spelling_of_virtual_nodes_collides():
    shared = set(virtual_positions("10.0.0.1:80")) & set(virtual_positions("10.0.0.1:808"))
    assert len(shared) == HASHING["gozero_ch.vnode_collisions 10.0.0.1:80 vs :808"]
    ring = VirtualNodes(["10.0.0.1:80", "10.0.0.1:808"])
    assert {ring.owner(f"k{i}") for i in range(200)} == {0, 1}


@settings(max_examples=25, deadline=None)
@given(ADDRESSES, st.data())
def test_only_the_keys_of_a_node_that_leaves_move_on_a_ring_of_fixed_nodes(addresses, data):
    gone = data.draw(st.sampled_from(addresses))
    rest = [address for address in addresses if address != gone]
    before, after = VirtualNodes(addresses), VirtualNodes(rest)
    for number in range(200):
        owner = addresses[before.owner(f"key{number}")]
        if owner != gone:
            assert rest[after.owner(f"key{number}")] == owner


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sets(st.integers(1, 20), min_size=1), min_size=2, max_size=5))
def test_a_ring_that_follows_another_is_the_ring_made_from_nothing(lists):
    ring = None
    for numbers in lists:
        addresses = [f"10.0.0.{i}:80" for i in sorted(numbers)]
        ring, alone = VirtualNodes(addresses, ring), VirtualNodes(addresses)
        assert [ring.owner(f"k{i}") for i in range(50)] == [alone.owner(f"k{i}") for i in range(50)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=12), st.integers(1, 300), st.integers(0, 2**64 - 1))
def test_a_weighted_ring_shares_its_entries_by_weight_and_walks_past_everyone(weights, least, key):
    ring = weighted_ring([f"n{i}" for i in range(len(weights))], weights, least, 4096)
    assert all(abs(ring.owners.count(i) - len(ring) * w / sum(weights)) <= 2 for i, w in enumerate(weights))
    assert sorted(ring.walk(key)) == sorted(set(ring.owners))
    assert next(iter(ring.walk(key))) == ring.owners[ring.position(key)]
