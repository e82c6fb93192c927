"""weighted_round_robin by operator weights: exact shares, interleaved, O(log n) a pick.

Earliest deadline first: endpoint i is due at (k + offset_i) / weight_i for k = 1, 2, ...; the earliest goes next.
Within one unit of virtual time each endpoint is due exactly `weight` times, so any run of sum(weights) picks holds
exact shares, whatever the offsets. The offsets are random: clients that start together do not march in step.
Due times are computed from k, never summed up, so no rounding error grows.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from heapq import heapify, heapreplace

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickInfo, candidate


class WeightedRoundRobin:
    name = "weighted_round_robin"
    eager = True

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def build(self, endpoints: Sequence[Endpoint], now: float) -> WeightedRoundRobinPicker:
        return WeightedRoundRobinPicker(endpoints, [self._rng.random() for _ in endpoints])

    def load(self, endpoint: Endpoint, now: float) -> float | None:
        return None


class WeightedRoundRobinPicker:
    __slots__ = ("_endpoints", "_heap")

    def __init__(self, endpoints: Sequence[Endpoint], offsets: Sequence[float]) -> None:
        """`offsets`: one per endpoint, in [0, 1)."""
        self._endpoints = tuple(endpoints)
        turns = [1.0 - offset for offset in offsets]
        self._heap = [
            (turn / e.weight, i, turn, e.weight) for i, (turn, e) in enumerate(zip(turns, endpoints, strict=True))
        ]
        heapify(self._heap)

    def pick(self, info: PickInfo) -> Endpoint:
        _, index, turn, weight = self._heap[0]
        heapreplace(self._heap, ((turn + 1.0) / weight, index, turn + 1.0, weight))
        chosen = self._endpoints[index]
        if info.record is not None:
            self._explain(info, chosen)
        return chosen

    def _explain(self, info: PickInfo, chosen: Endpoint) -> None:
        record = info.record
        assert record is not None
        total = sum(endpoint.weight for endpoint in self._endpoints)
        record.reason = "weight" if len(self._endpoints) > 1 else "single"
        record.candidates = (candidate(chosen, 0.0),)
        record.detail.update(weight=f"{chosen.weight:g}", total_weight=f"{total:g}", n=str(len(self._endpoints)))
