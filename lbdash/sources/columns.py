"""Columns of bytes to numpy columns of agreeing lengths. What is wrong raises Malformed, whose text says what."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lbdash.live.columns import F32, I64, U8, U32
from lbdash.live.events import UNKNOWN_TOTAL, LatencyColumns, PackedCounters
from lbdash.proto import telemetry_pb2 as pb

_U32, _I64, _F32, _U8 = (np.dtype(code) for code in ("<u4", "<i8", "<f4", "u1"))
_TOTALS = ("picks", "ok", "cancelled", "infrastructure", "application")


class Malformed(ValueError):
    """A part of a batch is refused; the rest of the batch, and other channels, are not."""


def counters(group: pb.Counters) -> PackedCounters:
    index = _index(group.index)
    n = index.size
    totals = (group.picks, group.ok, group.cancelled, group.infrastructure, group.application, group.oldest_us)
    gauges = (group.lag_us, group.success, group.load, group.weight)
    return PackedCounters(index, _totals(totals, n), _inflight(group.inflight, n), _gauges(gauges, n))


# Columns are joined before they are read: numpy takes a microsecond for one array and no more for six in one.


def _totals(columns: Sequence[bytes], n: int) -> I64:
    if {*map(len, columns)} != {8 * n}:
        unknown = np.full(n, UNKNOWN_TOTAL, _I64).tobytes()
        named = zip(columns, (*_TOTALS, "oldest_us"), (*[unknown] * len(_TOTALS), bytes(8 * n)), strict=True)
        columns = [_given(column, 8 * n, name, missing) for column, name, missing in named]
    totals: I64 = np.frombuffer(b"".join(columns), _I64)
    return totals.reshape(len(columns), n)


def _gauges(columns: Sequence[bytes], n: int) -> F32:
    if {*map(len, columns)} != {4 * n}:
        unknown = np.full(n, np.nan, _F32).tobytes()
        names = ("lag_us", "success", "load", "weight")
        columns = [_given(column, 4 * n, name, unknown) for column, name in zip(columns, names, strict=True)]
    gauges: F32 = np.frombuffer(b"".join(columns), _F32)
    return gauges.reshape(len(columns), n)


def _inflight(column: bytes, n: int) -> U32:
    return np.frombuffer(_given(column, 4 * n, "inflight", bytes(4 * n)), _U32)


def latency(group: pb.Latency) -> LatencyColumns:
    index = _index(group.index)
    n = index.size
    bucket: U8 = np.frombuffer(_sized(group.bucket, n, "bucket"), _U8)
    return LatencyColumns(index, bucket, np.frombuffer(_sized(group.count, 4 * n, "count"), _U32))


def _index(data: bytes) -> U32:
    if len(data) % 4:
        raise Malformed(f"the index column has {len(data)} bytes, not a multiple of 4")
    return np.frombuffer(data, _U32)


def _sized(column: bytes, size: int, name: str) -> bytes:
    if len(column) != size:
        raise Malformed(f"column {name} has {len(column)} bytes, not {size}")
    return column


def _given(column: bytes, size: int, name: str, missing: bytes) -> bytes:
    """An empty column is unknown."""
    return _sized(column, size, name) if column else missing
