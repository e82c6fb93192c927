"""Addresses from a registry: lists, merges, faults, and what is shared within a process."""

from __future__ import annotations

import asyncio
import json

import grpc
import pytest

from lbdash.balancing import Channel
from lbdash.registry.kv import Stale
from lbdash.registry.memory import MemoryRegistry
from tests.balancing.fleet import Backend, Registered, Stub, until, until_ready


def addresses(channel):
    return [subconn.endpoint.address for subconn in channel._balancer.pool.subconns if not subconn.removed]


def kinds(channel):
    return [event.kind for event in channel._intake.events]


async def test_backends_come_and_go_with_their_registrations():
    async with Registered(1) as fleet, fleet.channel() as channel:
        await until_ready(channel, 1)
        late = await Backend().start()
        await fleet.register(9, late)
        await until_ready(channel, 2)
        await fleet.unregister(0)
        await until(channel, lambda: addresses(channel) == [late.address])
        await Stub(channel).echo(b"")
        assert late.calls == 1
        assert kinds(channel) == ["initial", "put", "delete"]
        await late.stop()


async def test_two_keys_with_one_address_are_one_backend_until_both_go():
    async with Registered(2) as fleet, fleet.channel() as channel:
        await until_ready(channel, 2)
        twin, other = fleet.backends
        await fleet.register(7, twin, version="v7")
        await until(channel, lambda: "v7" in {s.endpoint.version for s in channel._balancer.pool.subconns})
        await fleet.unregister(0)
        await fleet.unregister(7)
        await until(channel, lambda: addresses(channel) == [other.address])


async def test_an_empty_list_keeps_the_last_good_one_while_a_backend_is_ready():
    async with Registered(1) as fleet, fleet.channel() as channel:
        await until_ready(channel, 1)
        await fleet.unregister(0)
        async with asyncio.timeout(10):
            while "empty_kept" not in kinds(channel):
                await asyncio.sleep(0.01)
        await Stub(channel).echo(b"")
        await fleet.backends[0].stop()
        await until(channel, lambda: not addresses(channel))
        with pytest.raises(grpc.aio.AioRpcError, match="no backends"):
            await Stub(channel).echo(b"")


async def test_a_backend_that_says_it_is_offline_gets_no_calls():
    async with Registered(2) as fleet, fleet.channel(policy="round_robin") as channel:
        await until_ready(channel, 2)
        await fleet.register(0, fleet.backends[0], online=False)
        await until(channel, lambda: not all(s.backend.online for s in channel._balancer.pool.subconns))
        for _ in range(10):
            await Stub(channel).echo(b"")
        assert [backend.calls for backend in fleet.backends] == [0, 10]


async def test_a_broken_registration_harms_nobody():
    async with Registered(1) as fleet:
        for key, value in (("x", b"{"), ("y", b"\xff"), ("z", json.dumps({"node": {"address": "0.0.0.0:1"}}).encode())):
            await fleet.registry.put(b"/fleet/app/" + key.encode(), value)
        async with fleet.channel() as channel:
            await until_ready(channel, 1)
            assert addresses(channel) == [fleet.backends[0].address]


async def test_a_registry_that_does_not_answer_fails_fail_fast_calls_with_its_reason():
    registry = MemoryRegistry()
    registry.interrupt("etcd is away")
    async with Channel("etcd:///fleet.app?convention=hwholiday", registry=registry) as channel:
        with pytest.raises(grpc.aio.AioRpcError, match=r"name resolver error: .*away") as caught:
            await Stub(channel).echo(b"")
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    await registry.close()


async def test_a_registry_outage_disturbs_no_call():
    async with Registered(2) as fleet, fleet.channel() as channel:
        await until_ready(channel, 2)
        fleet.registry.interrupt("etcd is away")
        async with asyncio.timeout(10):
            while "stale" not in kinds(channel):
                await asyncio.sleep(0.01)
        await asyncio.gather(*(Stub(channel).echo(b"") for _ in range(20)))


async def test_channels_of_one_service_share_their_watches():
    async with Registered(1) as fleet:
        async with fleet.channel() as one, fleet.channel() as other:
            await until_ready(one, 1)
            await until_ready(other, 1)
            assert fleet.registry.stats().watches == 2  # addresses and control keys
        async with asyncio.timeout(10):
            while fleet.registry.stats().watches:
                await asyncio.sleep(0.01)


class ControlDenied(MemoryRegistry):
    """May read registrations, not /lbdash/."""

    async def watch(self, prefix):
        if prefix.startswith(b"/lbdash/"):
            yield Stale("permission denied: /lbdash/", denied=True)
            await asyncio.Event().wait()
        async for message in super().watch(prefix):
            yield message


async def test_a_client_that_may_not_read_the_control_keys_balances_on_and_says_so():
    fleet = Registered(1)
    fleet.registry = ControlDenied()
    async with fleet, fleet.channel() as channel:
        await until_ready(channel, 1)
        await Stub(channel).echo(b"")
        assert channel._intake.control_denied
        assert "denied" in kinds(channel)
