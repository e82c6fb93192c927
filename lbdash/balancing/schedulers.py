"""Orders of turns by weight: each scheduler says which index goes next, `next_index()`, and knows no endpoints.

| scheduler | shares | a pick costs | where it is from |
|---|---|---|---|
| `ExactShares` | exact in every full turn of sum(weights) picks | O(log n) | lbdash |
| `StaticStride` | within one pick per generation of n | O(1), more when weights differ much | gRFC A58 |
| `Edf` | exact up to rounding errors that add up | O(log n) | grpc-go, xDS |
| `SmoothWrr` | exact, evenest | O(n) | nginx, kratos |

Weights are positive numbers; each constructor refuses anything else with ValueError.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from heapq import heapify, heapreplace
from math import floor, isfinite
from typing import Protocol

STRIDE = 65535
_OFFSET = STRIDE // 2
_UINT32 = 0xFFFFFFFF


class Scheduler(Protocol):
    def next_index(self) -> int: ...


def checked(weights: Sequence[float]) -> Sequence[float]:
    """`weights` as they are, if there is at least one and all are finite and above 0."""
    if not weights:
        raise ValueError("weights: at least one is needed")
    for index, weight in enumerate(weights):
        if not (isfinite(weight) and weight > 0):
            raise ValueError(f"weights[{index}]: {weight!r} is not a finite number above 0")
    return weights


class ExactShares:
    """Earliest deadline first without drift: index i is due at (k + offset_i) / weight_i for k = 1, 2, ...

    Within one unit of virtual time each index is due exactly `weight` times, so any run of sum(weights) picks holds
    exact shares, whatever the offsets. Random offsets keep clients that start together from marching in step.
    Due times are computed from k, never summed up, so no rounding error grows.
    """

    def __init__(self, weights: Sequence[float], rng: random.Random | None = None) -> None:
        turns = [1.0 - rng.random() if rng else 1.0 for _ in checked(weights)]
        self._heap = [(turn / w, i, turn, w) for i, (turn, w) in enumerate(zip(turns, weights, strict=True))]
        heapify(self._heap)

    def next_index(self) -> int:
        _, index, turn, weight = self._heap[0]
        heapreplace(self._heap, ((turn + 1.0) / weight, index, turn + 1.0, weight))
        return index


class Edf:
    """Earliest deadline first as xDS clients have it: the earliest goes, and is due again 1/weight later."""

    def __init__(self, weights: Sequence[float], rng: random.Random | None = None) -> None:
        self._periods = [1.0 / weight for weight in checked(weights)]
        self._heap = [(period, index) for index, period in enumerate(self._periods)]
        heapify(self._heap)

    def next_index(self) -> int:
        now, index = self._heap[0]
        heapreplace(self._heap, (now + self._periods[index], index))
        return index


class SmoothWrr:
    """nginx' rule: everyone gains its weight, the richest goes (first on a tie) and pays the total."""

    def __init__(self, weights: Sequence[float], rng: random.Random | None = None) -> None:
        self._weights = tuple(checked(weights))
        self._total = sum(self._weights)
        self._current = [0.0] * len(weights)

    def next_index(self) -> int:
        self._current = [have + gain for have, gain in zip(self._current, self._weights, strict=True)]
        index = self._current.index(max(self._current))
        self._current[index] -= self._total
        return index


class StaticStride:
    """gRFC A58: in generation g index i goes unless its stride falls into the gap that its weight leaves.

    `scaled`: integers 1..65535, the largest 65535 (`scale` makes them). `counter`: where the 32-bit sequence starts.
    """

    def __init__(self, scaled: Sequence[int], counter: int = 0) -> None:
        self._scaled = tuple(scaled)
        self._counter = counter
        self.skips = 0

    def next_index(self) -> int:
        scaled, n, first = self._scaled, len(self._scaled), self._counter + 1
        counter = first
        while True:
            generation, index = divmod(counter & _UINT32, n)
            weight = scaled[index]
            if (weight * generation + index * _OFFSET) % STRIDE >= STRIDE - weight:
                break
            counter += 1
        self.skips += counter - first
        self._counter = counter & _UINT32
        return index


def scale(weights: Sequence[float]) -> list[int] | None:
    """Weights for a static stride: the largest becomes 65535, 0 (unknown) the mean of the others.

    None: round robin will do, because fewer than two are known or all are equal after scaling.
    """
    known = [weight for weight in weights if weight > 0]
    if len(known) < 2:
        return None
    factor = STRIDE / max(known)
    mean = _rounded(factor * sum(known) / len(known))
    scaled = [_rounded(weight * factor) if weight > 0 else mean for weight in weights]
    return None if all(weight == mean for weight in scaled) else [max(1, weight) for weight in scaled]


def _rounded(value: float) -> int:
    """Half away from zero, as Go rounds; Python's round() would go to even."""
    return floor(value + 0.5)
