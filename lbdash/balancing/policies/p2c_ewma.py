"""p2c_ewma: of two random endpoints the one with less load; go-zero's policy with its measured defects fixed.

    load = sqrt(lag_ns + 1) x (inflight + 1) x (1 + 100 x (1 - success)^2) / (weight / 100)

What differs from go-zero, and why (SPEC 5.5, 5.6; the numbers are in docs/quality.md): averages are floats, live per
endpoint and survive picker builds; a cold endpoint borrows the mean lag of the warm ones, so it is not stampeded;
failing fast makes an endpoint heavier, not lighter; ties are a coin flip; the age of the oldest call in flight is a
floor for the lag, so a hung endpoint is noticed before its calls time out. Exploring an idle loser is paid from a
budget of 5 % of the picks instead of being forced, so a slow endpoint does not win at low rates: rarely where it was
far slower, and soon again where it answered well after failures, so that it is not shunned for long.
A weight is a bias here, not a share.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import sqrt

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickInfo, candidate

HEALTHY = 0.5
ATTEMPTS = 3  # random pairs tried until both are healthy
PROBE_BUDGET = 0.05  # probes per pick
PROBE_IDLE_S = 1.0  # a loser idle this long is worth a probe: its lag is old by then
FAR_SLOWER = 4.0  # one that takes over 4 times as long may idle longer, in proportion:
LONGEST_IDLE_S = 5.0  # a probe costs a caller what it learns
RECOVERED = 0.9  # success from which load alone decides; below it, one that answers well again is probed
RECOVERING_IDLE_S, RECOVERING_COST = 0.1, 0.25  # sooner and cheaper: there is little risk in it
COLD_REFRESH_S = 0.01  # how old the mean lag of warm endpoints may be


class P2cEwma:
    name = "p2c_ewma"
    eager = True

    def __init__(self, rng: random.Random) -> None:
        self.random = rng.random
        self.probes = 0.0  # the budget, at most one probe saved up; outlives pickers

    def build(self, endpoints: Sequence[Endpoint], now: float) -> P2cPicker:
        return P2cPicker(endpoints, self)

    def load(self, endpoint: Endpoint, now: float) -> float | None:
        return load_of(endpoint, now, endpoint.lag or 0.0)


def load_of(endpoint: Endpoint, now: float, lag: float) -> float:
    """`lag` in seconds: the endpoint's own, or what a cold one borrows."""
    busy, calls = 1, endpoint.calls
    if calls:
        age = now - next(iter(calls.values()))
        if age > lag:
            lag = age
        busy += len(calls)
    if endpoint.streams:
        busy += len(endpoint.streams)
    failing = 1.0 - endpoint.success
    return sqrt(lag * 1e9 + 1.0) * busy * (1.0 + 100.0 * failing * failing) * 100.0 / endpoint.weight


def probe_cost(loser: Endpoint, now: float, heavier: float) -> float:
    """What probing it now takes out of the budget; 0 = not yet. `heavier`: its load as a multiple of the winner's."""
    if loser.last_ok and loser.success < RECOVERED:
        return RECOVERING_COST
    patience = min(LONGEST_IDLE_S, heavier * heavier / FAR_SLOWER) if loser.last_ok else 0.0
    return 1.0 if now - loser.last_pick > max(PROBE_IDLE_S, patience) else 0.0


class P2cPicker:
    __slots__ = ("_cold_lag", "_cold_until", "_endpoints", "_n", "_policy", "_random")

    def __init__(self, endpoints: Sequence[Endpoint], policy: P2cEwma) -> None:
        self._endpoints = tuple(endpoints)
        self._n = len(self._endpoints)
        self._policy = policy
        self._random = policy.random
        self._cold_lag = 0.0
        self._cold_until = float("-inf")

    def pick(self, info: PickInfo) -> Endpoint:
        now = info.now
        if self._n == 1:
            return self._single(info)
        a, b = self._pair()
        lag_a, lag_b = a.lag, b.lag
        load_a = load_of(a, now, self._borrowed(now) if lag_a is None else lag_a)
        load_b = load_of(b, now, self._borrowed(now) if lag_b is None else lag_b)
        reason = "lower_load"
        if load_a < load_b:
            chosen, loser = a, b
        elif load_a > load_b:
            chosen, loser = b, a
        else:
            reason = "tie"
            chosen, loser = (a, b) if self._random() < 0.5 else (b, a)
        policy = self._policy
        if policy.probes < 1.0:
            policy.probes += PROBE_BUDGET
        elif now - loser.last_pick > RECOVERING_IDLE_S:
            cost = probe_cost(loser, now, load_a / load_b if loser is a else load_b / load_a)
            if cost:
                policy.probes -= cost
                reason, chosen = "probe", loser
        chosen.last_pick = now
        if info.record is not None:
            info.record.reason = reason
            info.record.candidates = (candidate(a, load_a), candidate(b, load_b))
        return chosen

    def _single(self, info: PickInfo) -> Endpoint:
        chosen = self._endpoints[0]
        chosen.last_pick = info.now
        if info.record is not None:
            info.record.reason = "single"
            info.record.candidates = (candidate(chosen, load_of(chosen, info.now, chosen.lag or 0.0)),)
        return chosen

    def _pair(self) -> tuple[Endpoint, Endpoint]:
        """Two different endpoints; with three or more, up to three tries for a pair without a failing one."""
        endpoints, n, draw = self._endpoints, self._n, self._random
        if n == 2:
            return endpoints[0], endpoints[1]
        for _ in range(ATTEMPTS):
            first, second = int(draw() * n), int(draw() * (n - 1))
            a, b = endpoints[first], endpoints[second + 1 if second >= first else second]
            if (a.success > HEALTHY or a.last_ok) and (b.success > HEALTHY or b.last_ok):
                break
        return a, b

    def _borrowed(self, now: float) -> float:
        """The mean lag of the warm endpoints, 0 when there is none; recomputed at most every 10 ms."""
        if now >= self._cold_until:
            warm = [endpoint.lag for endpoint in self._endpoints if endpoint.lag is not None]
            self._cold_lag = sum(warm) / len(warm) if warm else 0.0
            self._cold_until = now + COLD_REFRESH_S
        return self._cold_lag
