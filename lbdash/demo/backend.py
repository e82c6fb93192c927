"""A child process of the demo: gRPC servers that count their calls, each registered in etcd on its own lease."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from lbdash.demo.child import Json, run_child
from lbdash.demo.plan import Backend
from lbdash.demo.wire import API, BACKEND, pack, unpack
from lbdash.registry.etcd import EtcdRegistry
from lbdash.registry.registrar import Registrar

TTL_S = 10
_SPREAD = 0.35  # sigma of the lognormal latency


class Server:
    """One backend: serves, counts, and answers for its counters."""

    def __init__(self, plan: Backend, rng: random.Random) -> None:
        self.plan, self.address = plan, ""
        self.calls = self.ok = self.failed = self.cancelled = 0
        self._rng = rng
        # A taken port must be an error, not half of the calls.
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((self._api(), self._own()))

    async def start(self) -> None:
        port = self._server.add_insecure_port(f"127.0.0.1:{self.plan.port}")
        await self._server.start()
        self.address = f"127.0.0.1:{port}"

    async def stop(self, grace: float) -> None:
        await self._server.stop(grace)

    def stats(self) -> dict[str, Any]:
        ended = self.ok + self.failed + self.cancelled
        return {
            "address": self.address,
            "service": self.plan.service,
            "version": self.plan.version,
            "pid": os.getpid(),
            "calls": self.calls,
            "ok": self.ok,
            "failed": self.failed,
            "cancelled": self.cancelled,
            "inflight": self.calls - ended,
        }

    # ---- methods

    def _api(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            API,
            {
                "Call": grpc.unary_unary_rpc_method_handler(self._call, unpack, pack),
                "Watch": grpc.unary_stream_rpc_method_handler(self._watch, unpack, pack),
            },
        )

    def _own(self) -> grpc.GenericRpcHandler:
        return grpc.method_handlers_generic_handler(
            BACKEND, {"Stats": grpc.unary_unary_rpc_method_handler(self._stats, unpack, pack)}
        )

    async def _call(self, request: Json, context: grpc.aio.ServicerContext[Any, Any]) -> Json:
        """`work_ms` in the request: how long it takes; else what this backend usually takes."""
        with self._counted():
            if self._rng.random() < self.plan.fail:
                await context.abort(grpc.StatusCode.UNAVAILABLE, "the demo's backend fails on purpose")
            work_ms = request.get("work_ms") or self.plan.work_ms * self._rng.lognormvariate(0, _SPREAD)
            await asyncio.sleep(work_ms / 1000)
        return {"address": self.address, "version": self.plan.version}

    async def _watch(self, request: Json, context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[Json]:
        """A message at once and every `every_s` seconds, for `for_s` seconds."""
        with self._counted():
            for beat in range(max(1, int(request["for_s"] / request["every_s"]))):
                yield {"address": self.address, "version": self.plan.version, "beat": beat}
                await asyncio.sleep(request["every_s"])

    async def _stats(self, request: Json, context: grpc.aio.ServicerContext[Any, Any]) -> Json:
        return self.stats()

    @contextlib.contextmanager
    def _counted(self) -> Any:
        self.calls += 1
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled += 1
            raise
        except BaseException:
            self.failed += 1
            raise
        self.ok += 1


async def main(spec: Json, orders: AsyncIterator[Json], tell: Callable[[Json], None]) -> None:
    """`spec`: {"etcd": endpoint, "backends": [Backend fields]}. Tells {"addresses": [..]} once all serve."""
    rng = random.Random()
    servers = [Server(Backend(**plan), rng) for plan in spec["backends"]]
    for server in servers:
        await server.start()
    registry = EtcdRegistry([spec["etcd"]])
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(registry.close)
        for server in servers:
            stack.push_async_callback(server.stop, 0.5)
            await stack.enter_async_context(_registration(registry, server))
        tell({"addresses": [server.address for server in servers]})
        async for _ in orders:
            pass


def _registration(registry: EtcdRegistry, server: Server) -> Registrar:
    plan = server.plan
    return Registrar(
        registry, plan.convention, plan.service, server.address, version=plan.version, weight=plan.weight, ttl_s=TTL_S
    )


if __name__ == "__main__":
    run_child(main)
