"""round_robin: READY endpoints in turn, from a random start so that many clients do not march in step."""

from __future__ import annotations

import random
from collections.abc import Sequence

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickInfo, candidate


class RoundRobin:
    name = "round_robin"
    eager = True

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def build(self, endpoints: Sequence[Endpoint], now: float) -> RoundRobinPicker:
        return RoundRobinPicker(endpoints, self._rng.randrange(len(endpoints)))

    def load(self, endpoint: Endpoint, now: float) -> float | None:
        return None


class RoundRobinPicker:
    """After m picks over n endpoints no two counts differ by more than 1."""

    __slots__ = ("_endpoints", "_next")

    def __init__(self, endpoints: Sequence[Endpoint], start: int) -> None:
        self._endpoints = tuple(endpoints)
        self._next = start

    def pick(self, info: PickInfo) -> Endpoint:
        index = self._next
        chosen = self._endpoints[index]
        self._next = index + 1 if index + 1 < len(self._endpoints) else 0
        if info.record is not None:
            info.record.reason = "next" if len(self._endpoints) > 1 else "single"
            info.record.candidates = (candidate(chosen, 0.0),)
            info.record.detail.update(index=str(index), n=str(len(self._endpoints)))
        return chosen
