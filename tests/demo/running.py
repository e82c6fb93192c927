"""`lbdash demo` as a user runs it: a process with a ready line, any free ports, and an end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lbdash.demo.stats import read


class Demo:
    """`http`: its origin. `fleet`: as --json prints it. `login`: the one-time login URL."""

    def __init__(self, process: asyncio.subprocess.Process, data: Path) -> None:
        self.process, self.data = process, data
        self.http = self.telemetry = self.login = ""
        self.fleet: dict[str, Any] = {}

    @property
    def pids(self) -> set[int]:
        rows = [*self.fleet["backends"], *self.fleet["clients"], self.fleet["etcd"]]
        return {row["pid"] for row in rows if row["pid"]}

    async def token(self, role: str = "operator") -> str:
        command = ("token", "create", "--data", str(self.data), "--role", role, "--name", f"test-{role}")
        return (await lbdash(*command)).strip()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    async def get(self, path: str, token: str) -> Any:
        request = urllib.request.Request(self.http + path, headers={"Authorization": f"Bearer {token}"})
        return json.loads(await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=10).read()))

    async def counters(self, service: str) -> dict[str, dict[str, Any]]:
        """The backends' own, by address."""
        addresses = [row["address"] for row in self.fleet["backends"] if row["service"] == service]
        return {stats["address"]: stats for stats in await asyncio.gather(*map(read, addresses))}

    async def quiet(self) -> None:
        """No new calls, and none running any more."""
        self.signal(signal.SIGUSR1)
        services = {row["service"] for row in self.fleet["backends"]}
        before: object = None
        while True:
            now = [await self.counters(service) for service in services]
            if now == before and not any(stats["inflight"] for found in now for stats in found.values()):
                return
            before = now
            await asyncio.sleep(0.2)


@asynccontextmanager
async def running_demo(data: Path, *options: str) -> AsyncIterator[Demo]:
    """Ready on entry, killed at the latest on exit."""
    words = ("demo", "--http", "127.0.0.1:0", "--telemetry", "127.0.0.1:0", "--data", str(data), "--json", *options)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lbdash", *words, stdout=pipe, stderr=pipe, limit=1 << 22
    )
    demo = Demo(process, data)
    try:
        await _until_ready(demo)
        yield demo
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _until_ready(demo: Demo) -> None:
    assert demo.process.stdout is not None
    assert demo.process.stderr is not None
    async with asyncio.timeout(60):
        line = (await demo.process.stdout.readline()).decode()
        if not line.startswith("lbdash ready "):
            raise AssertionError(line + (await demo.process.stderr.read()).decode())
        demo.fleet = json.loads(await demo.process.stdout.readline())
        login = (await demo.process.stderr.readline()).decode()
    demo.http, demo.telemetry = (re.search(rf"{name}=(\S+)", line)[1] for name in ("http", "telemetry"))  # type: ignore[index]
    demo.login = re.search(r"http\S+", login)[0]  # type: ignore[index]


async def lbdash(*words: str) -> str:
    """Its stdout; AssertionError with its stderr when it fails."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "lbdash", *words, stdout=pipe, stderr=pipe)
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return out.decode()


def is_running(pid: int) -> bool:
    """A zombie that nobody has fetched yet does not run."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


async def all_gone(pids: set[int]) -> None:
    while any(map(is_running, pids)):
        await asyncio.sleep(0.05)
