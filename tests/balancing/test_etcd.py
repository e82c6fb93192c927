"""The whole library over a real etcd: the target's own spelling, steering by real keys, etcd gone and back."""

from __future__ import annotations

import asyncio
import json

import pytest

from lbdash.balancing import Channel
from lbdash.registry.control_keys import admin_key
from tests.balancing.dashboard import Dashboard
from tests.balancing.fleet import Fleet, Stub, until, until_ready
from tests.etcd import EtcdServer

pytestmark = pytest.mark.etcd
NAME = "fleet.app"


async def test_a_channel_follows_a_real_etcd_and_outlives_it(tmp_path):
    async with EtcdServer(tmp_path) as etcd, Fleet(2) as fleet, Dashboard() as dashboard:
        registry = etcd.registry()
        for number, backend in enumerate(fleet.backends):
            node = {"name": "app", "id": f"app-{number}", "version": "v1", "address": backend.address}
            await registry.put(f"/fleet/app/app-{number}".encode(), json.dumps({"node": node}).encode())
        target = f"etcd://{etcd.endpoint.removeprefix('http://')}/{NAME}?convention=hwholiday"
        async with Channel(target, policy="round_robin", telemetry=dashboard.address) as channel:
            stub, one = Stub(channel), fleet.backends[0]
            await until_ready(channel, 2)
            revision = await registry.put(admin_key(NAME, one.address).encode(), b'{"state": "drain"}')
            await dashboard.until(lambda: dashboard.client.last.applied_revision >= revision)
            before = one.calls
            await asyncio.gather(*(stub.echo(b"") for _ in range(20)))
            assert one.calls == before

            await etcd.kill()
            await asyncio.gather(*(stub.echo(b"") for _ in range(20)))
            await dashboard.until(lambda: "stale" in dashboard.client.resolver)
            await asyncio.gather(*(stub.echo(b"") for _ in range(20)))
            await etcd.start()
            await registry.delete(admin_key(NAME, one.address).encode())
            await until(channel, lambda: not channel._balancer.routing.admin)
            await asyncio.gather(*(stub.echo(b"") for _ in range(20)))
            assert one.calls > before
        assert dashboard.client.by_address() == fleet.calls
        await registry.close()
