from __future__ import annotations

import random
from collections import Counter

import pytest

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickError, PickInfo, PickRecord, Queue
from lbdash.balancing.policies import make_policy
from lbdash.balancing.policies.ring_hash import decide
from lbdash.model import Connectivity

LETTERS = {state.name[0]: state for state in Connectivity}


def ring_hash(config=(), seed=1):
    return make_policy("ring_hash", dict(config), random.Random(seed))


def nodes(n=5):
    return [Endpoint(f"10.0.0.{i + 1}:8080", i) for i in range(n)]


def keyed(number, record=None):
    return PickInfo("", [("hash-key", f"user_{number}")], 0.0, record)


@pytest.mark.parametrize(
    ("states", "action", "index"),
    [
        ("RI", "pick", 0),
        ("CI", "queue", 0),
        ("II", "connect", 0),
        ("TR", "pick", 1),
        ("TC", "queue", 1),
        ("TI", "connect", 1),
        ("TT", "fail", 0),
    ],
)
def test_a_pick_with_a_key_asks_the_first_that_has_not_failed(states, action, index):
    assert decide([0, 1], [LETTERS[letter] for letter in states])[:2] == (action, index)


@pytest.mark.parametrize(
    ("states", "action", "index"), [("CR", "pick", 1), ("IR", "pick", 1), ("II", "connect", 0), ("TT", "fail", 0)]
)
def test_a_pick_without_a_key_takes_the_first_that_is_ready(states, action, index):
    assert decide([0, 1], [LETTERS[letter] for letter in states], keyed=False)[:2] == (action, index)


def test_a_key_stays_with_its_endpoint_and_returns_to_it():
    backends, policy = nodes(), ring_hash()
    whole = policy.build(backends, 0.0)
    homes = {i: whole.pick(keyed(i)) for i in range(500)}
    failed = backends[2]
    rest = [endpoint for endpoint in backends if endpoint is not failed]
    without = policy.build_with(rest, {failed: Connectivity.TRANSIENT_FAILURE}, 1.0)
    moved = [i for i in homes if without.pick(keyed(i)) is not homes[i]]
    assert moved
    assert all(homes[i] is failed for i in moved)


def test_a_key_waits_while_its_endpoint_connects_and_fails_with_all():
    one, two = nodes(2)
    with pytest.raises(Queue):
        ring_hash().build_with([], {one: Connectivity.CONNECTING, two: Connectivity.CONNECTING}, 0.0).pick(keyed(1))
    with pytest.raises(PickError, match="all 2 on the ring have failed"):
        ring_hash().build_with([], dict.fromkeys([one, two], Connectivity.TRANSIENT_FAILURE), 0.0).pick(keyed(1))


def test_calls_without_a_key_are_drawn_by_weight():
    backends = [Endpoint("a:1", 0, "", 100), Endpoint("b:1", 1, "", 300)]
    picker = ring_hash().build(backends, 0.0)
    counts = Counter(picker.pick(PickInfo("", None, 0.0)).index for _ in range(4000))
    assert 2.5 < counts[1] / counts[0] < 3.6


def test_several_values_of_the_header_are_one_key():
    record = PickRecord(0.0, "")
    info = PickInfo("", [("x-user", "value1"), ("other", "z"), ("x-user", "value2")], 0.0, record)
    ring_hash({"requestHashHeader": "x-user"}).build(nodes(), 0.0).pick(info)
    assert int(record.detail["hash"], 16) == 7597366331508923242


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"minRingSize": 8_388_609}, "minRingSize"),
        ({"maxRingSize": 0}, "maxRingSize"),
        ({"minRingSize": 2000, "maxRingSize": 1000}, "minRingSize 2000 is above maxRingSize 1000"),
        ({"requestHashHeader": "X-User"}, "requestHashHeader"),
        ({"requestHashHeader": "user-bin"}, "requestHashHeader"),
    ],
)
def test_bad_settings_are_refused_by_name(config, text):
    with pytest.raises(ValueError, match=text):
        ring_hash(config)


def test_ring_sizes_are_capped():
    policy = ring_hash({"minRingSize": 8_000_000, "maxRingSize": 8_388_608})
    assert (policy.min_size, policy.max_size) == (4096, 4096)
