"""p2c_ewma_compat: go-zero's p2c_ewma to the bit, defects included; for comparison and for teams that want no change.

    load = floor(sqrt(lag_ns + 1)) x (inflight + 1)

Integers, nanoseconds, truncation and the order of tests are go-zero's (SPEC 5.3). Its counters live in the picker, so
each build of the channel's pickers starts from nothing (P2C-6), and calls of older builds tell the new one nothing.
Cancelled calls and streams count like any other (P2C-9). go-zero's `penalty` for a load of 0 cannot be reached, as
the root is at least 1; it is left out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from math import exp, sqrt

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import Candidate, PickInfo
from lbdash.model import Outcome

SECOND = 1_000_000_000
DECAY = 10 * SECOND
FORCE_PICK = SECOND
INIT_SUCCESS = 1000
THROTTLE_SUCCESS = 500
PICK_TIMES = 3
LONG_AGO = -396 * 86_400 * SECOND  # its clock starts over a year before the process: "never" is always long ago


class Counters:
    """One connection as one build of pickers knows it. Times in integer nanoseconds."""

    __slots__ = ("born", "inflight", "lag", "last", "pick", "success")

    def __init__(self, born: float) -> None:
        self.born = born  # seconds, the endpoint's clock
        self.lag = 0
        self.inflight = 0
        self.success = INIT_SUCCESS
        self.last = LONG_AGO
        self.pick = LONG_AGO

    @property
    def healthy(self) -> bool:
        return self.success > THROTTLE_SUCCESS

    def load(self) -> int:
        return int(sqrt(self.lag + 1)) * (self.inflight + 1)

    def ended(self, began: float, now: float, outcome: Outcome) -> None:
        """The endpoint's listener; seconds."""
        if began >= self.born:
            self.inflight -= 1
            self.observe(ns(now), ns(now - began), outcome is not Outcome.INFRASTRUCTURE)

    def observe(self, now: int, lag: int, ok: bool) -> None:
        elapsed, self.last = max(0, now - self.last), now
        keep = exp(-elapsed / DECAY) if self.lag else 0.0
        self.lag = int(self.lag * keep + max(0, lag) * (1 - keep))
        self.success = int(self.success * keep + (INIT_SUCCESS if ok else 0) * (1 - keep))


def ns(seconds: float) -> int:
    return round(seconds * 1e9)


class P2cEwmaCompat:
    name = "p2c_ewma_compat"
    eager = True

    def __init__(self, rng: random.Random) -> None:
        self._random = rng.random
        self._counters: dict[Endpoint, Counters] = {}
        self._built_at: float | None = None

    def build(self, endpoints: Sequence[Endpoint], now: float) -> CompatPicker:
        """Pickers built at one `now` are one build (all versions together, and each version's): they share counters."""
        if now != self._built_at:
            self._counters, self._built_at = {}, now
        return CompatPicker(endpoints, [self._counters_of(endpoint, now) for endpoint in endpoints], self._random)

    def _counters_of(self, endpoint: Endpoint, now: float) -> Counters:
        counters = self._counters.get(endpoint)
        if counters is None:
            counters = self._counters[endpoint] = Counters(now)
            endpoint.listener = counters.ended
        return counters

    def load(self, endpoint: Endpoint, now: float) -> float | None:
        counters = self._counters.get(endpoint)
        return None if counters is None else counters.load()


class CompatPicker:
    __slots__ = ("_counters", "_endpoints", "_random")

    def __init__(self, endpoints: Sequence[Endpoint], counters: Sequence[Counters], draw: Callable[[], float]) -> None:
        self._endpoints = tuple(endpoints)
        self._counters = tuple(counters)
        self._random = draw

    def pick(self, info: PickInfo) -> Endpoint:
        now = ns(info.now)
        pair, attempts = self._pair()
        index, reason = self._choose(pair, now)
        if info.record is not None:
            info.record.reason = reason
            info.record.candidates = tuple(self._candidate(i) for i in pair)
            info.record.detail.update(attempts=str(attempts))
        chosen = self._counters[index]
        chosen.pick = now
        chosen.inflight += 1
        return self._endpoints[index]

    def _pair(self) -> tuple[tuple[int, ...], int]:
        """Who is compared, and how many random pairs that took: the last one counts, healthy or not."""
        n, counters, attempts = len(self._endpoints), self._counters, 1
        if n <= 2:
            return (0, 1)[:n], attempts
        first, second = self._two(n)
        while attempts < PICK_TIMES and not (counters[first].healthy and counters[second].healthy):
            first, second = self._two(n)
            attempts += 1
        return (first, second), attempts

    def _two(self, n: int) -> tuple[int, int]:
        first, second = int(self._random() * n), int(self._random() * (n - 1))
        return first, second + 1 if second >= first else second

    def _choose(self, pair: tuple[int, ...], now: int) -> tuple[int, str]:
        if len(pair) == 1:
            return pair[0], "single"
        light, heavy = pair
        if self._counters[light].load() > self._counters[heavy].load():
            light, heavy = heavy, light
        if now - self._counters[heavy].pick > FORCE_PICK:
            return heavy, "forced"
        return light, "lower_load"

    def _candidate(self, index: int) -> Candidate:
        endpoint, counters = self._endpoints[index], self._counters[index]
        known = counters.last != LONG_AGO
        return Candidate(
            endpoint.address,
            counters.load(),
            counters.lag / 1000 if known else None,
            counters.inflight,
            counters.success / INIT_SUCCESS if known else None,
            endpoint.weight,
            endpoint.version,
        )
