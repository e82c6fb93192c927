from __future__ import annotations

import asyncio

from lbdash.balancing import Channel
from tests.balancing.dashboard import Dashboard
from tests.balancing.fleet import Fleet, Registered, Stub, until, until_ready


async def test_reported_picks_equal_the_servers_own_counts():
    async with Dashboard() as dashboard, Fleet(3) as fleet:
        async with Channel(fleet.target, service="echo", telemetry=dashboard.address, name="c1") as channel:
            stub = Stub(channel)
            await asyncio.gather(*(stub.echo(b"") for _ in range(200)))
            async for _ in stub.count(b"2"):
                pass
        client = dashboard.client
        assert client.closed
        assert client.opened.name == "c1"
        assert client.opened.service == "echo"
        assert client.by_address() == dict(fleet.calls.items())
        assert client.total("ok") == 201
        assert client.latency == 200  # streams have no latency
        assert client.gone == set(client.addresses)


async def test_a_dashboard_that_comes_late_hears_everything():
    dashboard = Dashboard()
    async with dashboard:
        pass
    async with Fleet(2) as fleet, Channel(fleet.target, service="echo", telemetry=dashboard.address) as channel:
        await asyncio.gather(*(Stub(channel).echo(b"") for _ in range(50)))
        async with dashboard:
            await dashboard.until(lambda: dashboard.clients and dashboard.client.total("ok") == 50)
        assert dashboard.client.by_address() == fleet.calls


async def test_a_restarted_dashboard_hears_everything_again_and_no_latency_twice():
    async with Fleet(1) as fleet:
        first = Dashboard()
        async with first, Channel(fleet.target, service="echo", telemetry=first.address) as channel:
            await Stub(channel).echo(b"")
            await first.until(lambda: first.clients and first.client.total("ok") == 1)
            await first.__aexit__()
            second = Dashboard()
            second.address = first.address
            async with second:
                await Stub(channel).echo(b"")
                await second.until(lambda: second.clients and second.client.total("ok") == 2)
                await second.until(lambda: second.client.latency + first.client.latency == 2)
            await first.__aenter__()


async def test_a_hung_dashboard_delays_no_call_and_bounds_memory():
    async with Dashboard(hang=True) as dashboard, Fleet(2) as fleet:
        async with Channel(fleet.target, service="echo", telemetry=dashboard.address) as channel:
            await dashboard.until(lambda: dashboard.reports == 1)
            channel._balancer.sampler.trace(60, channel._balancer.clock())
            for _ in range(10):
                await asyncio.gather(*(Stub(channel).echo(b"") for _ in range(100)))
            assert dashboard.reports == 1
            assert len(channel._balancer.sampler.records) == 200
            assert channel._balancer.sampler.dropped == 800
        assert sum(fleet.calls.values()) == 1000


async def test_channels_of_one_process_share_one_stream():
    async with Dashboard() as dashboard, Fleet(1) as fleet:
        async with (
            Channel(fleet.target, service="a", telemetry=dashboard.address),
            Channel(fleet.target, service="b", telemetry=dashboard.address),
        ):
            await dashboard.until(lambda: len(dashboard.clients) == 2)
        await dashboard.until(lambda: all(client.closed for client in dashboard.clients.values()))
        assert dashboard.streams == 1


async def test_a_trace_samples_every_pick_with_its_candidates():
    async with Dashboard() as dashboard, Fleet(2) as fleet:
        async with Channel(fleet.target, service="echo", telemetry=dashboard.address) as channel:
            await dashboard.until(lambda: dashboard.clients)
            dashboard.directive.traces.add(channel_id=channel.id, for_ms=30_000)
            seen = dashboard.reports
            await dashboard.until(lambda: dashboard.reports > seen + 1)
            for _ in range(20):
                await Stub(channel).echo(b"")
        traced = [sample for sample in dashboard.client.samples if sample.traced]
        assert len(traced) == 20
        assert all(sample.chosen in {c.address for c in sample.candidates} for sample in traced)
        assert {sample.policy for sample in traced} == {"p2c_ewma"}


async def test_counters_of_a_removed_backend_are_not_lost_while_the_dashboard_is_away():
    dashboard = Dashboard()
    async with Registered(2) as fleet:
        async with dashboard:
            pass
        async with fleet.channel(policy="round_robin", telemetry=dashboard.address) as channel:
            await until_ready(channel, 2)
            await asyncio.gather(*(Stub(channel).echo(b"") for _ in range(10)))
            await fleet.unregister(0)
            await until(channel, lambda: len(channel._balancer.pool.subconns) == 1)
            async with dashboard:
                await dashboard.until(lambda: dashboard.clients and dashboard.client.gone)
                assert dashboard.client.by_address() == fleet.calls
                assert dashboard.client.by_address("ok") == fleet.calls
                assert dashboard.client.latency == 10


async def test_what_a_hung_dashboard_took_but_never_acknowledged_is_told_to_the_next():
    async with (
        Registered(2) as fleet,
        Dashboard(hang=True) as hung,
        fleet.channel(policy="round_robin", telemetry=hung.address) as channel,
    ):
        await until_ready(channel, 2)
        await asyncio.gather(*(Stub(channel).echo(b"") for _ in range(10)))
        await fleet.unregister(0)
        await until(channel, lambda: len(channel._balancer.pool.subconns) == 1)
        ledger = channel._ledger
        first = ledger.batch(channel._balancer.clock())
        ledger.restart()
        again = ledger.batch(channel._balancer.clock())
        assert list(first.gone) == list(again.gone) == [0]
        assert first.counters.picks == again.counters.picks
        assert first.latency == again.latency
        assert [(t.index, t.state) for t in first.transitions] == [(t.index, t.state) for t in again.transitions]


async def test_latency_of_a_backend_gone_while_a_group_was_outstanding_comes_later():
    async with (
        Registered(2) as fleet,
        Dashboard(hang=True) as hung,
        fleet.channel(policy="round_robin", telemetry=hung.address) as channel,
    ):
        await until_ready(channel, 2)
        stub, ledger, clock = Stub(channel), channel._ledger, channel._balancer.clock
        await stub.echo(b"")
        await stub.echo(b"")
        outstanding = ledger.batch(clock()).latency
        ledger.restart()
        await stub.echo(b"")
        await stub.echo(b"")
        await fleet.unregister(0)
        await until(channel, lambda: len(channel._balancer.pool.subconns) == 1)
        assert ledger.batch(clock()).latency == outstanding
        ledger.acknowledged()
        late = ledger.batch(clock()).latency
        assert late.latency_seq == outstanding.latency_seq + 1
        assert len(late.count) == len(outstanding.count)


async def test_what_a_dashboard_refused_is_told_again():
    async with (
        Fleet(1) as fleet,
        Dashboard(hang=True) as hung,
        Channel(fleet.target, service="echo", telemetry=hung.address) as channel,
    ):
        await Stub(channel).echo(b"")
        ledger, clock = channel._ledger, channel._balancer.clock
        refused = ledger.batch(clock())
        ledger.refuse(clock() + 60)
        ledger.acknowledged()
        assert not ledger.wants_to_speak(clock())
        again = ledger.batch(clock())
        assert refused.latency.latency_seq >= 1
        assert (again.latency, again.counters.picks) == (refused.latency, refused.counters.picks)
