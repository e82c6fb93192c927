"""The demo from start to stop: etcd, backends, the dashboard, clients; everything ends when the dashboard does."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lbdash.balancing import POLICY_NAMES
from lbdash.config import Config, Watch
from lbdash.demo.child import Json
from lbdash.demo.etcd import EmbeddedEtcd
from lbdash.demo.fleet import Fleet
from lbdash.demo.plan import Options, plan
from lbdash.demo.story import story
from lbdash.registry.endpoints import parse_endpoints
from lbdash.registry.etcd import EtcdRegistry
from lbdash.tasks import spawn, stop

WATCH = (Watch("/hwholiday/"), Watch("user.rpc/", "gozero"), Watch("services/"))
ETCD_BACK_AFTER_S = 10.0

Announce = Callable[[str], None]
Serve = Callable[[Config, Announce], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ready:
    """`line`: the ready line. `fleet`: who runs where, with process ids."""

    line: str
    fleet: Json


async def run(
    options: Options, config: Config, serve: Serve, ready: Callable[[Ready], None], *, own_etcd: bool, binary: str = ""
) -> None:
    """Until SIGINT or SIGTERM. SIGUSR1 pauses the traffic, and the next one resumes it.

    `serve` runs the dashboard and announces its ready line; `ready` is called once the clients call, too.
    `own_etcd` False: the fleet registers in the first of `config.etcd`. Raises ValueError, EtcdFailed, ChildFailed.
    """
    if options.policy and options.policy not in POLICY_NAMES:
        raise ValueError(f"--policy {options.policy}: there are {', '.join(POLICY_NAMES)}")
    with _cancelled_by_signals(), contextlib.suppress(asyncio.CancelledError):
        async with contextlib.AsyncExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lbdash-demo-")))
            etcd = await stack.enter_async_context(_etcd(directory / "etcd", binary)) if own_etcd else None
            config = _config(config, directory, etcd)
            fleet = await stack.enter_async_context(Fleet(plan(options), config.etcd[0]))
            if options.story:
                await stack.enter_async_context(_story(config, fleet, options))
            _pause_on_usr1(fleet)
            await _serve(config, fleet, serve, ready, etcd)


def _config(config: Config, directory: Path, etcd: EmbeddedEtcd | None) -> Config:
    """All services armed, the fleet's prefixes watched, the data in `directory` unless it was named."""
    changes: dict[str, Any] = {
        "demo": True,
        "name": config.name or "demo",
        "control": ("*",),
        "watch": config.watch or WATCH,
    }
    if config.data == Config().data:
        changes["data"] = directory / "data"
    endpoints = etcd.endpoint if etcd else ",".join(config.etcd)
    changes["etcd"] = tuple(map(str, parse_endpoints(endpoints)))
    return replace(config, **changes)


async def _serve(
    config: Config, fleet: Fleet, serve: Serve, ready: Callable[[Ready], None], etcd: EmbeddedEtcd | None
) -> None:
    """The dashboard in this process; as soon as it is ready, the clients."""
    announced: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def clients() -> None:
        line = await announced
        await fleet.start_clients(_telemetry(line))
        own = {"pid": etcd.pid if etcd else None, "address": config.etcd[0]}
        ready(Ready(line, {"etcd": own, **fleet.describe()}))

    try:
        async with asyncio.TaskGroup() as group:
            starting = spawn(clients(), "clients of the demo", group=group)
            await serve(config, announced.set_result)
            starting.cancel()
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None


def _telemetry(line: str) -> str:
    match = re.search(r"\btelemetry=(\S+)", line)
    assert match, line
    return match[1]


@contextlib.asynccontextmanager
async def _etcd(directory: Path, binary: str) -> AsyncIterator[EmbeddedEtcd]:
    """Started again some seconds after somebody killed it, on the same port and with the same data."""
    async with EmbeddedEtcd(directory, binary=binary or None) as etcd:
        keeper = spawn(_keep(etcd), "etcd of the demo")
        try:
            yield etcd
        finally:
            await stop(keeper)


async def _keep(etcd: EmbeddedEtcd) -> None:
    while True:
        await etcd.wait()
        await asyncio.sleep(ETCD_BACK_AFTER_S)
        await etcd.start()


@contextlib.asynccontextmanager
async def _story(config: Config, fleet: Fleet, options: Options) -> AsyncIterator[None]:
    registry = EtcdRegistry(config.etcd)
    try:
        async with story(registry, fleet, options.versions):
            yield
    finally:
        await registry.close()


@contextlib.contextmanager
def _cancelled_by_signals() -> Iterator[None]:
    """Before the dashboard takes the signals over, and after: an early Ctrl-C cleans up as a late one does."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    yield


def _pause_on_usr1(fleet: Fleet) -> None:
    pauses: set[asyncio.Task[None]] = set()

    def toggle() -> None:
        task = spawn(fleet.pause(), "pause")
        pauses.add(task)
        task.add_done_callback(pauses.discard)

    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, toggle)
