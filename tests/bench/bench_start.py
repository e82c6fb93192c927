"""Cold start: `serve` until its ready line, and 10,000 registrations until the store has them.

Bare baselines of the same run: a Python that only imports what the dashboard imports, and a bare list of the keys.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lbdash.config import Watch
from lbdash.demo.etcd import EmbeddedEtcd
from lbdash.live.store import Store
from lbdash.registry.etcd import EtcdRegistry
from lbdash.registry.kv import Put
from lbdash.sources.clock import Clock
from lbdash.sources.registry import RegistrySource
from lbdash.tasks import spawn, stop
from tests.bench.lines import report

KEYS, ROUNDS = 10_000, 3
IMPORTS = "import channels, django.db.models, grpc.aio, jinja2, numpy, uvicorn, whitenoise, websockets"


async def fill(registry: EtcdRegistry) -> None:
    for start in range(0, KEYS, 100):
        numbers = range(start, start + 100)
        await registry.txn(
            (), [Put(f"bench.rpc/{n}".encode(), f"10.0.{n >> 8}.{n & 255}:80".encode()) for n in numbers]
        )


def serve(etcd: str, data: Path) -> float:
    """Seconds from the start of the process to its ready line."""
    command = [sys.executable, "-m", "lbdash", "serve", "--etcd", etcd, "--watch", "empty/", "--data", str(data)]
    command += ["--http", "127.0.0.1:0", "--telemetry", "127.0.0.1:0"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("lbdash ready")
        took = time.perf_counter() - began
        process.terminate()
    return took


def imports() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.perf_counter() - began


async def listed(registry: EtcdRegistry) -> float:
    """Seconds until the store has every registration."""
    clock = Clock()
    store = Store(clock)
    changes = store.subscribe()
    began = time.perf_counter()
    source = spawn(RegistrySource(registry, store, clock, [Watch("bench.rpc/", "gozero")]).run(), "source")
    while sum(len(service.backends) for service in store.view().state.services.values()) < KEYS:
        await changes.wait()
    took = time.perf_counter() - began
    await stop(source)
    return took


async def bare_list(registry: EtcdRegistry) -> float:
    began = time.perf_counter()
    assert len((await registry.list(b"bench.rpc/")).items) == KEYS
    return time.perf_counter() - began


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with EmbeddedEtcd(Path(directory) / "etcd") as etcd:
            registry = EtcdRegistry([etcd.endpoint])
            await fill(registry)
            data = Path(directory) / "data"
            await asyncio.to_thread(serve, etcd.endpoint, data)  # the first run makes the database
            starts = [(await asyncio.to_thread(serve, etcd.endpoint, data), imports()) for _ in range(ROUNDS)]
            lists = [(await listed(registry), await bare_list(registry)) for _ in range(ROUNDS)]
            await registry.close()
    for name, rows, budget in (("cold_start", starts, "<=1.5"), ("list_10000", lists, "<=1.0")):
        value, bare = (statistics.median(column) for column in zip(*rows, strict=True))
        report(name, value, "s", value / bare, budget)


if __name__ == "__main__":
    asyncio.run(main())
