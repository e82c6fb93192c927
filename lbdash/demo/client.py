"""A child process of the demo: clients of our library that call at a steady rate, some calls slow, one stream each."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from lbdash.balancing import Channel
from lbdash.balancing.policies.hash_key import DEFAULT_HEADER
from lbdash.demo.child import Json, run_child
from lbdash.demo.plan import Client
from lbdash.demo.wire import CALL, WATCH, pack, unpack
from lbdash.tasks import spawn, stop

USERS = 200  # whose calls they are: policies that place calls by key have something to place
SLOW = 0.004  # so many calls take seconds: a drain has something to wait for
MOST_AT_ONCE = 100  # calls of one client; beyond that it skips beats, so a stuck backend cannot fill the memory
_UNARY_S, _SLOW_S = 10.0, 30.0  # deadlines: far off, so that what fails in a demo is what the story says fails


class Caller:
    """One client's traffic. While not `running`, it makes no new calls and lets the old ones end."""

    def __init__(self, plan: Client, channel: grpc.aio.Channel, running: asyncio.Event, rng: random.Random) -> None:
        self._plan, self._running, self._rng = plan, running, rng
        self._metadata: tuple[tuple[str, str], ...] = (("version", plan.version),) if plan.version else ()
        self._call = channel.unary_unary(CALL, request_serializer=pack, response_deserializer=unpack)
        self._watch = channel.unary_stream(WATCH, request_serializer=pack, response_deserializer=unpack)
        self._calls: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        stream = spawn(self._stream(), f"stream of {self._plan.name}")
        try:
            while self._plan.rps:
                await self._running.wait()
                if len(self._calls) < MOST_AT_ONCE:
                    self._start_call()
                await asyncio.sleep(self._rng.expovariate(self._plan.rps))
        finally:
            await stop(stream, *self._calls)

    def _start_call(self) -> None:
        call = spawn(self._one(), f"call of {self._plan.name}")
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _one(self) -> None:
        slow = self._rng.random() < SLOW
        request: dict[str, Any] = {"work_ms": self._rng.uniform(1500, 6000)} if slow else {}
        with contextlib.suppress(grpc.aio.AioRpcError):  # counted by the channel, shown by the dashboard
            await self._call(request, timeout=_SLOW_S if slow else _UNARY_S, metadata=self._about())

    def _about(self) -> tuple[tuple[str, str], ...]:
        """The metadata of one call."""
        return *self._metadata, (DEFAULT_HEADER, f"user_{self._rng.randrange(USERS)}")

    async def _stream(self) -> None:
        """A stream of 5 to 20 s after another, each; a pause ends it."""
        while self._plan.rps:
            await self._running.wait()
            with contextlib.suppress(grpc.aio.AioRpcError):
                request = {"for_s": self._rng.uniform(5, 20), "every_s": 0.5}
                stream = self._watch(request, metadata=self._about())
                async for _ in stream:
                    if not self._running.is_set():
                        stream.cancel()
                        break
            await asyncio.sleep(self._rng.uniform(0.5, 2.0))


async def main(spec: Json, orders: AsyncIterator[Json], tell: Callable[[Json], None]) -> None:
    """`spec`: {"etcd": "host:port", "telemetry": "host:port", "clients": [Client fields]}.

    Orders: {"running": bool}. Tells {} once all channels are open.
    """
    running = asyncio.Event()
    running.set()
    async with contextlib.AsyncExitStack() as stack:
        for plan in (Client(**fields) for fields in spec["clients"]):
            channel = await stack.enter_async_context(_open(plan, spec))
            traffic = spawn(Caller(plan, channel, running, random.Random()).run(), f"traffic of {plan.name}")
            stack.push_async_callback(stop, traffic)
        tell({})
        async for order in orders:
            running.set() if order["running"] else running.clear()


def _open(plan: Client, spec: Json) -> Channel:
    target = f"etcd://{spec['etcd']}/{plan.service}?convention={plan.convention}"
    return Channel(target, policy=plan.policy, telemetry=spec["telemetry"], name=plan.name)


if __name__ == "__main__":
    run_child(main)
