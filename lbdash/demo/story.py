"""`--story`: what goes wrong in real registries, on purpose: a flapping backend, a broken value, a ghost, a canary."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Sequence

from lbdash.demo.etcd import free_port
from lbdash.demo.fleet import Fleet
from lbdash.demo.plan import SERVICES
from lbdash.registry.control_keys import generation_key, versions_key
from lbdash.registry.kv import Put, Registry, Unchanged
from lbdash.registry.registrar import LeasedKey
from lbdash.tasks import spawn, stop

FLAP_EVERY_S = 30.0
BROKEN = b"/hwholiday/srv/app/app-broken", b'{"node": {"name": "app", "address": '


@contextlib.asynccontextmanager
async def story(registry: Registry, fleet: Fleet, versions: Sequence[str]) -> AsyncIterator[None]:
    """All of it, while the context lasts; what was written is removed at its end."""
    ghost = f"{SERVICES[2].name}/127.0.0.1:{free_port()}"
    await registry.put(ghost.encode(), _ghost_value(ghost))
    await _canary(registry, versions)
    flapping = spawn(_flap(fleet), "story: flapping backend")
    try:
        async with LeasedKey(registry, *BROKEN):
            yield
    finally:
        await stop(flapping)
        await registry.delete(ghost.encode())


def _ghost_value(key: str) -> bytes:
    """A registration whose process died before leases were thought of."""
    return json.dumps({"Op": 0, "Addr": key.rpartition("/")[2], "Metadata": None}).encode()


async def _canary(registry: Registry, versions: Sequence[str]) -> None:
    """As an operator would: 5 % for the newest version. Left alone when somebody has set shares already."""
    if len(versions) < 2:
        return
    service, by = SERVICES[0].name, {"by": "demo", "reason": "canary"}
    keys = [key.encode() for key in (generation_key(service), versions_key(service))]
    shares = {versions[0]: 95, versions[-1]: 5}
    values = ({"generation": 1, "command": uuid.uuid4().hex, **by}, {"shares": shares, **by})
    puts = [Put(key, json.dumps(value).encode()) for key, value in zip(keys, values, strict=True)]
    await registry.txn([Unchanged(key, 0) for key in keys], puts)


async def _flap(fleet: Fleet) -> None:
    """Kill one backend's process now and then; the fleet starts it again."""
    while True:
        await asyncio.sleep(FLAP_EVERY_S)
        await fleet.backends[fleet.plan.flapping].kill()
