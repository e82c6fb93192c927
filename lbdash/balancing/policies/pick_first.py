"""pick_first: the first READY address takes every call; one connection at a time (SPEC 4.2)."""

from __future__ import annotations

from collections.abc import Sequence

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickInfo, candidate


class PickFirst:
    name = "pick_first"
    eager = False

    def build(self, endpoints: Sequence[Endpoint], now: float) -> PickFirstPicker:
        return PickFirstPicker(endpoints[0])

    def load(self, endpoint: Endpoint, now: float) -> float | None:
        return None


class PickFirstPicker:
    __slots__ = ("_endpoint",)

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def pick(self, info: PickInfo) -> Endpoint:
        if info.record is not None:
            info.record.reason = "first"
            info.record.candidates = (candidate(self._endpoint, 0.0),)
        return self._endpoint
