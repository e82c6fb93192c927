"""A fleet of real gRPC servers that echo and count; no proto needed. `stub(channel)` gives the four call kinds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc

from lbdash.balancing import Channel
from lbdash.registry.control_keys import admin_key
from lbdash.registry.memory import MemoryRegistry

SERVICE = "fleet.Echo"
NAME = "fleet.app"


class Backend:
    """One server on a free port of its own; `stop` and `start` kill it and bring it back on the same address."""

    def __init__(self, version: str = "") -> None:
        self.version = version
        self.address = ""
        self.calls = 0  # begun, every kind
        self.active = 0
        self.authorities: list[str] = []
        self.fail_with: grpc.StatusCode | None = None
        self.gate: asyncio.Event | None = None  # unary calls wait for it when there is one
        self._server: grpc.aio.Server | None = None

    async def start(self, credentials: grpc.ServerCredentials | None = None) -> Backend:
        server = self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((self._handlers(),))
        want = self.address or "127.0.0.1:0"
        port = server.add_secure_port(want, credentials) if credentials else server.add_insecure_port(want)
        self.address = f"127.0.0.1:{port}"
        await server.start()
        return self

    async def stop(self, grace: float | None = None) -> None:
        server, self._server = self._server, None
        if server is not None:
            await server.stop(grace)

    def _handlers(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Echo": grpc.unary_unary_rpc_method_handler(self._echo),
                "Count": grpc.unary_stream_rpc_method_handler(self._count),
                "Join": grpc.stream_unary_rpc_method_handler(self._join),
                "Chat": grpc.stream_stream_rpc_method_handler(self._chat),
            },
        )

    async def _enter(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self.calls += 1
        self.active += 1
        context.add_done_callback(lambda _: self._leave())
        if self.fail_with is not None:
            await context.abort(self.fail_with, "as told")

    def _leave(self) -> None:
        self.active -= 1

    async def _echo(self, request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        await self._enter(context)
        if self.gate is not None:
            await self.gate.wait()
        return self.address.encode() + b" " + request

    async def _count(self, request: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[bytes]:
        """`request` messages; b"" = without end."""
        await self._enter(context)
        n = 0
        while not request or n < int(request):
            yield b"%d" % n
            n += 1

    async def _join(self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        await self._enter(context)
        return b",".join([message async for message in requests])

    async def _chat(
        self, requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[bytes]:
        await self._enter(context)
        async for message in requests:
            yield message


class Fleet:
    """`async with Fleet(3) as fleet`, or `Fleet(versions=["v1", "v2"])`."""

    def __init__(self, n: int = 0, versions: Sequence[str] = ()) -> None:
        self.backends = [Backend(version) for version in versions or [""] * n]

    async def __aenter__(self) -> Fleet:
        for backend in self.backends:
            await backend.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(backend.stop() for backend in self.backends))

    @property
    def target(self) -> str:
        return "static:///" + ",".join(backend.address for backend in self.backends)

    @property
    def calls(self) -> dict[str, int]:
        return {backend.address: backend.calls for backend in self.backends}


class Registered(Fleet):
    """A fleet in a registry, hwholiday's way, and an operator's hands on its control keys."""

    def __init__(self, n: int = 0, versions: Sequence[str] = ()) -> None:
        super().__init__(n, versions)
        self.registry = MemoryRegistry()

    async def __aenter__(self) -> Registered:
        await super().__aenter__()
        for number, backend in enumerate(self.backends):
            await self.register(number, backend)
        return self

    async def __aexit__(self, *_: object) -> None:
        await super().__aexit__()
        await self.registry.close()

    async def register(self, number: int, backend: Backend, **fields: object) -> None:
        node = {"name": "app", "path": "/fleet/app", "id": f"app-{number}", "version": backend.version or "v1"}
        value = {"node": {**node, "address": backend.address, **fields}, "metadata": None, "endpoints": {}}
        await self.registry.put(f"/fleet/app/app-{number}".encode(), json.dumps(value).encode())

    async def unregister(self, number: int) -> None:
        await self.registry.delete(f"/fleet/app/app-{number}".encode())

    def channel(self, **options: Any) -> Channel:
        return Channel("etcd:///fleet.app?convention=hwholiday", registry=self.registry, **options)

    async def say(self, key: str, value: object) -> int:
        return await self.registry.put(key.encode(), json.dumps(value).encode())

    async def admin(self, backend: Backend, state: str | None) -> None:
        key = admin_key(NAME, backend.address)
        await (self.say(key, {"state": state}) if state else self.registry.delete(key.encode()))


class Stub:
    """As generated code makes it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.echo: Any = channel.unary_unary(f"/{SERVICE}/Echo", _registered_method=True)
        self.count: Any = channel.unary_stream(f"/{SERVICE}/Count", _registered_method=True)
        self.join: Any = channel.stream_unary(f"/{SERVICE}/Join", _registered_method=True)
        self.chat: Any = channel.stream_stream(f"/{SERVICE}/Chat", _registered_method=True)


async def until(channel: Any, condition: Any) -> None:
    """Until `condition()` holds, looked at after each picker build of our channel."""
    async with asyncio.timeout(20):
        while not condition():
            await channel._balancer.next_build()


async def until_ready(channel: Any, n: int) -> None:
    await until(channel, lambda: channel._balancer.ready == n)
