from __future__ import annotations

import random

import pytest

from lbdash.balancing.picker import PickInfo, PickRecord
from lbdash.balancing.policies import make_policy
from lbdash.balancing.policies.random_subsetting import RandomSubsetting
from tests.balancing.simulation import Fleet, Node, evenly, failing, steady


def outlier(**config):
    return make_policy("outlier_detection", config, random.Random(1))


def one_bad_of_six(policy):
    return Fleet([policy], [Node(failing(0.001))] + [Node(steady(0.010)) for _ in range(5)])


@pytest.mark.parametrize("child", ["round_robin", "least_request", "p2c_ewma_compat", "ring_hash"])
def test_a_failing_node_is_left_out_whatever_the_policy(child):
    made = one_bad_of_six(outlier(childPolicy=[{child: {}}], successRateEjection={}))
    assert made.run(evenly(500, 9.9)).picks[0] > 0
    assert made.run(evenly(500, 19, 10.1)).picks[0] <= 1


def test_an_ejected_node_gets_another_chance_and_goes_again_for_longer():
    made = one_bad_of_six(outlier(childPolicy=[{"round_robin": {}}], failurePercentageEjection={}))
    picks = [made.run(evenly(200, 9.9, 10.0 * turn)).picks[0] > 2 for turn in range(14)]
    # Out at 10 s for 30 s, seen again at 50 s, out for 60 s at 60 s.
    assert picks == [True, False, False, False, False, True, *[False] * 7, True]


def test_a_record_says_that_somebody_is_ejected():
    made = one_bad_of_six(outlier(childPolicy=[{"round_robin": {}}]))
    made.run(evenly(200, 11))
    record = PickRecord(12.0, "")
    made.clients[0].picker.pick(PickInfo("", None, 12.0, record))
    assert record.detail["ejected"] == "1"


def test_where_all_are_ejected_ejections_are_ignored():
    policy = outlier(childPolicy=[{"round_robin": {}}])
    made = one_bad_of_six(policy)
    made.run(evenly(200, 11))
    bad = made.clients[0].endpoints[0]
    assert policy.build([bad], 12.0).pick(PickInfo("", None, 12.0)) is bad


def test_the_default_detects_and_its_child_is_ours():
    policy = outlier()
    assert policy.child.name == "p2c_ewma"
    assert policy.config.success_rate is not None
    assert policy.config.failure_percentage is not None
    assert policy.period == 10.0


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"interval": "0s"}, "interval must be at least 0.1s"),
        ({"maxEjectionPercent": 101}, "maxEjectionPercent"),
        ({"successRateEjection": {"requestVolume": -1}}, r"outlier_detection.successRateEjection: requestVolume"),
        ({"failurePercentageEjection": {"limit": 3}}, "has no setting limit"),
        ({"childPolicy": [{"nothing_known": {}}]}, "childPolicy: none is supported"),
        ({"childPolicy": "round_robin"}, "childPolicy: must be a list"),
        ({"speed": 1}, "has no setting speed"),
    ],
)
def test_bad_settings_are_refused_by_name(config, text):
    with pytest.raises(ValueError, match=text):
        outlier(**config)


def test_a_subset_may_be_inside():
    policy = outlier(childPolicy=[{"random_subsetting_experimental": {"subsetSize": 3}}])
    assert isinstance(policy.child, RandomSubsetting)
