"""Telemetry ingest against a bare `grpc.aio` server that only decodes and acknowledges the same stream.

CPU seconds of the server process, in which both servers live; the clients are another process. Rounds alternate.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from typing import Any

import grpc

from lbdash.live.events import Ticked
from lbdash.live.store import Store
from lbdash.proto import telemetry_pb2 as pb
from lbdash.sources.clock import Clock
from lbdash.sources.telemetry import SERVICE, TelemetrySource
from tests.bench.lines import report

ROUNDS, STREAMS = 3, 64
REPORTS = {10: 6400, 200: 3200, 1000: 1920}  # rows a report -> reports a round


async def _decode_only(_: Any, context: Any) -> None:
    while (message := await context.read()) is not grpc.aio.EOF:
        await context.write(pb.Directive(ack=message.seq))


async def bare_server() -> tuple[grpc.aio.Server, int]:
    server = grpc.aio.server()
    handler = grpc.stream_stream_rpc_method_handler(
        _decode_only, pb.ClientReport.FromString, pb.Directive.SerializeToString
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Report": handler}),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


class Load:
    """The client process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.telemetry_load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    async def cpu(self, port: int, rows: int, reports: int, streams: int = STREAMS) -> float:
        """CPU seconds of our process for the reports of one run, SubConns being told before."""
        await self._say(f"{port} {streams} {rows} {reports}")
        start = time.process_time()
        await self._say("go")
        return time.process_time() - start

    async def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(line, file=self._process.stdin, flush=True)
        await asyncio.to_thread(self._process.stdout.readline)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


async def measure() -> None:
    clock = Clock()
    store = Store(clock)
    server, address = await TelemetrySource(store, clock).serve("127.0.0.1:0")
    bare, bare_port = await bare_server()
    load = Load()
    ports = (bare_port, int(address.rpartition(":")[2]))
    try:
        for rows, reports in REPORTS.items():
            await _compare(load, store, clock, ports, rows, reports)
    finally:
        load.close()
        await asyncio.gather(server.stop(0), bare.stop(0))


async def _compare(load: Load, store: Store, clock: Clock, ports: tuple[int, int], rows: int, reports: int) -> None:
    await load.cpu(ports[0], rows, reports // 10)
    await load.cpu(ports[1], rows, reports // 10)
    costs: dict[int, list[float]] = {port: [] for port in ports}
    for number in range(ROUNDS):
        for port in ports if number % 2 else ports[::-1]:
            costs[port].append(await load.cpu(port, rows, reports) / reports)
        store.apply([Ticked(clock())])
    # The least of each: whatever else runs on the machine only ever adds.
    bare, cost = (min(costs[port]) for port in ports)
    report(f"ingest_{rows}", cost * 1e6, "us/report", bare / cost, ">=0.70")
    if rows == 1000:
        report("ingest_samples", rows / cost, "rows/s/core", None, ">=1000000")


def test_ingest() -> None:
    asyncio.run(measure())


if __name__ == "__main__":
    asyncio.run(measure())
