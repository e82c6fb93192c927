"""The default against go-zero's original, in every row of the table of defects and where the original is healthy."""

from __future__ import annotations

import random

import pytest

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickInfo
from lbdash.balancing.policies import make_policy
from lbdash.model import Outcome
from tests.balancing.simulation import Fleet, Node, evenly, failing, poisson, steady
from tests.balancing.vectors import named


def fleet(policy, *works, seed=1):
    return Fleet([make_policy(policy, {}, random.Random(seed))], [Node(work) for work in works], seed=seed)


@pytest.mark.parametrize(("rate", "original"), named("p2c.two_nodes_10ms_100ms.rate_"))
def test_a_slow_node_keeps_a_small_share_at_every_rate(rate, original):
    share = fleet("p2c_ewma", steady(0.010), steady(0.100)).run(evenly(float(rate), 4000 / float(rate))).share(1)
    assert share <= min(0.05, original["share"]["slow"])


@pytest.mark.parametrize(("setup", "original"), named("p2c.fastfail."))
def test_failing_fast_attracts_no_calls(setup, original):
    n, rate = (int(part.lstrip("nrate")) for part in setup.split("."))
    share = fleet("p2c_ewma", failing(0.001), *[steady(0.020)] * (n - 1)).run(evenly(rate, 10_000 / rate)).share(0)
    assert share < original["bad_share"]
    assert share < original["fair"] / 2


@pytest.mark.parametrize("n", [2, 3, 10])
def test_a_cold_node_gets_a_fair_share_at_first(n):
    made = fleet("p2c_ewma", *[steady(0.050)] * n)
    for warm in made.clients[0].endpoints[1:]:
        warm.lag, warm.last_done = 0.050, 0.0
    assert made.run(evenly(2000, 0.049)).share(0) <= 1.3 / n


@pytest.mark.parametrize(("n", "rate", "seconds"), [(3, 500, 6), (3, 2000, 4), (10, 1000, 6), (10, 5000, 4)])
def test_a_node_is_trusted_again_soon_after_an_outage(n, rate, seconds):
    """The original: 20.6 s, never, 6.1 s and 9.5 s until it calls the node healthy."""
    made = fleet("p2c_ewma", lambda now, rng: (0.001, False) if now < 10 else (0.020, True), *[steady(0.020)] * (n - 1))
    made.run(evenly(rate, 10))
    made.run(evenly(rate, seconds, 10.001))
    assert made.clients[0].endpoints[0].success > 0.9
    assert made.run(evenly(rate, 1, 10.001 + seconds)).share(0) > 0.7 / n


def test_a_few_errors_in_a_hundred_condemn_nobody_for_good():
    work = lambda now, rng: (0.010, rng.random() > 0.02)  # noqa: E731
    made = fleet("p2c_ewma", work, work)
    made.run(evenly(500, 60))
    assert all(endpoint.success > 0.5 for endpoint in made.clients[0].endpoints)


def test_an_update_that_changes_nothing_changes_no_statistics():
    made = fleet("p2c_ewma", steady(0.010), steady(0.020))
    made.run(evenly(100, 1))
    client = made.clients[0]
    before = [(e.lag, e.success, e.inflight) for e in client.endpoints]
    client.rebuild(1.0)
    assert [(e.lag, e.success, e.inflight) for e in client.endpoints] == before


@pytest.mark.parametrize("rate", [20, 100, 500])
def test_healthy_nodes_get_the_shares_of_the_original_within_a_point(rate):
    works, arrivals = [steady(seconds, 0.1) for seconds in (0.010, 0.020, 0.040)], poisson(rate, 20_000 / rate, seed=4)
    ours, original = (fleet(name, *works).run(arrivals) for name in ("p2c_ewma", "p2c_ewma_compat"))
    assert all(abs(ours.share(i) - original.share(i)) <= 0.01 for i in range(3))


def test_failing_fast_is_not_being_fast():
    endpoint = Endpoint("a:1")
    endpoint.done(endpoint.begin(0.0), 0.020, Outcome.OK)
    endpoint.done(endpoint.begin(1.0), 1.001, Outcome.INFRASTRUCTURE)
    assert endpoint.lag == pytest.approx(0.020)


def test_probes_of_slow_and_failing_nodes_stay_within_their_budget():
    made = fleet("p2c_ewma", steady(0.001), failing(0.5), steady(2.0))
    result = made.run(evenly(30, 100), explain=True)
    assert 0 < result.reasons["probe"] <= 0.05 * result.picks.total()


def test_a_clock_that_jumps_back_breaks_nothing():
    backends = [Endpoint(f"b:{i + 1}", i) for i in range(3)]
    picker = make_policy("p2c_ewma", {}, random.Random(1)).build(backends, 100.0)
    for now in (100.0, 50.0, 1e9, 0.0):
        chosen = picker.pick(PickInfo("", None, now))
        chosen.done(chosen.begin(now), now - 10, Outcome.OK)
    assert all(e.lag is None or e.lag >= 0 for e in backends)
