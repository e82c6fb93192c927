"""Properties of each policy, with a clock and generator of our own."""

from __future__ import annotations

import random
from collections import Counter, deque

import pytest

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickInfo, PickRecord
from lbdash.balancing.policies import POLICY_NAMES, make_policy
from lbdash.balancing.policies.p2c_ewma import load_of
from lbdash.model import Outcome


def endpoints(n=0, weights=(), version=""):
    return [Endpoint(f"10.0.0.{i}:80", i, version, weight) for i, weight in enumerate(weights or [100] * n)]


def picker(name, backends, seed=3):
    return make_policy(name, {}, random.Random(seed)).build(backends, 0.0)


def draw(name, backends, n, seed=3):
    made = picker(name, backends, seed)
    return Counter(made.pick(PickInfo("/s/M", None, 0.0)).index for _ in range(n))


@pytest.mark.parametrize(("n", "m"), [(1, 5), (2, 7), (3, 30), (10, 10_001), (97, 1000)])
def test_round_robin_counts_never_differ_by_more_than_one(n, m):
    counts = draw("round_robin", endpoints(n), m)
    assert max(counts.values()) - min(counts.get(i, 0) for i in range(n)) <= 1


@pytest.mark.parametrize("weights", [[1, 2, 3], [10, 100], [100, 100, 100], [1, 65535], [50, 30, 20], [7]])
def test_weighted_round_robin_shares_are_exact_in_any_full_turn(weights):
    made, total = picker("weighted_round_robin", endpoints(weights=weights)), sum(weights)
    for _ in range(2):
        turn = Counter(made.pick(PickInfo("", None, 0.0)).index for _ in range(total))
        assert [turn[i] for i in range(len(weights))] == weights


def test_weighted_round_robin_interleaves():
    made = picker("weighted_round_robin", endpoints(weights=[1, 3]))
    order = [made.pick(PickInfo("", None, 0.0)).index for _ in range(40)]
    gaps = [b - a for a, b in zip(*[[i for i, x in enumerate(order) if x == 0]] * 2, strict=True)]
    assert order.count(0) == 10
    assert all(order[i : i + 4].count(0) == 1 for i in range(0, 40, 4)), gaps


def test_version_draws_uniformly_over_equal_weights():
    counts = draw("version", endpoints(3), 9000)
    assert all(2821 <= counts[i] <= 3179 for i in range(3))  # 4 sigma


def test_version_draws_by_weight():
    counts = draw("version", endpoints(weights=[100, 300]), 12_000)
    assert 8_800 < counts[1] < 9_200  # 4.2 sigma


@pytest.mark.parametrize(
    ("lag_ns", "inflight", "load"),
    [
        (0, 0, 1),
        (0, 9, 10),
        (3, 0, 2),
        (1e6, 3, 4000),
        (1e7, 0, 3162),
        (1e7, 1, 6324),
        (1e8, 4, 50000),
        (1e9, 0, 31622),
    ],
)
def test_p2c_load_agrees_with_go_zeros_for_a_healthy_endpoint(lag_ns, inflight, load):
    endpoint = Endpoint("a:1")
    for _ in range(inflight):
        endpoint.begin(0.0)
    assert int(load_of(endpoint, 0.0, lag_ns / 1e9)) == pytest.approx(load, abs=inflight + 1)


@pytest.mark.parametrize(
    ("lag", "success", "td", "sample", "ok", "want_lag", "want_success"),
    [
        (0.010, 1.0, 0.1, 0.020, False, 0.010099501, 0.9375),
        (0.010, 1.0, 1.0, 0.020, False, 0.010951625, 0.904),
        (0.010, 1.0, 10.0, 0.020, False, 0.016321205, 0.367),
        (0.010, 0.4, 0.02, 0.010, True, 0.010, 0.4375),
        (0.010, 1.0, 1.0, 0.001, False, 0.010, 0.904),
        (0.010, 0.5, 1.0, 0.010, True, 0.010, 0.547),
        (0.100, 0.501, 60.0, 0.010, True, 0.010223087, 0.998),
        (0.010, 1.0, 0.0, 0.020, False, 0.010, 0.9375),
    ],
)
def test_p2c_averages_follow_go_zeros_but_a_call_always_counts_and_failing_fast_is_not_fast(
    lag, success, td, sample, ok, want_lag, want_success
):
    endpoint = Endpoint("a:1")
    endpoint.lag, endpoint.success, endpoint.last_done = lag, success, 100.0
    endpoint.observe(100.0 + td, sample, ok)
    assert endpoint.lag == pytest.approx(want_lag, rel=1e-6)
    assert endpoint.success == pytest.approx(want_success, abs=1e-3)


def test_p2c_one_failure_on_a_cold_endpoint_does_not_condemn_it():
    endpoint = Endpoint("a:1")
    endpoint.done(endpoint.begin(0.0), 0.01, Outcome.INFRASTRUCTURE)
    assert endpoint.success == 0.5
    assert endpoint.lag is None  # still cold: it borrows what the others take


def test_p2c_cancelled_calls_move_no_average():
    endpoint = Endpoint("a:1")
    endpoint.done(endpoint.begin(0.0), 5.0, Outcome.CANCELLED)
    assert (endpoint.lag, endpoint.success, endpoint.inflight) == (None, 1.0, 0)
    assert endpoint.outcomes == [0, 1, 0, 0]


class Simulation:
    """Calls at a fixed rate; each endpoint answers after its own time, well or not."""

    def __init__(self, backends, times, failing=(), seed=5):
        self.picker = picker("p2c_ewma", backends, seed)
        self.times, self.failing = times, set(failing)
        self.counts = Counter()
        self._running = deque()

    def run(self, rate, seconds, start=0.0):
        now = start
        while now < start + seconds:
            self._finish(now)
            chosen = self.picker.pick(PickInfo("", None, now))
            self.counts[chosen.index] += 1
            self._running.append((now + self.times[chosen.index], chosen, chosen.begin(now)))
            now += 1 / rate
        return self

    def _finish(self, now):
        for due in sorted((r for r in self._running if r[0] <= now), key=lambda r: r[0]):
            self._running.remove(due)
            at, endpoint, token = due
            failed = endpoint.index in self.failing
            endpoint.done(token, at, Outcome.INFRASTRUCTURE if failed else Outcome.OK)

    def share(self, index):
        return self.counts[index] / self.counts.total()


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9, 2, 20])
def test_p2c_a_slow_endpoint_keeps_a_small_share_at_any_rate(rate):
    assert Simulation(endpoints(2), [0.010, 0.100]).run(rate, 2000 / rate).share(1) <= 0.10


@pytest.mark.parametrize("n", [2, 3, 10])
@pytest.mark.parametrize("rate", [20, 200])
def test_p2c_failing_fast_attracts_less_than_a_fair_share(n, rate):
    times = [0.001] + [0.020] * (n - 1)
    assert Simulation(endpoints(n), times, failing=[0]).run(rate, 4000 / rate).share(0) < 1 / n


def test_p2c_a_cold_endpoint_borrows_the_mean_lag_of_the_warm_ones():
    cold, *warm = backends = endpoints(3)
    for endpoint, lag in zip(warm, (0.030, 0.050), strict=True):
        endpoint.lag, endpoint.last_done = lag, 0.0
    made, loads = picker("p2c_ewma", backends), set()
    for _ in range(50):
        record = PickRecord(0.0, "")
        made.pick(PickInfo("", None, 0.0, record))
        loads |= {round(c.load) for c in record.candidates if c.address == cold.address}
    assert loads == {round((0.040 * 1e9) ** 0.5)}


@pytest.mark.parametrize("n", [2, 3, 10])
def test_p2c_a_cold_endpoint_is_not_stampeded(n):
    backends = endpoints(n)
    for warm in backends[1:]:
        warm.lag, warm.last_done = 0.050, 0.0
    share = Simulation(backends, [0.050] * n).run(2000, 0.049).share(0)
    assert share <= 1.3 / n


def test_p2c_a_hung_endpoint_is_avoided_before_its_calls_time_out():
    backends = endpoints(2)
    simulation = Simulation(backends, [0.010, 0.010]).run(100, 10)
    simulation.times[0], simulation.counts = 1e9, Counter()
    assert simulation.run(100, 10, start=10).share(0) < 0.10


def test_p2c_statistics_survive_a_new_picker():
    backends = endpoints(2)
    Simulation(backends, [0.01, 0.02]).run(100, 1)
    before = [(e.lag, e.success, e.inflight) for e in backends]
    picker("p2c_ewma", backends)
    assert [(e.lag, e.success, e.inflight) for e in backends] == before


def test_p2c_weight_is_a_bias():
    counts = Simulation(endpoints(weights=[50, 100]), [0.01, 0.01]).run(20, 200).counts
    assert counts[1] > 3 * counts[0]


@pytest.mark.parametrize("name", POLICY_NAMES)
def test_every_policy_explains_a_sampled_pick(name):
    backends = endpoints(3)
    record = PickRecord(0.0, "/s/M")
    chosen = picker(name, backends).pick(PickInfo("/s/M", [("hash-key", "user_1")], 0.0, record))
    assert record.reason
    assert chosen.address in {candidate.address for candidate in record.candidates}


def test_an_unknown_policy_or_setting_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown policy 'fastest'"):
        make_policy("fastest", {}, random.Random())
    with pytest.raises(ValueError, match="takes no settings, got speed"):
        make_policy("round_robin", {"speed": 9}, random.Random())
