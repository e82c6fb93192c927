"""Short spellings of events, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lbdash.live.events import (
    ClientOpened,
    ClientReported,
    ControlChanged,
    CounterColumns,
    LatencyColumns,
    RegistrationsChanged,
    SourceProven,
    SubConnOpened,
    Ticked,
)
from lbdash.live.store import Store
from lbdash.model import Connectivity, Registration
from lbdash.registry.control_keys import admin_key
from lbdash.registry.kv import KeyValue, WatchDelete, WatchPut

T0 = 1_000_000.0
READY = Connectivity.READY


class Hand:
    """A clock that is moved by hand."""

    def __init__(self, now: float = T0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def registration(
    key: str, address: str = "", service: str = "shop", convention: str = "etcd", **more: Any
) -> Registration:
    return Registration(key, service, convention, key, address, **more)


def put(*registrations: Registration, at: float = T0) -> RegistrationsChanged:
    return RegistrationsChanged("registry /", registrations, (), 1, at)


def deleted(*keys: str, at: float = T0) -> RegistrationsChanged:
    return RegistrationsChanged("registry /", (), keys, 1, at)


def synced(source: str = "registry /", kind: str = "registry", at: float = T0) -> SourceProven:
    return SourceProven(source, kind, at, 1, True)


def joined(id: str = "c1", service: str = "shop", convention: str = "", at: float = T0, **more: Any) -> ClientOpened:
    return ClientOpened(id, f"name of {id}", service, convention, "p2c_ewma", "telemetry", at, **more)


def subconns(*addresses: str, state: Connectivity = READY, first: int = 0) -> tuple[SubConnOpened, ...]:
    return tuple(SubConnOpened(first + i, address, state, T0) for i, address in enumerate(addresses))


def counters(rows: Mapping[int, int], inflight: int = 0, infrastructure: int = 0, oldest_us: int = 0) -> CounterColumns:
    """`rows`: index -> picks, all ended well but for `infrastructure` of each."""
    index = np.array(sorted(rows), np.uint32)
    picks = np.array([rows[i] for i in sorted(rows)], np.uint64)
    n = len(index)
    zeros, unknown = np.zeros(n, np.uint64), np.full(n, np.nan, np.float32)
    return CounterColumns(
        index,
        picks,
        picks - np.uint64(infrastructure),
        zeros,
        np.full(n, infrastructure, np.uint64),
        zeros,
        np.full(n, inflight, np.uint32),
        np.full(n, oldest_us, np.uint64),
        unknown,
        unknown,
        unknown,
        unknown,
    )


def latency(*cells: tuple[int, int, int]) -> LatencyColumns:
    """(index, bucket, count) each."""
    index, bucket, count = zip(*cells, strict=True)
    return LatencyColumns(np.array(index, np.uint32), np.array(bucket, np.uint8), np.array(count, np.uint32))


def report(id: str = "c1", at: float = T0, rows: Mapping[int, int] | None = None, **more: Any) -> ClientReported:
    """`rows`: index -> picks."""
    if rows is not None:
        more["counters"] = counters(rows)
    return ClientReported(id, at, None, **more)


def control(*changes: WatchPut | WatchDelete, revision: int = 10, at: float = T0) -> ControlChanged:
    return ControlChanged(changes, revision, 0, at)


def key_put(key: str, value: bytes, revision: int = 10, lease: int = 0) -> WatchPut:
    return WatchPut(KeyValue(key.encode(), value, revision, revision, 1, lease))


def key_gone(key: str, revision: int = 11) -> WatchDelete:
    return WatchDelete(key.encode(), revision)


def drained(address: str, revision: int = 10, service: str = "shop") -> WatchPut:
    return key_put(admin_key(service, address), b'{"state": "drain"}', revision)


def ticked(store: Store, clock: Hand, seconds: int = 1) -> None:
    for _ in range(seconds):
        clock.now += 1
        store.apply([Ticked(clock.now)])
