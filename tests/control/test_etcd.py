"""The same over a real etcd: its transactions, its leases, its limit of 128 operations."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lbdash.control.commands import Drain, Ready, Undo, Weight
from lbdash.registry.control_keys import admin_key
from lbdash.sources.clock import Clock
from tests.control.house import APP, A, B, C, D, House, house
from tests.etcd import EtcdServer

pytestmark = pytest.mark.etcd


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[House]:
    async with EtcdServer(tmp_path) as etcd, house(etcd.registry(), Clock()) as built:
        built.register(A, B, C, D)
        built.connect("web-01", A, B, C, D)
        yield built


async def test_commands_race_expire_and_undo_on_a_real_etcd(fleet: House) -> None:
    other, seen = fleet.another(), fleet.generation
    results = await asyncio.gather(
        fleet.run(Drain((A, B, C)), force="mine", generation=seen),
        fleet.run(Drain((B, C, D)), force="mine", generation=seen, executor=other),
    )
    assert sorted(result.outcome for result in results) == ["applied", "conflict"]
    lost = next(result for result in results if result.outcome == "conflict")
    assert {difference["what"] for difference in lost.conflict} >= {"generation"}
    await fleet.until(lambda: fleet.generation == 1)
    assert (await fleet.run(Ready((A, B, C, D)))).outcome == "applied"

    drained = await fleet.run(Drain((A,), 2))
    assert await fleet.lease_of(A) != 0
    assert await fleet.executor.returns_in(APP, A) in (1, 2)
    await fleet.until(lambda: fleet.progress(drained.id).expired or not fleet.service.routing.admin)
    assert fleet.progress(drained.id).expired
    assert (await fleet.run(Undo(drained.id))).outcome == "conflict"

    weighed = await fleet.run(Weight({A: 50}))
    assert (await fleet.run(Undo(weighed.id))).outcome == "applied"
    assert fleet.service.routing.weight == {}


async def test_a_hundred_backends_fit_one_transaction_of_a_real_etcd(fleet: House) -> None:
    many = tuple(f"10.1.0.{n}:80" for n in range(100))
    fleet.register(*many)
    result = await fleet.run(Drain(many, 600), force="moving house")
    assert result.outcome == "applied"
    leases = {raw.lease for raw in fleet.service.routing.raw.values()} - {0}
    assert len(leases) == 1
    longer = await fleet.run(Drain(many, 900), force="moving house")
    assert longer.outcome == "applied"
    assert await fleet.registry.lease_ttl(leases.pop()) is None
    assert await fleet.value(admin_key(APP, many[99])) is not None
