"""What the newer policies need of the channel, over real servers: drops, subsets, places on a ring, ticks."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from lbdash.balancing import Channel
from lbdash.registry.control_keys import policy_key
from tests.balancing.fleet import NAME, SERVICE, Fleet, Registered, Stub, until, until_ready
from tests.balancing.test_steering import burst

KEY = (("hash-key", "user_1"),)


@pytest.mark.parametrize("wait", [False, True])
async def test_a_call_without_a_hash_key_is_dropped_at_once(wait):
    async with Fleet(2) as fleet, Channel(fleet.target, service=SERVICE, policy="consistent_hash") as channel:
        await until_ready(channel, 2)
        stub = Stub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.echo(b"", wait_for_ready=wait)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert len({await stub.echo(b"", metadata=KEY) for _ in range(10)}) == 1


async def homes(stub, keys=60):
    """Which backend answers each key."""
    return await asyncio.gather(*(stub.echo(b"", metadata=[("hash-key", f"user_{i}")]) for i in range(keys)))


async def test_the_keys_of_a_drained_backend_leave_it_alone_and_come_back():
    async with Registered(4) as fleet, fleet.channel(policy="ring_hash") as channel:
        await until_ready(channel, 4)
        stub = Stub(channel)
        before = await homes(stub)
        home = before[0]
        backend = next(b for b in fleet.backends if home.startswith(b.address.encode()))
        await fleet.admin(backend, "drain")
        await until(channel, lambda: channel._balancer.routing.admin)
        drained = await homes(stub)
        assert home not in drained
        assert all(now == was for now, was in zip(drained, before, strict=True) if was != home)
        await fleet.admin(backend, None)
        await until(channel, lambda: not channel._balancer.routing.admin)
        assert await homes(stub) == before


async def test_a_subset_is_all_that_is_connected_until_the_policy_changes():
    async with Registered(4) as fleet, fleet.channel() as channel:
        await until_ready(channel, 4)
        await fleet.say(policy_key(NAME), {"name": "random_subsetting", "config": {"subsetSize": 2}})
        await until(channel, lambda: channel._balancer.total == 2)
        before = fleet.calls
        await burst(Stub(channel))
        assert sum(fleet.calls[address] > before[address] for address in before) == 2
        await fleet.say(policy_key(NAME), {"name": "round_robin"})
        await until_ready(channel, 4)


async def test_an_outlier_is_left_out_after_a_sweep():
    async with Registered(3) as fleet, fleet.channel() as channel:
        await until_ready(channel, 3)
        bad = fleet.backends[0]
        bad.fail_with = grpc.StatusCode.NOT_FOUND
        rule = {"threshold": 50, "minimumHosts": 3, "requestVolume": 1}
        config = {"interval": "0.1s", "childPolicy": [{"round_robin": {}}], "failurePercentageEjection": rule}
        await fleet.say(policy_key(NAME), {"name": "outlier_detection", "config": config})
        await until(channel, lambda: channel._balancer.policy.name == "outlier_detection")
        stub, build = Stub(channel), channel._balancer.build
        async with asyncio.timeout(20):
            while channel._balancer.build == build:
                await asyncio.gather(*(stub.echo(b"") for _ in range(6)), return_exceptions=True)
        before = bad.calls
        await burst(stub)
        assert bad.calls == before
