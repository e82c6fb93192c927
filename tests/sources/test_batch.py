"""Bursts go together, single events at once."""

from __future__ import annotations

import asyncio

from lbdash.live.events import SourceProven
from lbdash.live.store import Store
from lbdash.sources.batch import LIMIT, Batcher


def proven(name: str) -> SourceProven:
    return SourceProven(name, "registry", 1.0)


async def test_the_first_goes_at_once_and_the_rest_together() -> None:
    store = Store(lambda: 1.0)
    batcher = Batcher(store)
    batcher.add([proven("a")])
    assert set(store.view().state.sources) == {"a"}
    batcher.add([proven("b")])
    batcher.add([proven("c")])
    assert set(store.view().state.sources) == {"a"}
    subscription = store.subscribe()
    async with asyncio.timeout(20):
        await subscription.wait()
    assert set(store.view().state.sources) == {"a", "b", "c"}


async def test_a_full_batch_does_not_wait_and_closing_loses_nothing() -> None:
    store = Store(lambda: 1.0)
    batcher = Batcher(store)
    batcher.add([proven("a")])
    batcher.add([proven("b")] * LIMIT)
    assert set(store.view().state.sources) == {"a", "b"}
    batcher.add([proven("c")])
    batcher.close()
    assert set(store.view().state.sources) == {"a", "b", "c"}
