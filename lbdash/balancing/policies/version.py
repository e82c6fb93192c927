"""version: within the version that routing chose, a random draw by weight (SPEC 7.3 without its defects).

The version itself is chosen by the router, for every policy alike; this policy only says how to draw inside it.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickInfo, candidate


class Version:
    name = "version"
    eager = True

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def build(self, endpoints: Sequence[Endpoint], now: float) -> VersionPicker:
        return VersionPicker(endpoints, self._rng)

    def load(self, endpoint: Endpoint, now: float) -> float | None:
        return None


class VersionPicker:
    __slots__ = ("_cumulative", "_endpoints", "_random", "_total")

    def __init__(self, endpoints: Sequence[Endpoint], rng: random.Random) -> None:
        self._endpoints = tuple(endpoints)
        self._cumulative = tuple(accumulate(endpoint.weight for endpoint in endpoints))
        self._total = self._cumulative[-1]
        self._random = rng.random

    def pick(self, info: PickInfo) -> Endpoint:
        # random() < 1, but the product may round up to the total: the last endpoint then takes it.
        at = bisect_right(self._cumulative, self._random() * self._total, 0, len(self._cumulative) - 1)
        chosen = self._endpoints[at]
        if info.record is not None:
            info.record.reason = "weight" if len(self._endpoints) > 1 else "single"
            info.record.candidates = (candidate(chosen, 0.0),)
            info.record.detail.update(weight=f"{chosen.weight:g}", total_weight=f"{self._total:g}")
        return chosen
