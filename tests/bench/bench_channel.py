"""A call through our channel, telemetry on, against a stock round_robin channel in one run.

Prints `name value unit ratio budget` lines. Both clients talk to the same servers, in a process of their own; rounds
alternate their order, and the ratio is the median over rounds of the ratio within a round, because the machine's
speed drifts. The tail is taken over all rounds together.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import grpc

from lbdash.balancing import Channel

METHOD = "/fleet.Echo/Echo"
BACKENDS = 3
ROUNDS = 14
SECONDS = 1.0
CONCURRENCY = (1, 32)
Call = Callable[[bytes], Awaitable[bytes]]


async def serve() -> None:
    """The other process: backends and a dashboard that acknowledges; prints their addresses, ends with its stdin."""
    from tests.balancing.dashboard import Dashboard
    from tests.balancing.fleet import Fleet

    async with Fleet(BACKENDS) as fleet, Dashboard() as dashboard:
        dashboard.directive.interval_ms = 500
        print(dashboard.address, *(backend.address for backend in fleet.backends), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def load(call: Call, concurrency: int) -> tuple[float, list[float]]:
    """Calls per second and the latencies in seconds."""
    latencies: list[float] = []
    end = time.perf_counter() + SECONDS

    async def worker() -> None:
        while (start := time.perf_counter()) < end:
            await call(b"x")
            latencies.append(time.perf_counter() - start)

    start = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return len(latencies) / (time.perf_counter() - start), latencies


def p99(latencies: list[float]) -> float:
    return statistics.quantiles(latencies, n=100)[98]


async def compare(stock: Call, ours: Call, concurrency: int) -> None:
    ratios: list[float] = []
    pooled: dict[Call, list[float]] = {stock: [], ours: []}
    for number in range(ROUNDS):
        rates = {}
        for call in (stock, ours) if number % 2 else (ours, stock):
            rates[call], latencies = await load(call, concurrency)
            pooled[call] += latencies
        ratios.append(rates[ours] / rates[stock])
    rate, tail = len(pooled[ours]) / ROUNDS / SECONDS, p99(pooled[ours])
    print(f"channel_calls_c{concurrency} {rate:.0f} calls/s {statistics.median(ratios):.3f} >=0.97")
    print(f"channel_p99_c{concurrency} {tail * 1e3:.2f} ms {tail / p99(pooled[stock]):.3f} <=1.10")


async def main() -> None:
    server = subprocess.Popen(  # noqa: ASYNC220 (before anything is timed)
        [sys.executable, "-m", "tests.bench.bench_channel", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    dashboard, *addresses = server.stdout.readline().split()
    options = [
        ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    async with (
        grpc.aio.insecure_channel("ipv4:" + ",".join(addresses), options) as stock,
        Channel("static:///" + ",".join(addresses), service="echo", telemetry=dashboard) as ours,
    ):
        calls = stock.unary_unary(METHOD), ours.unary_unary(METHOD)
        for call in calls:
            await load(call, 4)
        for concurrency in CONCURRENCY:
            await compare(*calls, concurrency)
    assert server.stdin is not None
    server.stdin.close()
    server.wait(10)


if __name__ == "__main__":
    asyncio.run(serve() if "serve" in sys.argv else main())
