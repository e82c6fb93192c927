"""An independent client sees what we write, and we see what it writes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from lbdash.registry.kv import Put, Unchanged, WatchDelete, WatchPut
from tests.etcd import EtcdServer
from tests.registry.etcd3_peer import etcd3
from tests.registry.watching import watching

pytestmark = [pytest.mark.etcd, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def peer(shared_etcd: EtcdServer) -> Iterator[Any]:
    client = etcd3().client(port=shared_etcd.port)
    yield client
    client.close()


async def test_the_peer_reads_what_we_write(shared_etcd: EtcdServer, prefix: bytes, peer: Any) -> None:
    registry = shared_etcd.registry()
    lease = await registry.lease_grant(30)
    await registry.txn([Unchanged(prefix + b"a", 0)], [Put(prefix + b"a", b"1", lease), Put(prefix + b"b", b"2")])
    read = await asyncio.to_thread(lambda: list(peer.get_prefix(prefix)))
    assert [(value, about.key, about.lease_id) for value, about in read] == [
        (b"1", prefix + b"a", lease),
        (b"2", prefix + b"b", 0),
    ]
    await registry.close()


async def test_our_watch_tells_what_the_peer_writes(shared_etcd: EtcdServer, prefix: bytes, peer: Any) -> None:
    registry = shared_etcd.registry()
    async with watching(registry, prefix) as watched:
        lease = await asyncio.to_thread(peer.lease, 30)
        await asyncio.to_thread(peer.put, prefix + b"a", b"1", lease)
        await asyncio.to_thread(lease.revoke)
        await watched.until(lambda w: len(w.changes) == 3)
        put, gone = (changes.events[0] for changes in watched.changes[1:])
        assert isinstance(put, WatchPut)
        assert (put.kv.key, put.kv.value, put.kv.lease) == (prefix + b"a", b"1", lease.id)
        assert gone == WatchDelete(prefix + b"a", put.kv.mod_revision + 1)
    await registry.close()
