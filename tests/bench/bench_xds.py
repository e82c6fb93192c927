"""Fan-out of one backend's change to 500 ADS streams, against a bare server that writes the same bytes and reads the
same answers; and what one change costs with 1 and with 500 services.

The streams are another process's: it says when the last of them has been written to, on the clock both share.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import Any

import grpc

from lbdash.live.events import RegistrationsChanged, SourceProven
from lbdash.live.store import Store
from lbdash.model import Registration
from lbdash.proto import xds_pb2 as pb
from lbdash.sources.clock import Clock
from lbdash.tasks import spawn, stop
from lbdash.xds.names import ADS_SERVICE, EDS
from lbdash.xds.plane import Plane
from lbdash.xds.resources import Resource
from lbdash.xds.server import XdsServer
from tests.bench.lines import report

METHOD = f"/{ADS_SERVICE}/StreamAggregatedResources"
STREAMS, CHANNELS, ROUNDS = 500, 10, 12
SIZES = (50, 1000)


# ---- the clients


async def streams(port: str, name: str) -> None:
    """For each line on stdin waits until every stream has been written to once more, and says when that was."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", 16 << 20)]
    channels = [grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) for _ in range(CHANNELS)]
    calls = [channels[number % CHANNELS].stream_stream(METHOD)() for number in range(STREAMS)]
    await asyncio.gather(*(call.write(_ask(name)) for call in calls))
    while True:
        await asyncio.gather(*(_take(call, name) for call in calls))
        print(time.monotonic(), flush=True)
        if not await asyncio.to_thread(sys.stdin.readline):
            return


async def _take(call: Any, name: str) -> None:
    response = await call.read()
    await call.write(_ask(name, pb.DiscoveryResponse.FromString(response).nonce))


def _ask(name: str, nonce: str = "") -> bytes:
    return pb.DiscoveryRequest(type_url=EDS, resource_names=[name], response_nonce=nonce).SerializeToString()


class Fleet:
    """`change` -> seconds until the last stream had it, and of this process's CPU time."""

    def __init__(self, port: int, name: str = "s0") -> None:
        command = [sys.executable, "-m", "tests.bench.bench_xds", str(port), name]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    async def wait(self) -> float:
        assert self._process.stdout is not None
        return float(await asyncio.to_thread(self._process.stdout.readline))

    async def change(self, change: Any) -> tuple[float, float]:
        print(file=self._process.stdin, flush=True)
        began, cpu = time.monotonic(), time.process_time()
        change()
        return await self.wait() - began, time.process_time() - cpu

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


# ---- the two servers


class Bare:
    """Writes what it is told to every stream, and reads one answer."""

    def __init__(self, first: bytes) -> None:
        self._bytes, self._round = first, asyncio.Event()

    def write(self, data: bytes) -> None:
        self._bytes = data
        event, self._round = self._round, asyncio.Event()
        event.set()

    async def _serve(self, _: Any, context: Any) -> None:
        answer = await context.read()
        while answer is not grpc.aio.EOF:
            event = self._round
            await context.write(self._bytes)
            answer = await context.read()
            await event.wait()

    def add_to(self, server: grpc.aio.Server) -> None:
        rpc: Any = grpc.stream_stream_rpc_method_handler(self._serve)
        handlers = {"StreamAggregatedResources": rpc}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(ADS_SERVICE, handlers),))


async def started(add_to: Any) -> tuple[grpc.aio.Server, int]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


# ---- the world


def registered(service: int, backends: int, weight: int = 100) -> list[Registration]:
    ips = [f"10.{service // 250}.{service % 250}.{number % 250}:{1000 + number}" for number in range(backends)]
    return [Registration(f"/{service}/{ip}", f"s{service}", "etcd", ip, ip, "v1", weight) for ip in ips]


class World:
    def __init__(self, services: int, backends: int) -> None:
        self.clock = Clock()
        self.store = Store(self.clock)
        self._revision = 1
        for service in range(services):
            self._put(registered(service, backends))

    def _put(self, puts: list[Registration]) -> None:
        self._revision += 1
        at = self.clock()
        told = RegistrationsChanged("registry", tuple(puts), (), self._revision, at)
        self.store.apply([told, SourceProven("registry", "registry", at, self._revision, synced=True)])

    def change(self) -> None:
        """One backend of the first service weighs something else."""
        self._put(registered(0, 1, 100 + self._revision % 1000))


def framed(resource: Resource, nonce: str) -> bytes:
    return pb.DiscoveryResponse(version_info="1", type_url=EDS, nonce=nonce).SerializeToString() + resource.framed


async def fan_out(backends: int) -> None:
    world = World(1, backends)
    xds = XdsServer(world.store, world.clock, lambda: True)
    server, port = await started(xds.add_to)
    running = spawn(xds.run(), "xds")
    await asyncio.sleep(0)
    xds.plane.refresh()
    resource = xds.plane.snapshot.resources[EDS, "s0"]
    bare = Bare(framed(resource, "1"))
    bare_server, bare_port = await started(bare.add_to)
    try:
        ours = await _rounds(Fleet(port), world.change)
        least = await _rounds(Fleet(bare_port), lambda: bare.write(framed(resource, "2")))
    finally:
        await asyncio.gather(server.stop(0), bare_server.stop(0))
        await stop(running)
    seconds, cpu = (min(values) for values in zip(*ours, strict=True))
    bare_seconds, bare_cpu = (min(values) for values in zip(*least, strict=True))
    report(f"xds_fanout_{backends}", seconds * 1000, "ms", bare_seconds / seconds, "beside_bare")
    report(f"xds_fanout_cpu_{backends}", cpu * 1e6 / STREAMS, "us/stream", bare_cpu / cpu, "beside_bare")


async def _rounds(fleet: Fleet, change: Any) -> list[tuple[float, float]]:
    try:
        await fleet.wait()
        await asyncio.sleep(0.5)  # the answers to the first response
        found = []
        for _ in range(ROUNDS):
            found.append(await fleet.change(change))
            await asyncio.sleep(0.2)
        return found
    finally:
        fleet.close()


def one_change(services: int) -> float:
    """Seconds that the control plane needs for it, the least of many."""
    world = World(services, 10)
    plane = Plane(world.store, world.clock, lambda: True)
    plane.refresh()
    costs = []
    for _ in range(200):
        world.change()
        began = time.perf_counter()
        plane.refresh()
        costs.append(time.perf_counter() - began)
    return min(costs)


async def measure() -> None:
    for backends in SIZES:
        await fan_out(backends)
    one, many = one_change(1), one_change(500)
    report("xds_change_500_services", many * 1e6, "us", one / many, ">=0.85")


def test_xds() -> None:
    asyncio.run(measure())


if __name__ == "__main__":
    asyncio.run(streams(*sys.argv[1:]) if len(sys.argv) > 1 else measure())
