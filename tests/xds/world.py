"""A registry, backends, the control plane and stock clients, to steer and to count."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Self

import grpc

from lbdash.config import Tls, Watch
from lbdash.live.state import Client, Service
from lbdash.live.store import Store
from lbdash.ports import grpc_server
from lbdash.registry.control_keys import admin_key, versions_key, weight_key
from lbdash.registry.memory import MemoryRegistry
from lbdash.sources.clock import Clock, tick
from lbdash.sources.registry import RegistrySource
from lbdash.tasks import spawn, stop
from lbdash.xds.bootstrap import bootstrap
from lbdash.xds.server import OPTIONS, Limits, XdsServer

Json = dict[str, Any]
SERVICE = "svc.app"
PLAIN = Tls()
SCRIPT = Path(__file__).with_name("stock.py")


class Backend:
    """Says its name; a slow call lasts until `release`."""

    def __init__(self, name: str, version: str) -> None:
        self.name, self.version = name, version
        self.started = 0
        self.slow = 0
        self.release = asyncio.Event()

    async def start(self) -> Self:
        self.server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        handlers = {
            "Who": grpc.unary_unary_rpc_method_handler(self._who),
            "Slow": grpc.unary_unary_rpc_method_handler(self._slow),
        }
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Who", handlers),))
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        await self.server.start()
        return self

    async def _who(self, *_: object) -> bytes:
        self.started += 1
        return self.name.encode()

    async def _slow(self, *_: object) -> bytes:
        self.slow += 1
        await self.release.wait()
        return self.name.encode()


class Stock:
    """A stock client in its own process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def do(self, what: str, **arguments: Any) -> Json:
        await self.ask(what, **arguments)
        return await self.answer()

    async def ask(self, what: str, **arguments: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": what, **arguments}).encode() + b"\n")
        await self.process.stdin.drain()

    async def answer(self) -> Json:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        assert line, "the stock client died"
        answer: Json = json.loads(line)
        return answer

    async def calls(self, n: int, **metadata: str) -> Counter[str]:
        """Who answered; no call may fail."""
        answer = await self.do("calls", n=n, metadata=list(metadata.items()))
        assert answer["errors"] == {}, answer
        return Counter(answer["by"])


class World:
    def __init__(self, tls: Tls = PLAIN, registry: Any = None, **options: Any) -> None:
        self.registry = registry or MemoryRegistry()
        self.tls = tls
        self.backends: list[Backend] = []
        self.options = options
        self.port = 0

    async def __aenter__(self) -> Self:
        await self.start_dashboard()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_dashboard()
        await self.registry.close()
        for backend in self.backends:
            backend.release.set()
            await backend.server.stop(None)

    # ---- the dashboard

    async def start_dashboard(self, ready: Callable[[], bool] | None = None) -> None:
        """On the same port as before."""
        self.clock = Clock()
        self.store = Store(self.clock)
        self.xds = XdsServer(self.store, self.clock, ready or self._listed, **self.options)
        bind = f"127.0.0.1:{self.port}"
        self.server = grpc_server("--xds", bind, self.tls, self.xds.add_to, OPTIONS)
        self.port = int((await self.server.__aenter__()).rpartition(":")[2])
        source = RegistrySource(self.registry, self.store, self.clock, [Watch("/svc/", "hwholiday")])
        self.tasks = [
            spawn(source.run(), "registry"),
            spawn(self.xds.run(), "xds"),
            spawn(tick(self.store, self.clock), "clock"),
        ]

    def _listed(self) -> bool:
        sources = [s for s in self.store.view().state.sources.values() if s.kind in ("registry", "control")]
        return len(sources) == 2 and all(source.synced for source in sources)

    async def stop_dashboard(self) -> None:
        await self.server.__aexit__(None, None, None)
        await stop(*self.tasks)

    @property
    def service(self) -> Service:
        return self.store.view().state.services[SERVICE]

    def clients(self) -> list[Client]:
        found = self.store.view().state.services.get(SERVICE)
        return [client for client in found.clients.values() if client.gone_at is None] if found else []

    async def until(self, true: Callable[[], Any], seconds: float = 20) -> None:
        """As soon as something changed that makes it so."""
        changes = self.store.subscribe()
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    await changes.wait()
        finally:
            changes.close()

    async def followed(self, revision: int) -> None:
        """All clients have accepted it."""
        await self.until(lambda: all(client.applied_revision >= revision for client in self.clients()))

    # ---- the registry; all return the revision

    async def backend(self, name: str, version: str = "v1") -> Backend:
        backend = await Backend(name, version).start()
        self.backends.append(backend)
        await self.register(backend)
        return backend

    async def register(self, backend: Backend) -> int:
        node = {"node": {"address": backend.address, "version": backend.version}}
        return await self.registry.put(f"/svc/app/{backend.address}".encode(), json.dumps(node).encode())

    async def unregister(self, backend: Backend) -> int:
        return await self.registry.delete(f"/svc/app/{backend.address}".encode())

    async def say(self, backend: Backend, admin: str | None) -> int:
        key = admin_key(SERVICE, backend.address).encode()
        if admin is None:
            return await self.registry.delete(key)
        return await self.registry.put(key, json.dumps({"state": admin}).encode())

    async def weigh(self, backend: Backend, weight: int) -> int:
        key = weight_key(SERVICE, backend.address).encode()
        return await self.registry.put(key, json.dumps({"weight": weight}).encode())

    async def route(self, **versions: Any) -> int:
        return await self.registry.put(versions_key(SERVICE).encode(), json.dumps(versions).encode())

    # ---- stock clients

    @contextlib.asynccontextmanager
    async def stock(
        self, node: str = "test-node", target: str = f"xds:///{SERVICE}", tls: Tls | None = None
    ) -> AsyncIterator[Stock]:
        document = bootstrap(f"127.0.0.1:{self.port}", node, tls)
        document["xds_servers"][0]["server_features"] = ["xds_v3"]  # what is withdrawn shall be seen to go
        env = {**os.environ, "GRPC_XDS_BOOTSTRAP_CONFIG": json.dumps(document)}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), target, stdin=pipe, stdout=pipe, env=env
        )
        try:
            yield Stock(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


__all__ = ["SERVICE", "Backend", "Limits", "Stock", "World"]
