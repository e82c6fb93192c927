"""The only place where long-lived tasks start and stop.

One asyncio process, one TaskGroup: store, sources, telemetry server, web server. If any of them dies for a reason
nobody expected, the group ends and with it the process: a dashboard that serves frozen data is worse than none.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from lbdash.config import Config
from lbdash.control.audit import AuditLog
from lbdash.control.execute import Executor
from lbdash.live.store import Store
from lbdash.ports import grpc_server, http_socket, spell
from lbdash.registry.control_keys import INSTANCES
from lbdash.registry.etcd import EtcdRegistry, parse_endpoints
from lbdash.registry.kv import Registry, RegistryError
from lbdash.registry.registrar import LeasedKey
from lbdash.sources.clock import Clock, tick
from lbdash.sources.registry import DENIED, RegistrySource
from lbdash.sources.telemetry import MAX_MESSAGE_BYTES, TelemetrySource
from lbdash.tasks import spawn
from lbdash.xds.server import OPTIONS as XDS_OPTIONS
from lbdash.xds.server import XdsServer

log = logging.getLogger(__name__)
_FACTS_EVERY_S = 60.0

WebApp = Callable[..., Any]


@dataclass(slots=True)
class Facts:
    """What the registry says of itself; refreshed once a minute. None = not known."""

    cluster_id: int | None = None
    alarms: tuple[str, ...] | None = None


@dataclass(slots=True)
class Runtime:
    """What views and consumers reach, through the ASGI scope."""

    config: Config
    registry: Registry
    store: Store
    clock: Clock
    executor: Executor
    telemetry: TelemetrySource
    started_at: float
    instance: str
    facts: Facts = field(default_factory=Facts)
    http_url: str = ""
    telemetry_address: str = ""
    xds: XdsServer | None = None
    xds_address: str = ""

    @property
    def ready(self) -> bool:
        """True once every watched prefix and the control keys have been listed.

        Control keys that we may not read are no reason to wait: seeing works, and commands are refused as stale.
        """
        sources = self.store.view().state.sources.values()
        answered = [s for s in sources if s.synced or (s.kind == "control" and s.reason.startswith(DENIED))]
        return sum(s.kind in ("registry", "control") for s in answered) == len(self.config.watch) + 1


@dataclass(frozen=True, slots=True)
class Web:
    """What the web floor hands down: how to make the ASGI app, and where commands are recorded."""

    audit: AuditLog
    application: Callable[[Runtime], WebApp]


def build(config: Config, audit: AuditLog, registry: Registry | None = None) -> Runtime:
    """Everything made, nothing started. `registry` is for tests; otherwise etcd as configured."""
    clock = Clock()
    instance = uuid.uuid4().hex
    store = Store(clock, instance)
    registry = registry or _etcd(config)
    executor = Executor(registry, store, audit, clock, config.control, capacity_floor=config.capacity_floor)
    runtime = Runtime(config, registry, store, clock, executor, TelemetrySource(store, clock), clock(), instance)
    if config.xds:
        runtime.xds = XdsServer(store, clock, lambda: runtime.ready)
    return runtime


def _etcd(config: Config) -> EtcdRegistry:
    tls = config.etcd_tls
    return EtcdRegistry(
        parse_endpoints(",".join(config.etcd)),
        user=config.etcd_user or None,
        password=config.etcd_password or None,
        ca=tls.ca or None,
        cert=tls.cert or None,
        key=tls.key or None,
    )


async def serve(config: Config, web: Web, announce: Callable[[str], None], registry: Registry | None = None) -> None:
    """Run until SIGINT or SIGTERM; `announce` gets the ready line. Raises ConfigError when a port is taken."""
    runtime = build(config, web.audit, registry)
    try:
        await _run(runtime, web, announce)
    finally:
        await runtime.registry.close()


async def _run(runtime: Runtime, web: Web, announce: Callable[[str], None]) -> None:
    stopped = _stop_event()
    with http_socket(runtime.config.http) as http:
        runtime.http_url = f"http://{spell(http)}"
        async with _telemetry(runtime), _xds(runtime):
            with contextlib.suppress(asyncio.CancelledError):
                await _tasks(runtime, web.application(runtime), http, stopped, announce)


async def _tasks(
    runtime: Runtime, app: WebApp, http: socket.socket, stopped: asyncio.Event, announce: Callable[[str], None]
) -> None:
    server = _Server(_uvicorn(app))
    async with asyncio.TaskGroup() as group:
        owned = [
            spawn(
                RegistrySource(runtime.registry, runtime.store, runtime.clock, runtime.config.watch).run(),
                "registry",
                group=group,
            ),
            spawn(tick(runtime.store, runtime.clock), "clock", group=group),
            spawn(runtime.executor.follow(), "commands", group=group),
            spawn(_keep_facts(runtime), "registry facts", group=group),
            spawn(_announce_when_ready(runtime, announce), "ready", group=group),
        ]
        if runtime.xds is not None:
            owned.append(spawn(runtime.xds.run(), "xds", group=group))
        if not runtime.config.read_only:
            owned.append(spawn(_presence(runtime), "presence", group=group))
        serving = spawn(server.serve(sockets=[http]), "web", group=group)
        await stopped.wait()
        server.should_exit = True
        await serving
        for task in owned:
            task.cancel()


class _Server(uvicorn.Server):
    """uvicorn inside our loop: signals are ours, not its."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _uvicorn(app: WebApp) -> uvicorn.Config:
    # websockets-sansio without deflate: 12 x less CPU for 6 x more bytes on a loopback or a LAN. Lifespan off: a
    # startup error would be swallowed. The graceful timeout ends streams that would hold SIGTERM up for ever.
    return uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_max_size=1024,  # a browser says no more than the serial of what it painted
        lifespan="off",
        timeout_graceful_shutdown=2,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )


def _stop_event() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError, ValueError):  # not in a test's thread
            loop.add_signal_handler(number, stopped.set)
    return stopped


@contextlib.asynccontextmanager
async def _telemetry(runtime: Runtime) -> AsyncIterator[None]:
    config, options = runtime.config, [("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
    async with grpc_server(
        "--telemetry", config.telemetry, config.telemetry_tls, runtime.telemetry.add_to, options
    ) as bound:
        runtime.telemetry_address = bound
        yield


@contextlib.asynccontextmanager
async def _xds(runtime: Runtime) -> AsyncIterator[None]:
    if runtime.xds is None:
        yield
        return
    config = runtime.config
    async with grpc_server("--xds", config.xds, config.xds_tls, runtime.xds.add_to, XDS_OPTIONS) as bound:
        runtime.xds_address = bound
        yield


async def _announce_when_ready(runtime: Runtime, announce: Callable[[str], None]) -> None:
    waiting = asyncio.get_running_loop().call_later(3.0, _say_waiting, runtime)
    subscription = runtime.store.subscribe()
    try:
        while not runtime.ready:
            await subscription.wait()
    finally:
        waiting.cancel()
        subscription.close()
    announce(ready_line(runtime))


def _say_waiting(runtime: Runtime) -> None:
    reasons = {source.reason for source in runtime.store.view().state.sources.values() if source.reason}
    why = "; ".join(sorted(reasons)) or "no answer yet"
    hint = "\n  `lbdash etcd-role` prints the grants it needs." if "permission denied" in why else ""
    print(f"lbdash: waiting for etcd at {', '.join(runtime.config.etcd)}: {why}{hint}", file=sys.stderr, flush=True)


def ready_line(runtime: Runtime) -> str:
    """For scripts: what is served, and where."""
    served = {
        "http": runtime.http_url,
        "telemetry": runtime.telemetry_address,
        "etcd": ",".join(runtime.config.etcd),
        "xds": runtime.xds_address,
    }
    return " ".join(["lbdash ready", *(f"{name}={where}" for name, where in served.items() if where)])


async def _keep_facts(runtime: Runtime) -> None:
    while True:
        with contextlib.suppress(RegistryError):
            runtime.facts.cluster_id = await runtime.registry.cluster_id()
            runtime.facts.alarms = await runtime.registry.alarms()
        await asyncio.sleep(_FACTS_EVERY_S if runtime.facts.cluster_id is not None else 1.0)


async def _presence(runtime: Runtime) -> None:
    """Tell other dashboards on this etcd that we may steer it. One that is read-only writes nothing, so is not seen."""
    value = json.dumps({"name": runtime.config.name, "http": runtime.http_url, "host": socket.gethostname()})
    key = f"{INSTANCES}{runtime.instance}".encode()
    async with LeasedKey(runtime.registry, key, value.encode(), ttl_s=15):
        await asyncio.Event().wait()
