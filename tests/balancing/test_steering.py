"""Operators' words, obeyed live over real servers; the registry is the in-memory one."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from lbdash.balancing import Channel
from lbdash.model import Connectivity
from lbdash.registry.control_keys import policy_key, versions_key, weight_key
from tests.balancing.dashboard import Dashboard
from tests.balancing.fleet import NAME, Fleet, Registered, Stub, until, until_ready


def subconn(channel, backend):
    return next(s for s in channel._balancer.pool.subconns if s.endpoint.address == backend.address)


async def burst(stub, n=30, **options):
    return await asyncio.gather(*(stub.echo(b"", **options) for _ in range(n)))


async def test_a_drained_backend_gets_no_new_calls_and_finishes_its_running_ones():
    async with Registered(2) as fleet, fleet.channel(policy="round_robin") as channel:
        await until_ready(channel, 2)
        stub, (one, other) = Stub(channel), fleet.backends
        streams = [stub.count(b"") for _ in range(2)]
        for stream in streams:
            await stream.read()
        await fleet.admin(one, "drain")
        await until(channel, lambda: channel._balancer.routing.admin)
        before = one.calls
        await burst(stub)
        assert one.calls == before
        assert other.calls == 31
        for stream in streams:
            assert await stream.read() == b"1"
        assert subconn(channel, one).state is Connectivity.READY
        await fleet.admin(one, None)
        await until(channel, lambda: not channel._balancer.routing.admin)
        await burst(stub)
        assert one.calls > before


async def test_draining_every_backend_fails_no_call_and_is_counted():
    async with Registered(2) as fleet, fleet.channel() as channel:
        await until_ready(channel, 2)
        for backend in fleet.backends:
            await fleet.admin(backend, "drain")
        await until(channel, lambda: len(channel._balancer.routing.admin) == 2)
        assert len(await burst(Stub(channel), 20)) == 20
        assert channel._balancer.tally.override_ignored == 20


async def test_maint_closes_the_connection_only_when_the_last_call_ended():
    async with Registered(2) as fleet, fleet.channel(policy="round_robin") as channel:
        await until_ready(channel, 2)
        stub, (one, other) = Stub(channel), fleet.backends
        one.gate = other.gate = asyncio.Event()
        running = [stub.echo(b"") for _ in range(4)]
        while one.active + other.active < 4:
            await asyncio.sleep(0.01)
        await fleet.admin(one, "maint")
        await until(channel, lambda: channel._balancer.routing.admin)
        assert subconn(channel, one).state is Connectivity.READY
        one.gate.set()
        await asyncio.gather(*running)
        await until(channel, lambda: subconn(channel, one).state is Connectivity.IDLE)
        before = one.calls
        await burst(stub)
        assert one.calls == before
        await fleet.admin(one, None)
        await until_ready(channel, 2)
        await burst(stub)
        assert one.calls > before


async def test_maint_on_all_fails_calls_and_says_so():
    async with Registered(1) as fleet, fleet.channel() as channel:
        await until_ready(channel, 1)
        await fleet.admin(fleet.backends[0], "maint")
        await until(channel, lambda: channel._balancer.routing.admin)
        with pytest.raises(grpc.aio.AioRpcError, match="all in maint"):
            await Stub(channel).echo(b"")
        waiting = Stub(channel).echo(b"late", wait_for_ready=True)
        await fleet.admin(fleet.backends[0], None)
        assert (await waiting).endswith(b"late")


async def test_version_shares_and_metadata_are_obeyed_live():
    async with Registered(versions=["v1", "v2"]) as fleet, fleet.channel() as channel:
        await until_ready(channel, 2)
        stub, (v1, v2) = Stub(channel), fleet.backends
        await fleet.say(versions_key(NAME), {"shares": {"v1": 100}})
        await until(channel, lambda: channel._balancer.routing.versions)
        await burst(stub, 20)
        assert (v1.calls, v2.calls) == (20, 0)
        await burst(stub, 5, metadata=(("version", "v2"),))
        assert (v1.calls, v2.calls) == (20, 5)
        with pytest.raises(grpc.aio.AioRpcError, match="no such version 'v9'"):
            await stub.echo(b"", metadata=grpc.aio.Metadata(("version", "v9")))
        assert channel._balancer.tally.versions == {
            ("", "v1", "", "share"): 20,
            ("v2", "v2", "", "metadata"): 5,
            ("v9", "", "no_version", "metadata"): 1,
        }


async def test_operator_weights_are_exact_under_weighted_round_robin():
    async with Registered(2) as fleet, fleet.channel(policy="weighted_round_robin") as channel:
        await until_ready(channel, 2)
        await fleet.say(weight_key(NAME, fleet.backends[0].address), {"weight": 300})
        await until(channel, lambda: channel._balancer.routing.weight)
        await burst(Stub(channel), 400)
        assert [backend.calls for backend in fleet.backends] == [300, 100]


async def test_a_policy_switch_under_load_fails_no_call():
    async with Registered(3) as fleet, fleet.channel(policy="pick_first") as channel:
        stub, stop = Stub(channel), asyncio.Event()

        async def load():
            while not stop.is_set():
                await stub.echo(b"", timeout=5)

        workers = [asyncio.create_task(load()) for _ in range(8)]  # noqa: TID251
        for name in ("round_robin", "weighted_round_robin", "p2c_ewma", "version", "pick_first", "round_robin"):
            await fleet.say(policy_key(NAME), {"name": name})
            await until(channel, lambda name=name: channel._balancer.policy.name == name)
            await burst(stub, 20)
        stop.set()
        await asyncio.gather(*workers)
        await fleet.registry.delete(policy_key(NAME).encode())
        await until(channel, lambda: channel._balancer.policy.name == "pick_first")


async def test_an_unknown_policy_keeps_the_current_one_and_is_reported():
    async with (
        Dashboard() as dashboard,
        Registered(1) as fleet,
        fleet.channel(policy="round_robin", telemetry=dashboard.address) as channel,
    ):
        await fleet.say(policy_key(NAME), {"name": "fastest"})
        await dashboard.until(lambda: dashboard.clients and dashboard.client.last.rejected)
        (rejected,) = dashboard.client.last.rejected
        assert rejected.key == policy_key(NAME)
        assert "unknown policy 'fastest'" in rejected.reason
        assert dashboard.client.last.policy == "round_robin"
        await Stub(channel).echo(b"")
        await fleet.registry.delete(policy_key(NAME).encode())
        await dashboard.until(lambda: not dashboard.client.last.rejected)


async def test_an_applied_change_is_reported_at_once_with_its_revision():
    async with (
        Dashboard() as dashboard,
        Registered(1) as fleet,
        fleet.channel(telemetry=dashboard.address) as channel,
    ):
        dashboard.directive.interval_ms = 60_000
        await dashboard.until(lambda: dashboard.clients and dashboard.client.last.applied_revision)
        await until_ready(channel, 1)
        revision = await fleet.say(versions_key(NAME), {"shares": {"v1": 100}})
        await dashboard.until(lambda: dashboard.client.last.applied_revision >= revision)


async def test_pick_first_holds_one_connection_and_moves_on_when_it_dies():
    async with Fleet(3) as fleet, Channel(fleet.target, service="echo", policy="pick_first") as channel:
        stub = Stub(channel)
        await burst(stub, 9)
        assert list(fleet.calls.values()) == [9, 0, 0]
        assert channel._balancer.ready == 1
        await fleet.backends[0].stop()
        await until(channel, lambda: channel._balancer.ready == 1 and subconn(channel, fleet.backends[1]).state == 2)
        await burst(stub, 9)
        assert list(fleet.calls.values()) == [9, 9, 0]
