"""A policy around another one: passes on what it does not change itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from lbdash.balancing.endpoint import Backend, Endpoint
from lbdash.balancing.picker import KeepsPlaces, Picker, Policy, Subsetting, Timed
from lbdash.model import Connectivity


class Around:
    name = ""

    def __init__(self, child: Policy) -> None:
        self.child = child
        self.eager = child.eager
        self.period = child.period if isinstance(child, Timed) else inf

    def build(self, endpoints: Sequence[Endpoint], now: float) -> Picker:
        return self.build_with(endpoints, {}, now)

    def build_with(self, endpoints: Sequence[Endpoint], others: Mapping[Endpoint, Connectivity], now: float) -> Picker:
        if isinstance(self.child, KeepsPlaces):
            return self.child.build_with(endpoints, others, now)
        return self.child.build(endpoints, now)

    def load(self, endpoint: Endpoint, now: float) -> float | None:
        return self.child.load(endpoint, now)

    def subset(self, backends: Sequence[Backend]) -> Sequence[Backend]:
        return self.child.subset(backends) if isinstance(self.child, Subsetting) else backends

    def tick(self, now: float) -> bool:
        return isinstance(self.child, Timed) and self.child.tick(now)
