"""A fleet in virtual time: the real policies and endpoints, simulated nodes, one seeded generator.

No clock and no network: a run is a function of its arguments, so numbers in tests and documents can be exact.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace
from itertools import count
from math import inf

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import Picker, PickInfo, PickRecord, Policy
from lbdash.model import Outcome

Work = Callable[[float, random.Random], tuple[float, bool]]  # (now, rng) -> (seconds of work, succeeds)


def steady(seconds: float, spread: float = 0.0) -> Work:
    """Always succeeds after `seconds`, uniformly +-`spread` (a fraction)."""
    return lambda now, rng: (seconds * (1 + spread * (2 * rng.random() - 1)) if spread else seconds, True)


def failing(seconds: float) -> Work:
    return lambda now, rng: (seconds, False)


@dataclass
class Node:
    """`slots` calls at a time (0 = any number), the others wait. Not READY during `away`: calls in flight then fail."""

    work: Work
    slots: int = 0
    away: Sequence[tuple[float, float]] = ()
    weight: float = 100
    free_at: list[float] = field(default_factory=list)  # a heap: when each slot is free

    def __post_init__(self) -> None:
        self.free_at = [-inf] * self.slots
        heapify(self.free_at)

    def ready(self, now: float) -> bool:
        return not any(begin <= now < end for begin, end in self.away)

    def serve(self, now: float, rng: random.Random, deadline: float) -> tuple[float, bool]:
        """When the caller knows the end, and whether it is a good one."""
        seconds, ok = self.work(now, rng)
        done = now + seconds
        if self.slots:
            done = max(now, self.free_at[0]) + seconds
            heapreplace(self.free_at, done)
        cut = min((begin for begin, _ in self.away if now < begin < done), default=inf)
        end = min(done, cut, now + deadline)
        return end, ok and end == done


@dataclass
class Result:
    picks: Counter[int] = field(default_factory=Counter)
    errors: Counter[int] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)  # seconds, of calls that succeeded or timed out

    def share(self, index: int) -> float:
        return self.picks[index] / self.picks.total()

    @property
    def error_share(self) -> float:
        return self.errors.total() / self.picks.total()

    def quantile(self, q: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


class Client:
    """One channel: its own policy, endpoints and pickers, as the balancer would keep them."""

    def __init__(self, policy: Policy, nodes: Sequence[Node]) -> None:
        self.policy, self.nodes = policy, nodes
        self.endpoints = [Endpoint(f"10.0.0.{i}:80", i, "", node.weight) for i, node in enumerate(nodes)]
        self.next_tick = 0.0
        self.picker: Picker | None = None

    def rebuild(self, now: float) -> None:
        ready = [endpoint for endpoint, node in zip(self.endpoints, self.nodes, strict=True) if node.ready(now)]
        self.picker = self.policy.build(ready, now)

    def tick(self, now: float) -> None:
        """What a policy does from time to time, when it has such a thing."""
        period = getattr(self.policy, "period", None)
        if period is not None and now >= self.next_tick:
            self.next_tick = now + period
            if self.policy.tick(now):  # type: ignore[attr-defined]
                self.rebuild(now)


class Fleet:
    """Runs calls of one or more clients over nodes. May be run again: time goes on, counts start anew."""

    def __init__(
        self, policies: Sequence[Policy], nodes: Sequence[Node], *, seed: int = 1, deadline: float = inf
    ) -> None:
        self.nodes, self.deadline, self.rng = nodes, deadline, random.Random(seed)
        self.clients = [Client(policy, nodes) for policy in policies]
        self._order = count()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        for at in sorted({at for node in nodes for span in node.away for at in span if at > 0} | {0.0}):
            self._at(at, self._rebuild)

    def _at(self, when: float, action: Callable[[float], None]) -> None:
        heappush(self._events, (when, next(self._order), action))

    def _rebuild(self, now: float) -> None:
        for client in self.clients:
            client.rebuild(now)

    def run(self, arrivals: Iterable[float], *, explain: bool = False) -> Result:
        """One call for each time of `arrivals` (seconds, rising), by the clients in turn."""
        result = Result()
        for number, now in enumerate(arrivals):
            self.settle(now)
            self._call(self.clients[number % len(self.clients)], now, result, explain)
        return result

    def settle(self, now: float) -> None:
        """Everything that ends by `now` has ended."""
        while self._events and self._events[0][0] <= now:
            at, _, action = heappop(self._events)
            action(at)

    def _call(self, client: Client, now: float, result: Result, explain: bool) -> None:
        client.tick(now)
        info = PickInfo("/s/M", None, now, PickRecord(now, "/s/M") if explain else None)
        assert client.picker is not None
        endpoint = client.picker.pick(info)
        token = endpoint.begin(now)
        result.picks[endpoint.index] += 1
        if info.record is not None:
            result.reasons[info.record.reason] += 1
        end, ok = self.nodes[endpoint.index].serve(now, self.rng, self.deadline)
        if ok or end - now >= self.deadline:
            result.latencies.append(end - now)
        if not ok:
            result.errors[endpoint.index] += 1
        outcome = Outcome.OK if ok else Outcome.INFRASTRUCTURE
        self._at(end, lambda at: endpoint.done(token, at, outcome))


def evenly(rate: float, seconds: float, start: float = 0.0) -> list[float]:
    return [start + i / rate for i in range(round(rate * seconds) + 1)]


def poisson(rate: float, seconds: float, seed: int, start: float = 0.0) -> list[float]:
    rng, now, times = random.Random(seed), start, []
    while now < start + seconds:
        now += rng.expovariate(rate)
        times.append(now)
    return times
