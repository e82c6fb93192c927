"""least_request: of `choiceCount` random endpoints, drawn with replacement, the one with the fewest calls (gRFC A48).

Calls in flight are counted in the endpoint, so they survive builds. The first minimum wins. Like every policy that
counts calls alone, it likes endpoints that fail fast; a frozen one still gets 1/n^choiceCount of the calls.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickInfo, candidate
from lbdash.balancing.policies.settings import Settings


class LeastRequest:
    name = "least_request"
    eager = True

    def __init__(self, rng: random.Random, settings: Settings | None = None) -> None:
        """`choiceCount`: 2 or more, more than 10 becomes 10; default 2."""
        settings = settings or Settings(self.name, {})
        self.choices = settings.integer("choiceCount", 2, 2, cap=10)
        self._rng = rng

    def build(self, endpoints: Sequence[Endpoint], now: float) -> LeastRequestPicker:
        return LeastRequestPicker(endpoints, self.choices, self._rng)

    def load(self, endpoint: Endpoint, now: float) -> float | None:
        return endpoint.inflight


class LeastRequestPicker:
    __slots__ = ("_choices", "_endpoints", "_random")

    def __init__(self, endpoints: Sequence[Endpoint], choices: int, rng: random.Random) -> None:
        self._endpoints = tuple(endpoints)
        self._choices = choices
        self._random = rng.random

    def pick(self, info: PickInfo) -> Endpoint:
        endpoints, draw = self._endpoints, self._random
        n = len(endpoints)
        if info.record is not None:
            return self._explained(info)
        chosen = endpoints[int(draw() * n)]
        fewest = len(chosen.calls) + len(chosen.streams)
        for _ in range(self._choices - 1):
            other = endpoints[int(draw() * n)]
            busy = len(other.calls) + len(other.streams)
            if busy < fewest:
                chosen, fewest = other, busy
        return chosen

    def _explained(self, info: PickInfo) -> Endpoint:
        """The same, with every draw written down."""
        n = len(self._endpoints)
        drawn = [self._endpoints[int(self._random() * n)] for _ in range(self._choices)]
        chosen = min(drawn, key=lambda endpoint: endpoint.inflight)
        assert info.record is not None
        info.record.reason = "fewest" if n > 1 else "single"
        info.record.candidates = tuple(candidate(e, e.inflight) for e in dict.fromkeys(drawn))
        info.record.detail.update(choices=str(self._choices), n=str(n))
        return chosen
