"""Each trap a watch can fall into, on a real etcd."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from lbdash.proto import etcd_pb2 as pb
from lbdash.registry.etcd import EtcdRegistry
from lbdash.registry.kv import Changes, Progress, Put, Stale, WatchDelete, WatchPut
from tests.etcd import QUICK, EtcdServer
from tests.registry.watching import Watched, watching

pytestmark = pytest.mark.etcd
PREFIX = b"/svc/app/"


def key(n: object) -> bytes:
    return PREFIX + str(n).encode()


async def compact(registry: EtcdRegistry, revision: int) -> None:
    request = pb.CompactionRequest(revision=revision, physical=True)
    await registry._wire.call("/etcdserverpb.KV/Compact", request, pb.CompactionResponse, "compact")


@asynccontextmanager
async def behind_its_back(etcd: EtcdServer, watched: Watched, wiped: bool = False) -> AsyncIterator[EtcdRegistry]:
    """The same data (or fresh ones) served where the watch does not look; then at the old place again."""
    await etcd.kill()
    await watched.until(lambda w: w.stale)
    if wiped:
        etcd.directory = etcd.directory / "fresh"
    async with EtcdServer(etcd.directory) as elsewhere:
        registry = elsewhere.registry()
        yield registry
        await registry.close()
    await etcd.start()


async def test_a_killed_etcd_is_followed_again_from_where_it_broke(etcd: EtcdServer) -> None:
    registry = etcd.registry()
    await registry.put(key(1), b"before")
    async with watching(registry, PREFIX) as watched:
        await etcd.kill()
        await watched.until(lambda w: w.stale)
        await etcd.start()
        await watched.until(lambda w: isinstance(w.messages[-1], Progress))
        revision = await registry.put(key(2), b"after")
        await watched.until(lambda w: w.changes[-1].revision == revision)
        assert not any(changes.relisted for changes in watched.changes)
        assert watched.mirror == {key(1): b"before", key(2): b"after"}
        assert watched.epoch == 0
    await registry.close()


async def test_history_compacted_while_away_is_told_as_a_difference(etcd: EtcdServer) -> None:
    """Deletions too: a watch cannot tell them any more."""
    registry = etcd.registry()
    for name in ("same", "changed", "gone"):
        await registry.put(key(name), b"old")
    async with watching(registry, PREFIX) as watched:
        async with behind_its_back(etcd, watched) as other:
            await other.put(key("changed"), b"new")
            await other.delete(key("gone"))
            revision = await other.put(key("added"), b"new")
            await compact(other, revision)
        await watched.until(lambda w: len(w.changes) > 1)
        repair = watched.changes[-1]
        assert (repair.synced, repair.relisted, repair.epoch) == (True, True, 0)
        assert [type(e) for e in repair.events] == [WatchDelete, WatchPut, WatchPut]
        assert watched.mirror == {key("same"): b"old", key("changed"): b"new", key("added"): b"new"}
    await registry.close()


async def test_a_wiped_data_directory_begins_a_new_epoch(etcd: EtcdServer) -> None:
    registry = etcd.registry()
    for n in range(10):
        await registry.put(key(n), b"old")
    async with watching(registry, PREFIX) as watched:
        await etcd.wipe()
        await watched.until(lambda w: w.epoch == 1)
        assert watched.mirror == {}
        revision = await registry.put(key(1), b"new")
        await watched.until(lambda w: w.changes[-1].revision == revision)
        assert (watched.mirror, watched.changes[-1].epoch) == ({key(1): b"new"}, 1)
    await registry.close()


async def test_a_wiped_etcd_that_has_caught_up_is_found_by_the_safety_list(etcd: EtcdServer) -> None:
    """Its revision says nothing: only a list does."""
    registry = etcd.registry(replace(QUICK, safety_list=0.5))
    await registry.put(key("old"), b"1")
    async with watching(registry, PREFIX) as watched:
        async with behind_its_back(etcd, watched, wiped=True) as other:
            for n in range(20):
                await other.put(key(n), b"new")
        await watched.until(lambda w: w.epoch)
        assert watched.mirror == {key(n): b"new" for n in range(20)}
    await registry.close()


async def test_a_frozen_etcd_is_noticed_and_taken_up_again(etcd: EtcdServer) -> None:
    """Its connection stays open and says nothing, like that of a quiet one."""
    registry = etcd.registry()
    async with watching(registry, PREFIX) as watched:
        etcd.freeze()
        await watched.until(lambda w: w.stale)
        assert "silent" in watched.messages[-1].reason
        etcd.thaw()
        await watched.until(lambda w: not w.stale)
        await registry.put(key(1), b"x")
        await watched.until(lambda w: w.mirror == {key(1): b"x"})
    await registry.close()


async def test_a_quiet_etcd_gives_signs_of_life_without_requests(etcd: EtcdServer) -> None:
    registry = etcd.registry(replace(QUICK, silence=5.0))
    async with watching(registry, PREFIX) as watched:
        await watched.until(lambda w: len(w.messages) > 5)
        assert not any(isinstance(message, Stale) for message in watched.messages)
        assert dict(registry.stats().rpcs_by_method) == {"Range": 1, "Watch": 1}
    await registry.close()


async def test_a_slow_reader_is_not_taken_for_a_silent_etcd(etcd: EtcdServer) -> None:
    registry = etcd.registry(replace(QUICK, silence=1.0))
    messages = registry.watch(PREFIX)
    assert isinstance(await anext(messages), Changes)
    await asyncio.sleep(2.0)
    assert isinstance(await anext(messages), Progress)
    await messages.aclose()
    await registry.close()


async def test_a_long_catch_up_comes_in_fragments_and_whole(etcd: EtcdServer) -> None:
    """4,000 events of 3 kB in revisions of 100: fragments cut through revisions."""
    registry = etcd.registry()
    async with watching(registry, PREFIX) as watched:
        async with behind_its_back(etcd, watched) as other:
            for batch in range(40):
                last = (
                    await other.txn([], [Put(key(f"{batch}-{n}"), b"%d" % batch * 3000) for n in range(100)])
                ).revision
        await watched.until(lambda w: w.changes[-1].revision >= last)
        assert any(changes.revision < changes.events[-1].kv.mod_revision for changes in watched.changes[1:])
        assert not any(changes.relisted for changes in watched.changes)
        assert len(watched.mirror) == 4000
        _assert_ordered(watched)
    await registry.close()


async def test_a_catch_up_over_many_revisions_loses_none(etcd: EtcdServer) -> None:
    """etcd tells 1,000 revisions at a time, and each answer already bears the newest revision in its header."""
    registry = etcd.registry()
    async with watching(registry, PREFIX) as watched:
        async with behind_its_back(etcd, watched) as other:
            for n in range(50):
                revisions = await asyncio.gather(*(other.put(key(f"{n}-{k}"), b"x") for k in range(50)))
        await watched.until(lambda w: w.changes[-1].revision >= max(revisions))
        assert len(watched.mirror) == 2500
        assert not any(changes.relisted for changes in watched.changes)
    await registry.close()


async def test_after_kills_and_compactions_the_mirror_equals_the_truth(etcd: EtcdServer) -> None:
    registry, writer = etcd.registry(), etcd.registry()
    rng = random.Random(7)
    async with watching(registry, PREFIX) as watched:
        for _ in range(4):
            await _churn(writer, rng, 150)
            await etcd.kill()
            await etcd.start()
            revision = await _churn(writer, rng, 150)
            if rng.random() < 0.7:
                await compact(writer, revision)
        last = await writer.put(key("end"), b"end")
        await watched.until(lambda w: w.changes[-1].revision >= last)
        assert watched.mirror == {kv.key: kv.value for kv in (await writer.list(PREFIX)).items}
        assert watched.epoch == 0
        _assert_ordered(watched)
    await registry.close()
    await writer.close()


async def _churn(writer: EtcdRegistry, rng: random.Random, count: int) -> int:
    revision = 0
    for _ in range(count):
        name = key(rng.randrange(40))
        revision = await (writer.delete(name) if rng.random() < 0.3 else writer.put(name, b"%d" % rng.randrange(9999)))
    return revision


def _assert_ordered(watched: Watched) -> None:
    revisions = [m.revision for m in watched.messages if isinstance(m, Changes | Progress)]
    assert revisions == sorted(revisions)
