"""Latency histograms of the last minute: a ring of 10 s slots, and quantiles by interpolation inside a bucket."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lbdash.live.columns import F64, I64, U8, U32, Rows
from lbdash.model import LATENCY_BOUNDS_US, LATENCY_BUCKETS

SLOT_S = 10
SLOTS = 6
WINDOW_S = SLOT_S * SLOTS
MIN_SAMPLES = 20  # nothing is quoted under this many

Histograms = I64  # shape (rows, LATENCY_BUCKETS)

_UPPER_MS = np.array((*LATENCY_BOUNDS_US, LATENCY_BOUNDS_US[-1])) / 1000.0  # the open bucket is read as its lower bound
_LOWER_MS = np.array((0.0, *LATENCY_BOUNDS_US)) / 1000.0


class LatencyRing:
    """Histograms of `capacity` rows, shape (SLOTS, capacity, LATENCY_BUCKETS); one writer."""

    def __init__(self, capacity: int) -> None:
        self._ring = np.zeros((SLOTS, capacity, LATENCY_BUCKETS), np.uint32)
        self._epoch = 0

    @property
    def nbytes(self) -> int:
        return self._ring.nbytes

    def grow(self, capacity: int) -> None:
        ring = np.zeros((SLOTS, capacity, LATENCY_BUCKETS), np.uint32)
        ring[:, : self._ring.shape[1]] = self._ring
        self._ring = ring

    def clear(self, row: int) -> None:
        self._ring[:, row] = 0

    def turn(self, now: float) -> None:
        """Begin the slot of `now`; whatever is a window old is dropped."""
        epoch = int(now // SLOT_S)
        for stale in range(max(self._epoch + 1, epoch - SLOTS + 1), epoch + 1):
            self._ring[stale % SLOTS] = 0
        self._epoch = max(self._epoch, epoch)

    def add(self, rows: Rows, buckets: U8, counts: U32) -> None:
        """Rows and buckets may repeat."""
        current = self._ring[self._epoch % SLOTS].reshape(-1)
        np.add.at(current, rows * LATENCY_BUCKETS + buckets, counts)

    def window(self) -> Histograms:
        """Of the last 50 to 60 s."""
        return np.asarray(self._ring.sum(axis=0), np.int64)

    def recent(self) -> Histograms:
        """Of the last 10 to 20 s: for charts."""
        epochs = (self._epoch % SLOTS, (self._epoch - 1) % SLOTS)
        return np.asarray(self._ring[list(epochs)].sum(axis=0), np.int64)


def quantiles(histograms: Histograms, qs: Sequence[float]) -> F64:
    """Milliseconds, shape (len(qs), rows); NaN under MIN_SAMPLES."""
    below = histograms.cumsum(axis=1)
    total = below[:, -1]
    rows = np.arange(len(histograms))
    result = np.full((len(qs), len(histograms)), np.nan)
    enough = total >= MIN_SAMPLES
    for k, q in enumerate(qs):
        rank = q * total
        bucket = np.minimum((below < rank[:, None]).sum(axis=1), LATENCY_BUCKETS - 1)
        inside = histograms[rows, bucket]
        part = (rank - (below[rows, bucket] - inside)) / np.maximum(inside, 1)
        value = _LOWER_MS[bucket] + part * (_UPPER_MS[bucket] - _LOWER_MS[bucket])
        result[k, enough] = value[enough]
    return result
