from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdash.balancing.outlier import (
    FailurePercentage,
    Host,
    OutlierConfig,
    SuccessRate,
    by_failure_percentage,
    by_success_rate,
    required_rate,
    sweep,
)
from tests.balancing.vectors import POLICIES

SR = OutlierConfig(success_rate=SuccessRate())
FP = OutlierConfig(failure_percentage=FailurePercentage())


def hosts(*rates, volume=100):
    """One for each success rate in percent."""
    return [Host(str(i), volume * rate // 100, volume - volume * rate // 100) for i, rate in enumerate(rates)]


def ejected(made):
    return [index for index, host in enumerate(made) if host.until is not None]


@pytest.mark.parametrize(
    ("name", "rates"),
    [
        ("one_bad_of_5", [100] * 4 + [0]),
        ("one_bad_of_10", [100] * 9 + [0]),
        ("one_bad90_of_10", [100] * 9 + [90]),
        ("two_bad_of_10", [100] * 8 + [0, 0]),
    ],
)
def test_success_rate_ejection_agrees_with_the_vectors(name, rates):
    made, vector = hosts(*rates), POLICIES[f"od.sr.{name}"]
    shares = [rate / 100 for rate in rates]
    assert required_rate(shares, 1900) == pytest.approx(vector["required"])
    assert sum(shares) / len(shares) == pytest.approx(vector["mean"])
    assert required_rate(shares, 1000) == pytest.approx(vector["mean"] - vector["stdev"])
    assert [int(host.name) for host in by_success_rate(made, SuccessRate())] == vector["outliers"]
    sweep(made, SR, 0.0, lambda: 0.0)
    assert ejected(made) == vector["ejected"]


def test_four_hosts_are_too_few_to_compare():
    made = hosts(100, 100, 100, 0)
    assert by_success_rate(made, SuccessRate()) == []
    assert POLICIES["od.sr.below_hosts"] == {"run": False}


@pytest.mark.parametrize(
    ("name", "rates", "most"),
    [
        ("three_bad_of_10", [100] * 7 + [0] * 3, 10),
        ("maxpct50", [100] * 7 + [0] * 3, 50),
        ("boundary_85", [100] * 4 + [15], 10),
        ("86", [100] * 4 + [14], 10),
    ],
)
def test_failure_percentage_ejection_agrees_with_the_vectors(name, rates, most):
    made, vector = hosts(*rates), POLICIES[f"od.fp.{name}"]
    assert [int(host.name) for host in by_failure_percentage(made, FailurePercentage())] == vector["outliers"]
    sweep(made, OutlierConfig(max_percent=most, failure_percentage=FailurePercentage()), 0.0, lambda: 0.0)
    assert ejected(made) == vector["ejected"]


def test_each_ejection_lasts_longer_up_to_the_limit_and_clean_intervals_are_forgiven():
    made, now, lasted = hosts(100, 100, 100, 100, 0), 0.0, []
    for _ in range(12):
        made[4].failures = 100
        sweep(made, SR, now, lambda: 0.0)
        lasted.append(made[4].until - now)
        now = made[4].until + 0.001
        made[4].failures = made[4].successes = 0
        sweep(made, SR, now, lambda: 0.0)
        assert made[4].until is None
    assert lasted == pytest.approx([30.0 * n for n in range(1, 11)] + [300.0, 300.0])
    before = made[4].multiplier
    sweep(made, SR, now + 10, lambda: 0.0)
    assert made[4].multiplier == before - 1


def test_findings_say_why_nothing_was_done():
    findings = sweep(hosts(*[100] * 8, 0, 0), SR, 0.0, lambda: 0.0)
    assert [finding.unenforced for finding in findings] == ["", "max_ejection_overflow"]
    half = OutlierConfig(success_rate=SuccessRate(enforcement=50))
    assert [f.unenforced for f in sweep(hosts(*[100] * 9, 0), half, 0.0, lambda: 0.5)] == ["enforcement_percentage"]


def test_without_an_algorithm_everybody_comes_back():
    made = hosts(*[100] * 9, 0)
    sweep(made, SR, 0.0, lambda: 0.0)
    sweep(made, OutlierConfig(), 10.0, lambda: 0.0)
    assert ejected(made) == []


@given(st.lists(st.integers(0, 100), min_size=1, max_size=30), st.integers(0, 100))
def test_never_more_are_out_than_the_limit_and_one(rates, most):
    made = hosts(*rates)
    for turn in range(3):
        config = OutlierConfig(max_percent=most, success_rate=SuccessRate(), failure_percentage=FailurePercentage())
        sweep(made, config, 10.0 * turn, lambda: 0.0)
    out = len(ejected(made))
    assert out == 0 or 100 * (out - 1) < most * len(made)
