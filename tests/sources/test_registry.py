"""The registry as a source, over the registry in memory and over etcd."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lbdash.config import Watch
from lbdash.live.state import State
from lbdash.live.store import Store
from lbdash.model import Admin
from lbdash.registry.control_keys import admin_key
from lbdash.registry.kv import Changes, Registry, Stale, WatchMessage
from lbdash.registry.memory import MemoryRegistry
from lbdash.sources.clock import Clock
from lbdash.sources.registry import RegistrySource
from lbdash.tasks import spawn, stop
from tests.etcd import EtcdServer

TIMEOUT_S = 20.0
A = "10.0.0.1:80"


async def until(store: Store, condition: Callable[[State], bool]) -> State:
    """The state in which `condition` holds for the first time."""
    subscription = store.subscribe()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while not condition(state := store.view().state):
                await subscription.wait()
            return state
    finally:
        subscription.close()


@asynccontextmanager
async def following(registry: Registry, *watch: str) -> AsyncIterator[Store]:
    clock = Clock()
    store = Store(clock)
    source = RegistrySource(registry, store, clock, [Watch.parse(each) for each in watch])
    task = spawn(source.run(), "registry source")
    try:
        await until(store, lambda s: len(s.sources) > len(set(watch)) and all(x.synced for x in s.sources.values()))
        yield store
    finally:
        await stop(task)


async def test_registrations_and_control_keys_come_and_go() -> None:
    registry = MemoryRegistry()
    await registry.put(b"/go/user.rpc/77", A.encode(), lease=await registry.lease_grant(10))
    async with following(registry, "/go/=gozero") as store:
        service = store.view().state.services["/go/user.rpc"]
        assert (service.convention, set(service.backends)) == ("gozero", {A})
        await registry.put(admin_key("/go/user.rpc", A).encode(), b'{"state": "drain"}')
        await until(store, lambda s: s.services["/go/user.rpc"].routing.admin_of(A) is Admin.DRAIN)
        await registry.delete(b"/go/user.rpc/77")
        await until(store, lambda s: s.services["/go/user.rpc"].backends[A].gone_at is not None)


async def test_a_prefix_named_twice_is_watched_once() -> None:
    registry = MemoryRegistry()
    async with following(registry, "/go/", "/go/"):
        assert registry.stats().watches == 2  # and the control keys


async def test_an_outage_is_told_with_its_reason_and_its_end() -> None:
    registry = MemoryRegistry()
    async with following(registry, "/go/") as store:
        registry.interrupt("no leader")
        state = await until(store, lambda s: all(source.lost_at for source in s.sources.values()))
        assert {source.reason for source in state.sources.values()} == {"no leader"}
        registry.interrupt(None)
        await registry.put(b"/go/user.rpc/77", A.encode())
        await until(store, lambda s: bool(s.services) and not any(source.lost_at for source in s.sources.values()))


async def test_a_burst_is_taken_in_as_one() -> None:
    registry = MemoryRegistry()
    async with following(registry, "/go/") as store:
        versions = set()
        subscription = store.subscribe()
        for number in range(500):
            await registry.put(b"/go/user.rpc/%d" % number, b"10.0.%d.%d:80" % (number >> 8, number & 255))
            await asyncio.sleep(0)
            versions.add(store.topology_version)
        state = await until(store, lambda s: sum(len(x.backends) for x in s.services.values()) == 500)
        subscription.close()
        assert len(versions) < 100
        assert state.sources["registry /go/"].events == 500


async def test_a_broken_value_shows_with_its_siblings_whichever_came_first() -> None:
    registry = MemoryRegistry()
    await registry.put(b"/svc/app/one", b"broken")
    async with following(registry, "/svc/") as store:
        assert {service.convention for service in store.view().state.services.values()} == {"invalid"}
        await registry.put(b"/svc/app/two", A.encode())
        await registry.put(b"/svc/app/three", b"broken")
        state = await until(store, lambda s: "/svc/app/three" in s.keys)
        [service] = state.services.values()
        assert (service.key, service.convention, set(service.backends)) == ("/svc/app", "plain", {A})
        assert set(service.invalid) == {"/svc/app/one", "/svc/app/three"}


class Denying(MemoryRegistry):
    """Its user may read the control keys only."""

    async def watch(self, prefix: bytes) -> AsyncIterator[WatchMessage]:
        if prefix.startswith(b"/lbdash/"):
            yield Changes((), 1, synced=True)
        else:
            yield Stale("user lbdash may not read /go/", denied=True)
        await asyncio.Event().wait()


async def test_a_prefix_that_may_not_be_read_is_lost_with_the_reason() -> None:
    clock = Clock()
    store = Store(clock)
    task = spawn(RegistrySource(Denying(), store, clock, [Watch("/go/")]).run(), "registry source")
    state = await until(store, lambda s: len(s.sources) == 2)
    assert "permission denied: user lbdash" in state.sources["registry /go/"].reason
    assert state.sources["control"].lost_at is None
    await stop(task)


@pytest.mark.etcd
async def test_a_real_etcd_proves_itself_and_its_loss_is_noticed(tmp_path: Path) -> None:
    async with EtcdServer(tmp_path) as etcd:
        registry = etcd.registry()
        async with following(registry, "/go/") as store:
            first = store.view().state.sources["registry /go/"].proven_at
            await until(store, lambda s: s.sources["registry /go/"].proven_at != first)
            await etcd.kill()
            await until(store, lambda s: all(source.lost_at for source in s.sources.values()))
            await etcd.start()
            await until(store, lambda s: not any(source.lost_at for source in s.sources.values()))
        await registry.close()
