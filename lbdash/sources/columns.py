"""Columns of bytes to checked numpy columns. What is wrong raises Malformed, whose text says what."""

from __future__ import annotations

import numpy as np

from lbdash.live.block import RowMap
from lbdash.live.columns import F32, I64, U8, U32, Rows, longer
from lbdash.live.events import U64, CounterColumns, LatencyColumns
from lbdash.model import LATENCY_BUCKETS
from lbdash.proto import telemetry_pb2 as pb

_U32, _I64, _U64, _F32, _U8 = (np.dtype(code) for code in ("<u4", "<i8", "<u8", "<f4", "u1"))
TOTALS = 5


class Malformed(ValueError):
    """A part of a batch is refused; the rest of the batch, and other channels, are not."""


class KnownTotals:
    """What one channel reported so far, by SubConn: totals never go back. 44 bytes a SubConn."""

    def __init__(self) -> None:
        self.rows = RowMap()
        self._totals: I64 = np.zeros((TOTALS, 4), np.int64)

    def open(self, index: int) -> None:
        row = self.rows.open(index)
        if row >= self._totals.shape[1]:
            self._totals = longer(self._totals, row + 1 + row // 4 - self._totals.shape[1])
        self._totals[:, row] = 0

    def counters(self, group: pb.Counters) -> CounterColumns:
        index, rows = self._index(group.index)
        if index.size > 1 and not (index[1:] > index[:-1]).all():
            raise Malformed("counters: indexes do not rise strictly")
        old = self._totals.take(rows, axis=1)
        totals = self._given(group, index.size, old)
        if (totals < old).any():  # as signed numbers, so that one past 2^63 is refused too
            raise Malformed("counters: a total went back")
        self._totals[:, rows] = totals
        picks, ok, cancelled, infrastructure, application = totals.view(_U64)
        n = index.size
        return CounterColumns(
            index,
            picks,
            ok,
            cancelled,
            infrastructure,
            application,
            _u32(group.inflight, n, "inflight"),
            _u64(group.oldest_us, n, "oldest_us"),
            _f32(group.lag_us, n, "lag_us"),
            _f32(group.success, n, "success"),
            _f32(group.load, n, "load"),
            _f32(group.weight, n, "weight"),
        )

    def _given(self, group: pb.Counters, n: int, old: I64) -> I64:
        parts = (group.picks, group.ok, group.cancelled, group.infrastructure, group.application)
        if all(len(part) == 8 * n for part in parts):
            return np.frombuffer(b"".join(parts), _I64).reshape(TOTALS, n)
        totals = old.copy()
        for row, part in enumerate(parts):
            if part:  # an empty column is unknown: what was known stays
                totals[row] = np.frombuffer(_sized(part, 8 * n, "a total"), _I64)
        return totals

    def latency(self, group: pb.Latency) -> LatencyColumns:
        index, _ = self._index(group.index)
        n = index.size
        bucket: U8 = np.frombuffer(_sized(group.bucket, n, "bucket"), _U8)
        count: U32 = np.frombuffer(_sized(group.count, 4 * n, "count"), _U32)
        if n and bucket.max() >= LATENCY_BUCKETS:
            raise Malformed(f"latency: bucket {bucket.max()} is not in 0..{LATENCY_BUCKETS - 1}")
        return LatencyColumns(index, bucket, count)

    def _index(self, data: bytes) -> tuple[U32, Rows]:
        if len(data) % 4:
            raise Malformed(f"the index column has {len(data)} bytes, not a multiple of 4")
        index: U32 = np.frombuffer(data, _U32)
        rows = self.rows.many(index)
        if rows is None:
            raise Malformed("an index stands for no SubConn")
        return index, rows


def _sized(data: bytes, size: int, name: str) -> bytes:
    if len(data) != size:
        raise Malformed(f"column {name} has {len(data)} bytes, not {size}")
    return data


def _u32(data: bytes, n: int, name: str) -> U32:
    return np.frombuffer(_sized(data, 4 * n, name), _U32) if data else np.zeros(n, _U32)


def _u64(data: bytes, n: int, name: str) -> U64:
    return np.frombuffer(_sized(data, 8 * n, name), _U64) if data else np.zeros(n, _U64)


def _f32(data: bytes, n: int, name: str) -> F32:
    return np.frombuffer(_sized(data, 4 * n, name), _F32) if data else np.full(n, np.nan, _F32)
