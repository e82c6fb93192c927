"""From a command to its effect at 200 clients, against a bare etcd put seen by 200 watches of the same processes.

Each client is a real channel with its own connection and watch. Both are timed from etcd's answer on one monotonic
clock: a command until the dashboard has received the last client's word, a put until the last watch has delivered
it. Rounds alternate.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import grpc

from lbdash.balancing import Channel
from lbdash.control.audit import AuditEntry
from lbdash.control.commands import Request, SetPolicy
from lbdash.control.execute import Executor
from lbdash.demo.etcd import EmbeddedEtcd
from lbdash.live.store import Store
from lbdash.registry.etcd import EtcdRegistry
from lbdash.registry.kv import Changes
from lbdash.sources.clock import Clock
from lbdash.sources.registry import RegistrySource
from lbdash.sources.telemetry import TelemetrySource
from lbdash.tasks import spawn, stop
from tests.bench.lines import report

PROCESSES, CLIENTS, ROUNDS = 4, 200, 100
SERVICE, BARE = "bench", b"/bare/"


class Unaudited:
    """The audit trail costs a database write before the transaction; it is not part of what is timed."""

    async def begin(self, entry: AuditEntry) -> None: ...

    async def finish(self, id: str, outcome: str, **_: Any) -> None: ...

    async def find(self, id: str) -> AuditEntry | None: ...

    async def recent(self, limit: int, before: str = "") -> Sequence[AuditEntry]:
        return ()


# ---- a process of clients


async def clients(etcd: str, telemetry: str, count: int) -> None:
    """Prints "ready", then for each bare put its revision and when the last watch had it."""
    seen: dict[int, int] = {}

    async def bare(registry: EtcdRegistry) -> None:
        async for message in registry.watch(BARE):
            if isinstance(message, Changes) and message.events:
                seen[message.revision] = seen.get(message.revision, 0) + 1
                if seen[message.revision] == count:
                    print(message.revision, time.monotonic(), flush=True)

    async with AsyncExitStack() as stack:
        for number in range(count):
            registry = EtcdRegistry([etcd])
            stack.push_async_callback(registry.close)
            channel = Channel(
                f"etcd://{etcd.removeprefix('http://')}/{SERVICE}?convention=gozero",
                registry=registry,
                telemetry=telemetry,
                name=f"client-{number}",
            )
            await stack.enter_async_context(channel)
            stack.push_async_callback(stop, spawn(bare(registry), f"bare {number}"))
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


class Process:
    def __init__(self, etcd: str, telemetry: str, count: int) -> None:
        words = [sys.executable, "-m", "tests.bench.bench_command", "clients", etcd, telemetry, str(count)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    async def line(self) -> str:
        assert self._process.stdout is not None
        return (await asyncio.get_running_loop().run_in_executor(None, self._process.stdout.readline)).strip()

    async def seen(self, revision: int) -> float:
        """When the last watch of this process had it, seconds of the machine's monotonic clock."""
        while not (line := await self.line()).startswith(f"{revision} "):
            assert line, "a process of clients died"
        return float(line.split()[1])

    def close(self) -> None:
        with self._process:  # closes the pipes, which ends it, and waits
            pass


# ---- the dashboard's process


async def put_bare(registry: EtcdRegistry, processes: Sequence[Process], number: int) -> float:
    """Seconds from the answer of a put until the last of all watches had it."""
    revision = await registry.put(BARE + b"key", str(number).encode())
    answered = time.monotonic()
    times = await asyncio.gather(*(process.seen(revision) for process in processes))
    return max(0.0, max(times) - answered)


async def command(executor: Executor, store: Store, number: int) -> float:
    """Seconds from the answer of a command until it is effective at all clients, as the dashboard itself tells."""
    policy = ("round_robin", "p2c_ewma")[number % 2]
    generation = store.view().state.services[SERVICE].routing.generation.number
    request = Request(SetPolicy({"name": policy}), SERVICE, generation, "bench", "bench", f"c{number}")
    result = await executor.run(request)
    assert result.outcome == "applied", result
    await until(store, lambda: applied(store, result.revision or 0))
    await executor.observe()
    progress = executor.progress(request.id)
    assert progress is not None
    assert (progress.seen, progress.clients_total) == (CLIENTS, CLIENTS)
    assert progress.effective_ms is not None
    return progress.effective_ms / 1000


def applied(store: Store, revision: int) -> bool:
    """Every client is there and has applied it. Cheap, because it is asked at every report."""
    service = store.view().state.services.get(SERVICE)
    known = service.clients.values() if service else ()
    return len(known) == CLIENTS and all(client.applied_revision >= revision for client in known)


async def until(store: Store, true: Callable[[], bool]) -> None:
    changes = store.subscribe()
    try:
        async with asyncio.timeout(60):
            while not true():
                await changes.wait()
    finally:
        changes.close()


async def measure(etcd: str) -> tuple[list[float], list[float]]:
    """Seconds of the bare puts, and of the commands."""
    clock = Clock()
    store, registry = Store(clock), EtcdRegistry([etcd])
    executor = Executor(registry, store, Unaudited(), clock, ["*"])
    server = grpc.aio.server()
    TelemetrySource(store, clock).add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    tasks = [spawn(RegistrySource(registry, store, clock, []).run(), "source"), spawn(executor.follow(), "follow")]
    processes = [Process(etcd, f"127.0.0.1:{port}", CLIENTS // PROCESSES) for _ in range(PROCESSES)]
    try:
        for process in processes:
            assert await process.line() == "ready"
        await until(store, lambda: applied(store, 0))
        bare, commands = [], []
        for number in range(ROUNDS):
            bare.append(await put_bare(registry, processes, number))
            commands.append(await command(executor, store, number))
        return bare, commands
    finally:
        for process in processes:
            process.close()
        await stop(*tasks)
        await server.stop(0)
        await registry.close()


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        async with EmbeddedEtcd(Path(directory)) as etcd:
            bare, commands = await measure(etcd.endpoint)
    for name, of in (("p50", statistics.median), ("p99", p99)):
        report(f"bare_put_{name}_200", of(bare) * 1e3, "ms", None, "-")
    report(
        "command_effective_p50_200",
        statistics.median(commands) * 1e3,
        "ms",
        statistics.median(commands) / statistics.median(bare),
        "-",
    )
    report("command_effective_p99_200", p99(commands) * 1e3, "ms", p99(commands) / p99(bare), "<=2.00")


def test_command() -> None:
    asyncio.run(main())


if __name__ == "__main__":
    if sys.argv[1:2] == ["clients"]:
        asyncio.run(clients(sys.argv[2], sys.argv[3], int(sys.argv[4])))
    else:
        asyncio.run(main())
