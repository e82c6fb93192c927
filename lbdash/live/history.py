"""Rings of what was measured: a service and its versions 1 h at 1 s, backends 10 min at 1 s and 1 h at 10 s.

Each ring is float32, shape (length, series, columns), NaN where nothing was known. For 1,000 backends it is 23 MB.
"""

from __future__ import annotations

import numpy as np

from lbdash.live.columns import APPLICATION, CANCELLED, F32, F64, I64, INFRASTRUCTURE, OK, PICKS, longer
from lbdash.live.latency import Histograms, quantiles
from lbdash.live.view import Series

SERIES = ("rps", "error_ratio", "p50", "p99", "inflight", "picks")  # "picks" = calls in the step
FINE_S, COARSE_S = 1, 10
SPARK_POINTS = 60


class Ring:
    """`put` at rising times; steps without a `put` stay NaN."""

    def __init__(self, length: int, step_s: int, columns: int) -> None:
        self._values: F32 = np.full((length, len(SERIES), columns), np.nan, np.float32)
        self._step_s = step_s
        self._step = -1  # number of the newest step since the epoch

    @property
    def nbytes(self) -> int:
        return self._values.nbytes

    def grow(self, columns: int) -> None:
        extra = columns - self._values.shape[2]
        if extra > 0:
            self._values = longer(self._values, extra, np.nan)

    def clear(self, column: int) -> None:
        self._values[:, :, column] = np.nan

    def put(self, now: float, values: F64) -> None:
        """`values` has shape (series, columns)."""
        step = int(now // self._step_s)
        length = len(self._values)
        for skipped in range(max(self._step + 1, step - length + 1), step):
            self._values[skipped % length] = np.nan
        self.grow(values.shape[1])
        self._values[step % length] = np.nan
        self._values[step % length, :, : values.shape[1]] = values
        self._step = step

    def due(self, now: float) -> bool:
        return int(now // self._step_s) > self._step

    def read(self, series: int, columns: int | slice, steps: int) -> F32:
        """The newest `steps`, oldest first."""
        steps = min(steps, len(self._values))
        order = np.arange(self._step - steps + 1, self._step + 1) % len(self._values)
        return self._values[order, series, columns]

    def series(self, name: str, column: int, span_s: int) -> Series:
        values = self.read(SERIES.index(name), column, span_s // self._step_s)
        return Series(float((self._step + 1) * self._step_s), self._step_s, values)


class History:
    """Of one service. Column 0 of `service` is the service; the others follow their meters' columns."""

    def __init__(self) -> None:
        self.service = Ring(3600, FINE_S, 1)
        self.versions = Ring(3600, FINE_S, 1)
        self.fine = Ring(600, FINE_S, 1)
        self.coarse = Ring(360, COARSE_S, 1)

    @property
    def nbytes(self) -> int:
        return self.service.nbytes + self.versions.nbytes + self.fine.nbytes + self.coarse.nbytes

    def forget_backend(self, column: int) -> None:
        for ring in (self.fine, self.coarse):
            ring.grow(column + 1)
            ring.clear(column)

    def forget_version(self, column: int) -> None:
        self.versions.grow(column + 1)
        self.versions.clear(column)

    def backends(self, now: float, values: F64) -> None:
        self.fine.put(now, values)
        if self.coarse.due(now):
            coarse = values.copy()
            coarse[SERIES.index("picks")] = values[SERIES.index("rps")] * COARSE_S
            self.coarse.put(now, coarse)

    def backend_series(self, name: str, column: int, span_s: int) -> Series:
        return (self.fine if span_s <= 600 else self.coarse).series(name, column, span_s)

    def sparklines(self) -> F32:
        """rps by backend column, shape (SPARK_POINTS, columns)."""
        return self.coarse.read(SERIES.index("rps"), slice(None), SPARK_POINTS)


def sample(rates: F64, picks: I64, inflight: I64, histograms: Histograms) -> F64:
    """One step of every series, shape (series, columns). `rates` has shape (KINDS, columns), `picks` = of this step."""
    p50, p99 = quantiles(histograms, (0.5, 0.99))
    return np.stack((rates[PICKS], error_ratio(rates), p50, p99, inflight, picks))


def error_ratio(rates: F64) -> F64:
    """NaN where no call ended."""
    errors = rates[INFRASTRUCTURE] + rates[APPLICATION]
    ended = rates[OK] + rates[CANCELLED] + errors
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: F64 = np.where(ended > 0, errors / ended, np.nan)
    return ratio
