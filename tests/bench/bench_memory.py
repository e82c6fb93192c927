"""What a live SubConn costs, at 1,000 clients x 1,000 backends told through real gRPC, and what history costs.

Resident memory of the server process, less what the same streams leave behind in a bare server that only decodes.
"""

from __future__ import annotations

import asyncio
import gc

from lbdash.live.events import Ticked
from lbdash.live.store import Store
from lbdash.sources.clock import Clock
from lbdash.sources.telemetry import TelemetrySource
from tests.bench.bench_ingest import Load, bare_server
from tests.bench.lines import report

CLIENTS, BACKENDS = 1000, 1000
PAGE = 4096


def resident() -> int:
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * PAGE


async def measure() -> None:
    clock = Clock()
    store = Store(clock)
    source = TelemetrySource(store, clock)
    server, address = await source.serve("127.0.0.1:0")
    bare, bare_port = await bare_server()
    load = Load()
    try:
        await load.cpu(bare_port, BACKENDS, 2 * CLIENTS, CLIENTS)
        before = resident()
        await load.cpu(int(address.rpartition(":")[2]), BACKENDS, 2 * CLIENTS, CLIENTS)
        source.flush()
        store.apply([Ticked(clock())])
        subconns = store.view().numbers("bench").subconns
        report("memory_subconn", (resident() - before) / subconns, "B", None, "<=250")
        parts = store.view().memory_bytes()
        report("memory_columns", parts["subconns"] / subconns, "B/subconn", None, "stated")
        report("memory_history", parts["history"] / BACKENDS, "B/backend", None, "stated")
        report("memory_meters", parts["meters"] / (CLIENTS + BACKENDS), "B/name", None, "stated")
    finally:
        load.close()
        await asyncio.gather(server.stop(0), bare.stop(0))


def test_memory() -> None:
    asyncio.run(measure())


if __name__ == "__main__":
    asyncio.run(measure())
