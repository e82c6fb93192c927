from __future__ import annotations

import random
from collections import Counter

import pytest

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickError, PickInfo
from lbdash.balancing.policies import make_policy
from lbdash.model import Method


def node(index, metadata=(), **methods):
    endpoint = Endpoint(f"10.0.0.{index}:80", index)
    endpoint.metadata, endpoint.methods = dict(metadata), methods
    return endpoint


def picker(*nodes):
    return make_policy("customize", {}, random.Random(1)).build(nodes, 0.0)


def chosen(made, n=100, now=0.0, metadata=None):
    return Counter(made.pick(PickInfo("/srv.App/Test", metadata, now)).index for _ in range(n))


def test_only_backends_whose_method_is_online_are_drawn():
    made = picker(node(0, Test=Method()), node(1, Test=Method(online=False)), node(2, Other=Method()), node(3))
    assert set(chosen(made)) == {0, 3}  # 3 tells no methods, so it takes all


def test_a_header_must_equal_the_backends_metadata_where_it_has_the_key():
    made = picker(node(0, {"zone": "a"}), node(1, {"zone": "b"}), node(2))
    assert set(chosen(made, metadata=[("zone", "a"), ("other", "x")])) == {0, 2}
    assert set(chosen(made)) == {0, 1, 2}


def test_a_limit_holds_and_only_who_is_drawn_uses_it_up():
    made, admitted = picker(*[node(i, Test=Method(limit=10)) for i in range(2)]), Counter()
    for tick in range(1000):
        try:
            admitted[made.pick(PickInfo("/srv.App/Test", None, tick * 0.01)).index] += 1
        except PickError:
            continue
    # 100 calls a second for 10 s: 10 a second each, and not 5 each because two were eligible.
    assert admitted[0] == pytest.approx(100, abs=10)
    assert admitted[1] == pytest.approx(100, abs=10)


def test_limits_above_a_thousand_a_second_hold_too():
    made, admitted = picker(node(0, Test=Method(limit=5000))), 0
    for tick in range(20_000):
        try:
            made.pick(PickInfo("/srv.App/Test", None, tick * 0.0001))
        except PickError:
            continue
        admitted += 1
    assert admitted == pytest.approx(10_000, rel=0.05)


def test_a_limit_of_nothing_lets_nothing_pass_and_the_reasons_are_told():
    made = picker(node(0, Test=Method(limit=0)), node(1, Test=Method(online=False)), node(2, {"zone": "b"}))
    with pytest.raises(PickError, match="1 limited, 1 method_offline, 1 metadata"):
        made.pick(PickInfo("/srv.App/Test", [("zone", "a")], 0.0))
