from __future__ import annotations

import random
from collections import Counter

import pytest

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.orca import LoadReport
from lbdash.balancing.picker import PickInfo, PickRecord
from lbdash.balancing.policies import make_policy


class Setup:
    def __init__(self, weights, **config):
        self.policy = make_policy("weighted_round_robin", config, random.Random(3))
        self.backends = [Endpoint(f"b:{i + 1}", i, "", weight) for i, weight in enumerate(weights)]
        self.picker = self.policy.build(self.backends, 0.0)

    def report(self, index, weight, now):
        self.policy.report(self.backends[index], LoadReport(qps=weight, application_utilization=1.0), now)

    def shares(self, now, picks=1100):
        self.policy.tick(now)
        counts = Counter(self.picker.pick(PickInfo("", None, now)).index for _ in range(picks))
        return [counts[i] / picks for i in range(len(self.backends))]


def test_reports_count_after_the_blackout_and_until_they_expire():
    setup = Setup([100, 100], blackoutPeriod="1s", weightExpirationPeriod="3s")
    assert setup.shares(0.0) == [0.5, 0.5]
    for index, weight in enumerate((1, 10)):
        setup.report(index, weight, 0.0)
    assert setup.shares(0.999_999_999) == [0.5, 0.5]
    assert setup.shares(1.0) == pytest.approx([1 / 11, 10 / 11], abs=0.02)
    assert setup.shares(2.0) == pytest.approx([1 / 11, 10 / 11], abs=0.02)
    assert setup.shares(4.0) == [0.5, 0.5]


def test_reports_are_multiplied_by_the_operators_weight():
    setup = Setup([50, 100, 100], blackoutPeriod="0s")
    for index in range(3):
        setup.report(index, 10, 0.0)
    assert setup.shares(1.0) == pytest.approx([0.2, 0.4, 0.4], abs=0.02)


def test_an_endpoint_without_a_report_counts_as_the_mean_of_the_others():
    setup = Setup([100, 100, 100], blackoutPeriod="0s")
    setup.report(0, 10, 0.0)
    setup.report(1, 30, 0.0)
    assert setup.shares(1.0) == pytest.approx([10 / 60, 30 / 60, 20 / 60], abs=0.02)


def test_one_report_alone_leaves_the_operators_weights_exact():
    setup = Setup([1, 3], blackoutPeriod="0s")
    setup.report(0, 1000, 0.0)
    assert setup.shares(1.0, picks=400) == [0.25, 0.75]


def test_a_report_that_changes_nothing_does_not_disturb_the_turns():
    setup = Setup([1, 3])
    for _ in range(100):
        setup.report(0, 10, 0.0)
        assert sum(setup.shares(0.1, picks=4)) == 1.0
    assert setup.shares(0.1, picks=4) == [0.25, 0.75]


@pytest.mark.parametrize("scheduler", ["exact", "edf", "smooth"])
def test_the_operators_weights_may_be_scheduled_in_three_ways(scheduler):
    assert Setup([1, 3], scheduler=scheduler).shares(0.0, picks=400) == pytest.approx([0.25, 0.75], abs=0.005)


def test_a_record_says_where_the_weight_is_from():
    setup, record = Setup([100, 100], blackoutPeriod="0s"), PickRecord(0.0, "")
    setup.report(0, 10, 0.0)
    setup.report(1, 10, 0.0)
    setup.policy.tick(1.0)
    setup.picker.pick(PickInfo("", None, 1.0, record))
    assert record.detail["kind"] == "reported"


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"errorUtilizationPenalty": -1}, "errorUtilizationPenalty must be at least 0"),
        ({"blackoutPeriod": "soon"}, "blackoutPeriod"),
        ({"scheduler": "fifo"}, "scheduler must be one of exact, edf, smooth"),
    ],
)
def test_bad_settings_are_refused_by_name(config, text):
    with pytest.raises(ValueError, match=text):
        make_policy("weighted_round_robin", config, random.Random())


def test_the_update_period_has_a_floor():
    assert make_policy("weighted_round_robin", {"weightUpdatePeriod": "0.01s"}, random.Random()).period == 0.1
