"""The fleet as the parent holds it: child processes of backends and clients, started, kept, stopped."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any, Self

from lbdash.demo.child import Child, Json
from lbdash.demo.plan import Plan
from lbdash.tasks import spawn, stop

RESTART_AFTER_S = 4.0  # long enough to see the connections fail, shorter than the lease


class Fleet:
    """`etcd`: host:port. As a context manager: the backends serve; the clients come with `start_clients`."""

    def __init__(self, plan: Plan, etcd: str) -> None:
        self.plan, self.etcd = plan, etcd
        self.backends = [Child("lbdash.demo.backend", self._backend_spec(i)) for i in range(len(plan.backends))]
        self.clients: list[Child] = []
        self.running = True
        self._keepers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        try:
            await self._start(self.backends)
        except BaseException:
            await self.close()
            raise
        for child in self.backends:
            # From now on the same ports: a backend that comes back is the same backend.
            for spec, address in zip(child.spec["backends"], child.news["addresses"], strict=True):
                spec["port"] = int(address.rpartition(":")[2])
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start_clients(self, telemetry: str) -> None:
        """`telemetry`: where they report, host:port."""
        specs = [{"clients": [asdict(client) for client in group]} for group in self.plan.clients]
        shared = {"etcd": self.etcd, "telemetry": telemetry}
        self.clients = [Child("lbdash.demo.client", spec | shared) for spec in specs]
        await self._start(self.clients)

    async def _start(self, children: list[Child]) -> None:
        await asyncio.gather(*(child.start() for child in children))
        self._keepers += [spawn(child.keep(RESTART_AFTER_S), child.module) for child in children]

    async def pause(self) -> None:
        """Stop making calls, or go on: the second call undoes the first."""
        self.running = not self.running
        await asyncio.gather(*(child.order({"running": self.running}) for child in self.clients))

    async def close(self) -> None:
        """Clients first, so that nobody calls a server that is leaving."""
        await stop(*self._keepers)
        for children in (self.clients, self.backends):
            await asyncio.gather(*(child.stop() for child in children))

    def describe(self) -> Json:
        """{"backends": [{"address","service","version","pid","alone"}], "clients": [{"name","service","pid"}]};
        `alone`: killing its process hits no other backend."""
        return {
            "backends": [row for child in self.backends for row in _backend_rows(child)],
            "clients": [
                {"name": client["name"], "service": client["service"], "pid": child.pid}
                for child in self.clients
                for client in child.spec["clients"]
            ],
        }

    def _backend_spec(self, index: int) -> dict[str, Any]:
        return {"etcd": self.etcd, "backends": [asdict(backend) for backend in self.plan.backends[index]]}


def _backend_rows(child: Child) -> list[Json]:
    plans, addresses = child.spec["backends"], child.news["addresses"]
    return [
        {
            "address": address,
            "service": plan["service"],
            "version": plan["version"],
            "pid": child.pid,
            "alone": len(plans) == 1,
        }
        for plan, address in zip(plans, addresses, strict=True)
    ]
