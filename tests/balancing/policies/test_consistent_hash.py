from __future__ import annotations

import random

import pytest

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import Drop, PickInfo
from lbdash.balancing.policies import make_policy
from tests.balancing.vectors import HASHING

FIVE = [Endpoint(f"10.0.0.{i}:8080", i) for i in range(1, 6)]


def picker():
    return make_policy("consistent_hash", {}, random.Random(1)).build(FIVE, 0.0)


@pytest.mark.parametrize(("key", "address"), HASHING["gozero_ch.picks"].items())
def test_a_key_goes_where_go_zero_sends_it(key, address):
    assert picker().pick(PickInfo("", [("hash-key", key)], 0.0)).address == address


@pytest.mark.parametrize("metadata", [None, [], [("other", "x")], [("hash-key", "")]])
def test_a_call_without_a_key_is_the_callers_error(metadata):
    with pytest.raises(Drop, match="missing hash key") as caught:
        picker().pick(PickInfo("", metadata, 0.0))
    assert caught.value.code == "INVALID_ARGUMENT"
