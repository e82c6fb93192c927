"""go-zero's policy to the bit: every number of SPEC 5.3, 5.5 and 12.1, its own tests' thresholds."""

from __future__ import annotations

import random
from collections import Counter
from math import log2

import pytest

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickInfo, PickRecord
from lbdash.balancing.policies.p2c_ewma_compat import SECOND, Counters, P2cEwmaCompat
from lbdash.model import Outcome
from tests.balancing.simulation import Fleet, Node, evenly, failing, poisson, steady
from tests.balancing.vectors import POLICIES, named

MS = 1_000_000


def counters(lag=0, success=1000, inflight=0, last=None, pick=None):
    made = Counters(0.0)
    made.lag, made.success, made.inflight = lag, success, inflight
    made.last = made.last if last is None else last
    made.pick = made.pick if pick is None else pick
    return made


def fleet(*works, seed=1):
    return Fleet([P2cEwmaCompat(random.Random(seed))], [Node(work) for work in works], seed=seed)


@pytest.mark.parametrize("vector", POLICIES["p2c.load"])
def test_load_agrees_with_the_vectors(vector):
    assert counters(vector["lag_ns"], inflight=vector["inflight"]).load() == vector["load"]


@pytest.mark.parametrize("vector", POLICIES["p2c.ewma"])
def test_averages_agree_with_the_vectors_to_the_bit(vector):
    made = counters(vector["old_lag"], vector["old_success"], last=5)
    made.observe(5 + vector["td"], vector["lag"], vector["ok"])
    assert (made.lag, made.success, made.healthy) == (vector["new_lag"], vector["new_success"], vector["healthy"])


@pytest.mark.parametrize(
    ("idle_ns", "chosen", "reason"),
    [(SECOND // 2, 0, "lower_load"), (SECOND, 0, "lower_load"), (SECOND + 1, 1, "forced")],
)
def test_a_loser_idle_for_more_than_a_second_is_forced(idle_ns, chosen, reason):
    policy, backends = P2cEwmaCompat(random.Random(1)), [Endpoint("a:1", 0), Endpoint("b:1", 1)]
    picker = policy.build(backends, 0.0)
    for made, lag, idle in zip(picker._counters, (10 * MS, 100 * MS), (SECOND // 2, idle_ns), strict=True):
        made.lag, made.pick = lag, 100 * SECOND - idle
    record = PickRecord(100.0, "")
    assert picker.pick(PickInfo("", None, 100.0, record)).index == chosen
    assert record.reason == reason
    assert [c.load for c in record.candidates] == [3162, 10000]


@pytest.mark.parametrize("vector", POLICIES["p2c.success_ratchet"], ids=lambda v: f"{v['td_ms']}ms-{v['err_rate']}")
def test_success_only_ratchets_down_at_high_rates(vector):
    every, td, made = round(1 / vector["err_rate"]), round(vector["td_ms"] * MS), counters(10 * MS, last=0)
    # Only failures can lower it, and between them the successes have had their say: look at those alone.
    first, limit = None, 60_000 if vector["err_rate"] > 0.001 else 510_000
    for number in range(1, limit):
        made.observe(number * td, 10 * MS, number % every != 0)
        if not made.healthy:
            first = number
            break
    assert first == vector["first_unhealthy_completion"]


@pytest.mark.parametrize("vector", POLICIES["p2c.success_recovery_fixedpoint"])
def test_success_never_recovers_above_its_fixed_point(vector):
    made, td = counters(10 * MS, vector["start"], last=0), round(vector["td_ms"] * MS)
    for number in range(1, 20_001):
        made.observe(number * td, 10 * MS, True)
    assert made.success == vector["after_20000_ok"]


@pytest.mark.parametrize("vector", POLICIES["p2c.failures_to_unhealthy"])
def test_failures_until_unhealthy(vector):
    made, td, failures = counters(10 * MS, last=0), round(vector["td_ms"] * MS), 0
    while made.healthy:
        failures += 1
        made.observe(failures * td, 10 * MS, False)
    assert failures == vector["failures"]


@pytest.mark.parametrize(("rate", "vector"), named("p2c.two_nodes_10ms_100ms.rate_"))
def test_low_rates_go_to_the_slower_node(rate, vector):
    result = fleet(steady(0.010), steady(0.100)).run(evenly(float(rate), 4000 / float(rate)), explain=True)
    assert result.share(1) == pytest.approx(vector["share"]["slow"], abs=0.001)
    for reason, times in vector["reasons"].items():
        assert result.reasons[reason] == pytest.approx(times, abs=2)


@pytest.mark.parametrize(("rate", "vector"), named("p2c.three_nodes_10_20_40.poisson_"))
def test_shares_of_three_healthy_nodes(rate, vector):
    works = [steady(seconds, 0.1) for seconds in (0.010, 0.020, 0.040)]
    result = fleet(*works).run(poisson(float(rate), 20_000 / float(rate), seed=4))
    for index, share in enumerate(vector["share"].values()):
        assert result.share(index) == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize(("setup", "vector"), named("p2c.fastfail."))
def test_failing_fast_attracts_calls(setup, vector):
    n, rate = (int(part.lstrip("nrate")) for part in setup.split("."))
    result = fleet(failing(0.001), *[steady(0.020)] * (n - 1)).run(evenly(rate, 20_000 / rate))
    assert result.share(0) == pytest.approx(vector["bad_share"], abs=0.01)


@pytest.mark.parametrize(("setup", "vector"), named("p2c.cold_start."))
def test_a_cold_node_is_stampeded(setup, vector):
    n, shares = int(setup[1:].split(".")[0]), []
    for seed in range(1 if n == 2 else 60):
        policy, backends = P2cEwmaCompat(random.Random(seed)), [Endpoint(f"b:{i + 1}", i) for i in range(n)]
        picker = policy.build(backends, 0.0)
        for made in picker._counters[1:]:
            made.lag, made.last, made.pick = 50 * MS, 0, 0
        picks = Counter(picker.pick(PickInfo("", None, i / 2000)).index for i in range(99))
        shares.append(picks[0] / 99)
    assert sum(shares) / len(shares) == pytest.approx(vector["cold_share"], abs=0.1 if n > 2 else 0)
    assert vector["cold_share"] > 1.5 * vector["fair"]


@pytest.mark.parametrize(("n", "threshold"), [("n1", 0.9), ("n2", 0.5), ("n100", 0.95)])
def test_go_zeros_own_entropy_test_holds(n, threshold):
    """10,000 picks whose completions run beside them, every 100th ends DEADLINE_EXCEEDED."""
    result = fleet(*[busy_machine] * int(n[1:]), seed=7).run(evenly(1_000_000, 0.01))
    assert entropy(result.picks, int(n[1:])) > threshold
    assert POLICIES[f"p2c.gozero_test_entropy.{n}"] > threshold


def busy_machine(now, rng):
    return rng.expovariate(1 / 50e-6), rng.random() >= 0.01


def entropy(picks, n):
    if n < 2:
        return 1.0
    shares = [max(1e-6, picks[i] / picks.total()) for i in range(n)]
    return -sum(share * log2(share) for share in shares) / log2(n)


def test_every_build_forgets_and_orphans_do_not_count():
    policy, endpoint = P2cEwmaCompat(random.Random(1)), Endpoint("a:1")
    token = policy.build([endpoint], 0.0).pick(PickInfo("", None, 0.0)).begin(0.0)
    picker = policy.build([endpoint], 1.0)
    endpoint.done(token, 2.0, Outcome.OK)
    made = picker._counters[0]
    assert (made.lag, made.inflight, made.success) == (0, 0, 1000)


def test_a_first_failure_condemns_a_cold_node():
    made = counters()
    made.observe(0, 10 * MS, False)
    assert (made.success, made.healthy) == (0, False)
