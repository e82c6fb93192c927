"""Columns of the telemetry wire: little-endian arrays in bytes. NaN = unknown."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from math import nan
from typing import NamedTuple

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import Policy


def u8(values: Sequence[int]) -> bytes:
    return bytes(values)


def u32(values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def u64(values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}Q", *values)


def f32(values: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


class CounterRow(NamedTuple):
    """One endpoint as it stands; the order is the wire's."""

    subconn: int  # its index
    picks: int
    ok: int
    cancelled: int
    infrastructure: int
    application: int
    inflight: int
    oldest_us: int
    lag_us: float
    success: float
    load: float
    weight: float


def _outcomes(endpoint: Endpoint) -> tuple[int, int, int, int]:
    ok, cancelled, infrastructure, application = endpoint.outcomes
    return ok, cancelled, infrastructure, application


def counter_row(endpoint: Endpoint, policy: Policy, now: float) -> CounterRow:
    oldest, lag, load = endpoint.oldest(), endpoint.lag, policy.load(endpoint, now)
    return CounterRow(
        endpoint.index,
        endpoint.picks,
        *_outcomes(endpoint),
        endpoint.inflight,
        0 if oldest is None else max(1, int((now - oldest) * 1e6)),
        nan if lag is None else lag * 1e6,
        nan if endpoint.last_done is None else endpoint.success,
        nan if load is None else load,
        float(endpoint.weight),
    )
