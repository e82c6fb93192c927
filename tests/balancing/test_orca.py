from __future__ import annotations

from math import inf, nan

import pytest

from lbdash.balancing.orca import LoadReport, ReportedWeight
from tests.balancing.vectors import POLICIES


@pytest.mark.parametrize("vector", POLICIES["wrr.weight"])
def test_weights_of_reports_agree_with_the_vectors(vector):
    report = LoadReport(vector["qps"], vector["eps"], vector["app"], vector["cpu"])
    assert report.weight(vector["penalty"]) == (None if vector["weight"] is None else pytest.approx(vector["weight"]))


@pytest.mark.parametrize(
    "report", [LoadReport(nan, 0, 1), LoadReport(1, inf, 1), LoadReport(1, 0, -1), LoadReport(-1, 0, 1)]
)
def test_reports_that_make_no_sense_are_ignored(report):
    assert report.weight() is None


def test_a_weight_counts_after_the_blackout_and_until_it_expires():
    made = ReportedWeight()
    assert made.effective(0.0, 180.0, 1.0) == (0.0, "not_yet_usable")
    made.update(10.0, 0.0)
    assert made.effective(0.999_999_999, 180.0, 1.0) == (0.0, "not_yet_usable")
    assert made.effective(1.0, 180.0, 1.0) == (10.0, "ok")
    assert made.effective(179.0, 180.0, 1.0) == (10.0, "ok")
    assert made.effective(180.0, 180.0, 1.0) == (0.0, "stale")
    made.update(20.0, 200.0)
    assert made.effective(200.5, 180.0, 1.0) == (0.0, "not_yet_usable")  # a fresh report waits again
    assert made.effective(201.0, 180.0, 1.0) == (20.0, "ok")


def test_a_new_connection_begins_anew():
    made = ReportedWeight()
    made.update(10.0, 0.0)
    made.connected()
    assert made.effective(5.0, 180.0, 0.0) == (0.0, "not_yet_usable")
