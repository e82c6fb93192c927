from __future__ import annotations

import grpc
import pytest

from lbdash.balancing import Channel
from tests.balancing.fleet import Fleet, Stub, until_ready


async def requests(*messages: bytes):
    for message in messages:
        yield message


async def test_all_four_call_kinds_work_through_generated_stubs():
    async with Fleet(2) as fleet, Channel(fleet.target, service="echo") as channel:
        stub = Stub(channel)
        assert (await stub.echo(b"hi", timeout=5)).endswith(b" hi")
        assert [m async for m in stub.count(b"3", timeout=5)] == [b"0", b"1", b"2"]
        assert await stub.join(requests(b"a", b"b"), timeout=5) == b"a,b"
        assert [m async for m in stub.chat(requests(b"x", b"y"), timeout=5)] == [b"x", b"y"]
        chat = stub.chat(timeout=5)
        await chat.write(b"z")
        assert await chat.read() == b"z"
        await chat.done_writing()
        assert await chat.read() is grpc.aio.EOF
        assert await chat.code() is grpc.StatusCode.OK


async def test_round_robin_spreads_calls_evenly_over_real_servers():
    async with Fleet(3) as fleet, Channel(fleet.target, service="echo", policy="round_robin") as channel:
        stub = Stub(channel)
        await until_ready(channel, 3)
        for _ in range(30):
            await stub.echo(b"")
        assert list(fleet.calls.values()) == [10, 10, 10]


async def test_a_call_with_no_backend_fails_unavailable_and_says_why():
    async with Channel("static:///127.0.0.1:1", service="echo") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await Stub(channel).echo(b"", timeout=5)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert caught.value.details().startswith("no match found conn: none READY")
