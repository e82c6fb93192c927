"""How the demo's children and their parent talk: JSON lines, the spec and orders on stdin, one line of news on stdout.

A child ends when its stdin does. On Linux the kernel also kills it when the parent dies, however that happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self

from lbdash.tasks import Backoff

_PR_SET_PDEATHSIG = 1
Json = dict[str, Any]


class ChildFailed(Exception):
    """A child process did not start; the text says which and how it ended."""


# ---- the child's side


def run_child(main: Callable[[Json, AsyncIterator[Json], Callable[[Json], None]], Awaitable[None]]) -> None:
    """Run `main(spec, orders, tell)` until `orders` ends. Signals meant for the parent do not end a child."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    asyncio.run(_child(main))


async def _child(main: Callable[[Json, AsyncIterator[Json], Callable[[Json], None]], Awaitable[None]]) -> None:
    lines = asyncio.StreamReader(limit=1 << 22)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    orders = _orders(lines)
    with contextlib.suppress(StopAsyncIteration):
        await main(await anext(orders), orders, _tell)


async def _orders(lines: asyncio.StreamReader) -> AsyncIterator[Json]:
    while line := await lines.readline():
        yield json.loads(line)


def _tell(news: Json) -> None:
    print(json.dumps(news), flush=True)


# ---- the parent's side


class Child:
    """One process that runs `python -m module`. Can be started again after it ended."""

    def __init__(self, module: str, spec: Json) -> None:
        self.module, self.spec = module, spec
        self.news: Json = {}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """0 = not running."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process and alive else 0

    async def start(self, timeout: float = 30.0) -> Self:
        """Returns when the child has told its news. Raises ChildFailed."""
        # A session of its own: Ctrl-C goes to the parent alone, which then stops its children in order.
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self.module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        await self.order(self.spec)
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            await self.kill()
            raise ChildFailed(f"{self.module} did not start (exit {self._process.returncode})")
        self.news = json.loads(line)
        return self

    async def order(self, message: Json) -> None:
        """Nothing happens when the child is gone."""
        if self._process and self._process.stdin and self.pid:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            with contextlib.suppress(ConnectionError):
                await self._process.stdin.drain()

    async def wait(self) -> None:
        if self._process is not None:
            await self._process.wait()

    async def stop(self, grace: float = 3.0) -> None:
        """Close its stdin, which ends it; kill it after `grace` seconds."""
        if self._process and self._process.stdin and self.pid:
            self._process.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self._process.wait()
        await self.kill()

    async def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def keep(self, after_s: float) -> None:
        """Start it again `after_s` seconds after each of its ends, for ever."""
        backoff = Backoff(first=after_s, limit=30.0, jitter=0)
        while True:
            await self.wait()
            await backoff.sleep()
            with contextlib.suppress(ChildFailed):
                await self.start()
                backoff.reset()
