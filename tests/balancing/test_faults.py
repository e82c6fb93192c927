"""What breaks: connections, streams nobody reads, queues, deadlines."""

from __future__ import annotations

import asyncio
import gc

import grpc
import pytest

from lbdash.balancing import Channel
from lbdash.model import Connectivity
from tests.balancing.fleet import Backend, Fleet, Stub, until, until_ready


def inflight(channel):
    return sum(subconn.endpoint.inflight for subconn in channel._balancer.pool.subconns)


async def settle(channel, backend):
    """The server's own count says when the abandoned stream is over."""
    gc.collect()
    async with asyncio.timeout(10):
        while backend.active or inflight(channel):
            await asyncio.sleep(0.01)


async def test_a_stream_left_by_break_is_no_longer_in_flight():
    async with Fleet(1) as fleet, Channel(fleet.target, service="echo") as channel:
        async for _ in Stub(channel).count(b""):
            assert inflight(channel) == 1
            break
        await settle(channel, fleet.backends[0])


async def test_a_stream_never_read_is_no_longer_in_flight():
    async with Fleet(1) as fleet, Channel(fleet.target, service="echo") as channel:
        await until_ready(channel, 1)
        stream = Stub(channel).count(b"")
        await stream.wait_for_connection()
        assert inflight(channel) == 1
        del stream
        await settle(channel, fleet.backends[0])


async def test_a_half_closed_stream_never_read_is_no_longer_in_flight():
    async with Fleet(1) as fleet, Channel(fleet.target, service="echo") as channel:
        chat = Stub(channel).chat()
        await chat.write(b"hello")
        await chat.done_writing()
        del chat
        await settle(channel, fleet.backends[0])


async def test_an_open_request_stream_that_is_dropped_is_no_longer_in_flight():
    async with Fleet(1) as fleet, Channel(fleet.target, service="echo") as channel:
        join = Stub(channel).join()
        await join.write(b"hello")
        del join
        await settle(channel, fleet.backends[0])


async def test_a_done_callback_does_not_keep_an_abandoned_stream_alive():
    ended = asyncio.Event()
    async with Fleet(1) as fleet, Channel(fleet.target, service="echo") as channel:
        await until_ready(channel, 1)
        stream = Stub(channel).count(b"")
        stream.add_done_callback(lambda _: ended.set())
        await stream.read()
        del stream
        await settle(channel, fleet.backends[0])
        await ended.wait()


async def test_a_queued_stream_that_is_dropped_never_starts():
    async with Channel("static:///127.0.0.1:1", service="echo") as channel:
        stream = Stub(channel).count(b"", wait_for_ready=True)
        await asyncio.sleep(0)
        del stream
        gc.collect()
        async with asyncio.timeout(10):
            while channel._balancer._queued:
                await asyncio.sleep(0)
        assert channel._balancer.tally.unplaced == 1


async def test_a_killed_backend_goes_ready_failure_ready_and_calls_follow():
    async with Fleet(2) as fleet, Channel(fleet.target, service="echo", policy="round_robin") as channel:
        await until_ready(channel, 2)
        one, other = fleet.backends
        (victim,) = [s for s in channel._balancer.pool.subconns if s.endpoint.address == one.address]
        await one.stop()
        await until(channel, lambda: victim.state is Connectivity.TRANSIENT_FAILURE)
        assert "refused" in victim.error.lower()
        stub = Stub(channel)
        await asyncio.gather(*(stub.echo(b"") for _ in range(10)))
        assert (one.calls, other.calls) == (0, 10)
        await one.start()
        await until_ready(channel, 2)
        states = [
            change.state for change in channel._balancer.pool.transitions if change.index == victim.endpoint.index
        ]
        assert [s for s in states if s >= Connectivity.READY] == [2, 3, 2]
        await asyncio.gather(*(stub.echo(b"") for _ in range(10)))
        assert one.calls == 5


async def test_a_wait_for_ready_call_waits_for_a_backend_to_come_up():
    backend = await Backend().start()
    await backend.stop()
    async with Channel(f"static:///{backend.address}", service="echo") as channel:
        call = Stub(channel).echo(b"late", wait_for_ready=True)
        await until(channel, lambda: channel.get_state() is grpc.ChannelConnectivity.TRANSIENT_FAILURE)
        assert not call.done()
        await backend.start()
        assert (await call).endswith(b"late")
        assert await call.code() is grpc.StatusCode.OK
        await backend.stop()


async def test_a_deadline_in_the_queue_names_the_last_balancer_error():
    async with Channel("static:///127.0.0.1:1", service="echo") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await Stub(channel).echo(b"", wait_for_ready=True, timeout=0.3)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert "none READY" in caught.value.details()
        assert channel._balancer.tally.unplaced == 1


async def test_cancelling_a_queued_call_cancels_it():
    async with Channel("static:///127.0.0.1:1", service="echo") as channel:
        call = Stub(channel).echo(b"", wait_for_ready=True)
        called = asyncio.Event()
        call.add_done_callback(lambda _: called.set())
        assert call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await called.wait()
        assert call.cancelled()
        assert await call.code() is grpc.StatusCode.CANCELLED


async def test_outcomes_are_counted_as_the_server_answered():
    async with Fleet(1) as fleet, Channel(fleet.target, service="echo") as channel:
        (backend,), stub = fleet.backends, Stub(channel)
        await stub.echo(b"")
        for code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE):
            backend.fail_with = code
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.echo(b"")
        backend.fail_with, backend.gate = None, asyncio.Event()
        cancelled = stub.echo(b"")
        while not backend.active:
            await asyncio.sleep(0.01)
        cancelled.cancel()
        with pytest.raises(grpc.aio.AioRpcError, match="Deadline"):
            await stub.echo(b"", timeout=0.05)
        (endpoint,) = (subconn.endpoint for subconn in channel._balancer.pool.subconns)
        assert endpoint.outcomes == [1, 1, 2, 1]
        assert endpoint.picks == 5


async def test_closing_ends_queued_calls_and_refuses_new_ones():
    channel = Channel("static:///127.0.0.1:1", service="echo")
    call = Stub(channel).echo(b"", wait_for_ready=True)
    await asyncio.sleep(0)
    await channel.close()
    with pytest.raises(grpc.aio.AioRpcError, match="closing"):
        await call
    with pytest.raises(grpc.aio.UsageError):
        Stub(channel).echo(b"")
    assert channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN


async def test_a_grace_lets_running_calls_finish():
    async with Fleet(1) as fleet:
        channel = Channel(fleet.target, service="echo")
        await channel.channel_ready()
        gate = fleet.backends[0].gate = asyncio.Event()
        call = Stub(channel).echo(b"slow")
        while not fleet.backends[0].active:
            await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_later(0.05, gate.set)
        await channel.close(grace=5)
        assert (await call).endswith(b"slow")


class Count(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self):
        self.methods = []

    async def intercept_unary_unary(self, continuation, details, request):
        self.methods.append(details.method)
        return await continuation(details, request)


async def test_users_interceptors_see_every_call_and_nothing_else():
    seen = Count()
    backend = await Backend().start()
    async with Channel(f"static:///{backend.address},127.0.0.1:1", service="echo", interceptors=[seen]) as channel:
        for _ in range(3):
            await Stub(channel).echo(b"")
        await until(channel, lambda: any(s.state == 3 for s in channel._balancer.pool.subconns))
        assert len(seen.methods) == 3
        assert sum(s.endpoint.outcomes[0] for s in channel._balancer.pool.subconns) == 3
    await backend.stop()


class Through(grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation, details, request):
        return await continuation(details, request)


async def test_an_intercepted_stream_left_by_break_is_no_longer_in_flight():
    async with Fleet(1) as fleet, Channel(fleet.target, service="echo", interceptors=[Through()]) as channel:
        async for _ in Stub(channel).count(b""):
            break
        await settle(channel, fleet.backends[0])


async def test_a_channel_made_outside_a_loop_starts_at_its_first_call():
    async with Fleet(1) as fleet:
        channel = await asyncio.to_thread(Channel, fleet.target, service="echo")
        assert (await Stub(channel).echo(b"hi", timeout=5)).endswith(b"hi")
        await channel.close()
