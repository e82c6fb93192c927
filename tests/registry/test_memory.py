"""The faults a `MemoryRegistry` plays; what it shares with etcd is in `test_kv`."""

from __future__ import annotations

import pytest

from lbdash.registry.kv import Progress, RegistryUnavailable, WatchDelete, WatchPut
from lbdash.registry.memory import MemoryRegistry
from tests.registry.watching import watching


async def test_a_lease_that_expires_takes_its_keys() -> None:
    registry = MemoryRegistry()
    lease = await registry.lease_grant(5)
    await registry.put(b"/a", b"1", lease=lease)
    async with watching(registry, b"/") as watched:
        registry.expire(lease)
        await watched.until(lambda w: not w.mirror)
    assert await registry.lease_ttl(lease) is None


async def test_a_watcher_that_lags_behind_the_history_is_told_the_difference() -> None:
    registry = MemoryRegistry(history=3)
    for name in (b"/same", b"/gone"):
        await registry.put(name, b"old")
    async with watching(registry, b"/") as watched:
        await registry.delete(b"/gone")
        for n in range(5):
            await registry.put(b"/new", b"%d" % n)
        await watched.until(lambda w: len(w.changes) == 2)
        repair = watched.changes[-1]
        assert (repair.synced, repair.relisted, repair.epoch) == (True, True, 0)
        assert [type(event) for event in repair.events] == [WatchDelete, WatchPut]
        assert watched.mirror == {b"/same": b"old", b"/new": b"4"}


async def test_an_outage_fails_calls_and_makes_watches_stale_until_it_is_over() -> None:
    registry = MemoryRegistry()
    async with watching(registry, b"/") as watched:
        registry.interrupt("cable cut")
        await watched.until(lambda w: w.stale)
        with pytest.raises(RegistryUnavailable, match="put: cable cut"):
            await registry.put(b"/a", b"1")
        registry.interrupt(None)
        await watched.until(lambda w: isinstance(w.messages[-1], Progress))
        await registry.put(b"/a", b"1")
        await watched.until(lambda w: w.mirror)


async def test_a_wipe_begins_a_new_epoch() -> None:
    registry = MemoryRegistry()
    await registry.put(b"/a", b"1")
    async with watching(registry, b"/") as watched:
        registry.wipe()
        await watched.until(lambda w: w.epoch == 1)
        assert watched.mirror == {}
