"""The contract of `kv.Registry`, over memory and etcd."""

from __future__ import annotations

import pytest

from lbdash.registry.kv import (
    Delete,
    LeaseNotFound,
    Put,
    Registry,
    RegistryError,
    RegistryUnavailable,
    Unchanged,
    WatchDelete,
)
from tests.registry.watching import Watched, watching


async def test_a_put_key_can_be_read_with_its_revisions(registry: Registry, prefix: bytes) -> None:
    created = await registry.put(prefix + b"a", b"1")
    changed = await registry.put(prefix + b"a", b"2")
    kv = await registry.get(prefix + b"a")
    assert kv is not None
    assert (kv.value, kv.create_revision, kv.mod_revision, kv.version, kv.lease) == (b"2", created, changed, 2, 0)
    assert await registry.get(prefix + b"b") is None


async def test_a_list_holds_its_prefix_and_no_neighbour(registry: Registry, prefix: bytes) -> None:
    for name in (b"app/2", b"app/1", b"app2/1", b"app"):
        await registry.put(prefix + name, b"x")
    listing = await registry.list(prefix + b"app/")
    assert [kv.key for kv in listing.items] == [prefix + b"app/1", prefix + b"app/2"]
    sample = await registry.list(prefix, limit=3, keys_only=True)
    assert [(kv.key, kv.value) for kv in sample.items] == [(prefix + n, b"") for n in (b"app", b"app/1", b"app/2")]


async def test_deleting_what_is_not_there_changes_nothing(registry: Registry, prefix: bytes) -> None:
    revision = await registry.put(prefix + b"a", b"1")
    assert await registry.delete(prefix + b"b") == revision
    assert await registry.delete(prefix + b"a") == revision + 1


async def test_a_transaction_writes_all_at_one_revision(registry: Registry, prefix: bytes) -> None:
    seen = await registry.put(prefix + b"a", b"1")
    compare = [Unchanged(prefix + b"a", seen), Unchanged(prefix + b"b", 0)]
    result = await registry.txn(compare, [Put(prefix + b"b", b"2"), Delete(prefix + b"a")])
    assert result.succeeded
    assert result.revision == seen + 1
    assert [kv.mod_revision for kv in (await registry.list(prefix)).items] == [seen + 1]


async def test_a_transaction_that_came_too_late_writes_nothing_and_shows_what_is(
    registry: Registry, prefix: bytes
) -> None:
    seen = await registry.put(prefix + b"a", b"1")
    newer = await registry.put(prefix + b"a", b"2")
    result = await registry.txn(
        [Unchanged(prefix + b"a", seen), Unchanged(prefix + b"b", 0)], [Put(prefix + b"b", b"")]
    )
    assert not result.succeeded
    assert [(kv.key, kv.value, kv.mod_revision) for kv in result.current] == [(prefix + b"a", b"2", newer)]
    assert await registry.get(prefix + b"b") is None


async def test_what_cannot_be_written_is_refused(registry: Registry, prefix: bytes) -> None:
    with pytest.raises(RegistryError):
        await registry.put(b"", b"")
    with pytest.raises(RegistryError, match="too many operations"):
        await registry.txn([], [Put(prefix + b"%d" % n, b"") for n in range(129)])
    with pytest.raises(RegistryError):
        await registry.txn([], [Put(prefix + b"a", b""), Put(prefix + b"a", b"")])
    with pytest.raises(RegistryError, match="at least 1 s"):
        await registry.lease_grant(0)
    assert (await registry.list(prefix)).items == ()


async def test_a_lease_takes_its_keys_along_in_one_revision(registry: Registry, prefix: bytes) -> None:
    lease = await registry.lease_grant(60)
    await registry.put(prefix + b"a", b"1", lease=lease)
    await registry.put(prefix + b"b", b"1", lease=lease)
    detached = await registry.put(prefix + b"b", b"2")
    await registry.put(prefix + b"c", b"1", lease=lease)
    assert 1 <= await registry.lease_keepalive(lease) <= 60
    assert 1 <= (await registry.lease_ttl(lease) or 0) <= 60
    async with watching(registry, prefix) as watched:
        await registry.lease_revoke(lease)
        await watched.until(lambda w: len(w.changes) == 2)
        gone = watched.changes[-1].events
        assert {(type(e), e.key) for e in gone} == {(WatchDelete, prefix + b"a"), (WatchDelete, prefix + b"c")}
        assert {e.revision for e in gone} == {detached + 2}
    assert await registry.lease_ttl(lease) is None


async def test_a_lease_that_is_gone_is_said_so(registry: Registry, prefix: bytes) -> None:
    for asked in (registry.lease_keepalive(77), registry.lease_revoke(77), registry.put(prefix + b"a", b"", lease=77)):
        with pytest.raises(LeaseNotFound):
            await asked
    with pytest.raises(LeaseNotFound):
        await registry.txn([], [Put(prefix + b"a", b""), Put(prefix + b"b", b"", lease=77)])
    assert (await registry.list(prefix)).items == ()


async def test_a_watch_tells_the_list_and_then_every_change_in_order(registry: Registry, prefix: bytes) -> None:
    before = await registry.put(prefix + b"app/1", b"1")
    async with watching(registry, prefix + b"app/") as watched:
        first = watched.messages[0]
        assert (first.synced, first.relisted, first.revision, first.epoch) == (True, False, before, 0)
        await registry.put(prefix + b"app2/1", b"neighbour")
        await registry.put(prefix + b"app/1", b"2")
        await registry.delete(prefix + b"app/1")
        last = await registry.put(prefix + b"app/2", b"3")
        await watched.until(lambda w: w.changes[-1].revision == last)
        assert watched.mirror == {prefix + b"app/2": b"3"}
        revisions = [_revision(e) for changes in watched.changes for e in changes.events]
        assert revisions == [before, last - 2, last - 1, last]


async def test_an_empty_prefix_is_synced_at_once(registry: Registry, prefix: bytes) -> None:
    async with watching(registry, prefix) as watched:
        assert (watched.messages[0].synced, watched.messages[0].events) == (True, ())


async def test_what_it_costs_is_counted(registry: Registry, prefix: bytes) -> None:
    async with watching(registry, prefix):
        await registry.put(prefix + b"a", b"1")
        stats = registry.stats()
        assert stats.watches == 1
        assert stats.rpcs == sum(count for _, count in stats.rpcs_by_method) >= 1
    assert await registry.alarms() == ()
    assert await registry.cluster_id() == (await registry.list(prefix)).cluster_id


async def test_closing_ends_watches_and_calls(registry: Registry, prefix: bytes) -> None:
    watched = Watched()
    async with watching(registry, prefix) as other:
        await registry.close()
        with pytest.raises(RegistryUnavailable):
            await registry.get(prefix)
        await watched.follow(registry, prefix)
        assert watched.messages == []
        assert not other.stale


def _revision(event) -> int:
    return event.revision if isinstance(event, WatchDelete) else event.kv.mod_revision
