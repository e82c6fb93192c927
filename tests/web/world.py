"""A small fleet as events: one service, three backends of two versions, two clients that report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lbdash.live.events import (
    Candidate,
    ClientOpened,
    ClientReported,
    CounterColumns,
    Event,
    PickSample,
    SubConnOpened,
    Ticked,
    Transition,
    VersionCount,
)
from lbdash.model import Connectivity
from lbdash.registry.kv import Registry

SERVICE = "hwholiday.srv.app"
BACKENDS = {"10.0.0.1:8089": "v1", "10.0.0.2:8089": "v1", "10.0.0.3:8089": "v2"}
HOSTILE = "<script>alert(1)</script>"
OBEYS = frozenset({"drain", "maint", "weight", "versions", "policy"})
ALICE, BOB = "a" * 32, "b" * 32


async def register(registry: Registry) -> None:
    """As hwholiday's services write it; one version and one id are hostile text."""
    for number, (address, version) in enumerate(BACKENDS.items()):
        await put(registry, f"app-{number}", address, version)
    await registry.put(b"/hwholiday/srv/app/app-broken", b"{not json")


async def put(registry: Registry, id: str, address: str, version: str) -> None:
    node = {"name": "app", "path": "/hwholiday/srv/app", "id": id, "version": version, "address": address}
    value = {"node": node, "metadata": {"owner": HOSTILE}, "endpoints": {}}
    await registry.put(f"/hwholiday/srv/app/{id}".encode(), json.dumps(value).encode())


def clients(at: float, policy: str = "weighted_round_robin") -> list[Event]:
    events: list[Event] = []
    for id, name in ((ALICE, "orders-1"), (BOB, HOSTILE)):
        events.append(opened(id, name, at, policy))
        events.append(report(id, at, picks=0))
    return events


def opened(id: str, name: str, at: float, policy: str) -> ClientOpened:
    return ClientOpened(
        id, name, SERVICE, "hwholiday", policy, "telemetry", at, can_obey=OBEYS, can_tell=frozenset({"inflight"})
    )


def report(id: str, at: float, *, picks: int, inflight: int = 0, applied_revision: int = 0) -> ClientReported:
    """Every SubConn READY with `picks` picks, all of them ended well."""
    addresses = list(BACKENDS)
    first = picks == 0
    return ClientReported(
        id,
        at,
        0.0,
        opened=tuple(SubConnOpened(i, a, Connectivity.CONNECTING, at) for i, a in enumerate(addresses))
        if first
        else (),
        transitions=tuple(Transition(i, Connectivity.READY, at) for i in range(len(addresses))) if first else (),
        counters=None if first else columns(len(addresses), picks, inflight),
        versions=() if first else (VersionCount("", "v1", "", "share", picks),),
        samples=() if first else (sample(id, at),),
        applied_revision=applied_revision,
        connectivity=Connectivity.READY,
    )


def columns(rows: int, picks: int, inflight: int) -> CounterColumns:
    nothing = np.zeros(rows, np.uint64)
    unknown = np.full(rows, np.nan, np.float32)
    return CounterColumns(
        index=np.arange(rows, dtype=np.uint32),
        picks=np.full(rows, picks, np.uint64),
        ok=np.full(rows, picks - inflight, np.uint64),
        cancelled=nothing,
        infrastructure=nothing,
        application=nothing,
        inflight=np.full(rows, inflight, np.uint32),
        oldest_us=nothing,
        lag_us=unknown,
        success=unknown,
        load=unknown,
        weight=unknown,
    )


def sample(client: str, at: float) -> PickSample:
    rivals = tuple(Candidate(a, 3162.0, float("nan"), 1, 1.0, 100.0, "v1") for a in list(BACKENDS)[:2])
    return PickSample(
        at, client, f"/app.App/{HOSTILE}", "", "v1", "complete", rivals[0].address, "lower_load", "p2c_ewma", rivals,
        queued_us=12, repicks=0, picker_build=1, ready=3, total=3, error="", traced=False, detail={},
    )  # fmt: skip


def busy(at: float) -> Sequence[Event]:
    """Clients open, then ten seconds of traffic."""
    return (*clients(at - 10), *_seconds(at - 9, 10))


def _seconds(start: float, count: int) -> Iterable[Any]:
    for second in range(count):
        at = start + second
        for id in (ALICE, BOB):
            yield report(id, at, picks=10 * (second + 1), inflight=1)
        yield Ticked(at)
