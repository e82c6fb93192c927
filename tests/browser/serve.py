"""A dashboard over a scene, without etcd: `python -m tests.browser.serve SCENE` prints one line of JSON when ready.

The runtime, the app and the server are the real ones; registry and telemetry are made up. Standard input takes one
JSON object a line (see `Stage.act`), so that a test can make things happen and see them arrive.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from lbdash.config import Config, Watch
from lbdash.live.events import Event, SourceLost, SourceProven, Ticked
from lbdash.model import Connectivity
from lbdash.registry.conventions import Instance, by_name
from lbdash.registry.memory import MemoryRegistry
from lbdash.runtime import Runtime, build
from lbdash.sources.registry import RegistrySource
from lbdash.tasks import spawn
from lbdash.web.conf import setup
from tests.browser.fleet import past
from tests.browser.scenes import SCENES, SERVICE, Scene, register

WATCHES = (
    Watch.parse("/hwholiday/"),
    Watch.parse("/microservices/"),
    Watch.parse("/inventory/"),
    Watch.parse("/srv/"),
    Watch.parse("pay.rpc/=gozero"),
    Watch.parse("user.rpc/=gozero"),
)
STEP_S = 0.25


@dataclass
class Stage:
    runtime: Runtime
    registry: MemoryRegistry
    scene: Scene
    acting: bool = True

    def apply(self, events: list[Event]) -> None:
        self.runtime.store.apply(events)

    async def set(self) -> None:
        """Registrations, then history, then what is broken."""
        await register(self.registry, self.scene)
        changes = self.runtime.store.subscribe()
        while not self.runtime.ready:
            await changes.wait()
        changes.close()
        now = self.runtime.clock()
        for events in past(self.scene.fleets, now, self.scene.history_s):
            self.apply(events)
        for fleet, address, clients in self.scene.broken:
            self.apply(
                self.scene.fleets[fleet].turn(
                    now, address, Connectivity.TRANSIENT_FAILURE, range(clients), "connection refused"
                )
            )
        if self.scene.fleets:
            self.apply([SourceProven("telemetry", "telemetry", now)])

    async def play(self) -> None:
        """Traffic at 4 Hz and the clock at 1 Hz, for as long as the process lives."""
        step = 0
        while True:
            now = self.runtime.clock()
            if self.acting:
                applied = await self.registry_revision()
                for fleet in self.scene.fleets:
                    self.apply(fleet.report(now, STEP_S, applied))
                if self.scene.fleets:
                    self.apply([SourceProven("telemetry", "telemetry", now)])
            if step % 4 == 0:
                self.apply([Ticked(now), *self._life(now)])
            step += 1
            await asyncio.sleep(max(0.0, STEP_S - (self.runtime.clock() - now)))

    def _life(self, now: float) -> list[Event]:
        """The watches' proof of life, or their loss half a minute ago."""
        sources = [source for source in self.runtime.store.view().state.sources.values() if source.kind != "telemetry"]
        if self.scene.lost:
            return [
                SourceLost(s.name, s.kind, now - 29, "no answer from 127.0.0.1:2379")
                for s in sources
                if s.lost_at is None
            ]
        return [SourceProven(s.name, s.kind, now, s.revision) for s in sources]

    async def registry_revision(self) -> int:
        return (await self.registry.list(b"/none/")).revision

    async def act(self, line: str) -> None:
        """{"do": "turn" | "put" | "traffic" | "lost" | "quit", …}"""
        asked: dict[str, Any] = json.loads(line)
        match asked["do"]:
            case "turn":
                fleet = self.scene.fleets[0]
                self.apply(
                    fleet.turn(
                        self.runtime.clock(),
                        asked["address"],
                        Connectivity[asked["state"]],
                        range(asked["clients"]),
                        "refused",
                    )
                )
            case "put":
                key, value = by_name("hwholiday").encode(
                    SERVICE, Instance(asked["address"], asked["id"], asked.get("version", "v1")), 0
                )
                await self.registry.put(key.encode(), value.encode())
            case "delete":
                key, _ = by_name("hwholiday").encode(SERVICE, Instance(asked["address"], asked["id"], "v1"), 0)
                await self.registry.delete(key.encode())
            case "traffic":
                self.acting = asked["on"]
            case "lost":
                self.scene.lost = asked["on"]


async def main(name: str, control: tuple[str, ...], history_s: int = 0) -> None:
    config = Config(
        name="staging", colour="amber", data=Path(tempfile.mkdtemp()), watch=WATCHES, control=control, demo=True
    )
    setup(config)
    cookie = await asyncio.to_thread(_session)
    from lbdash.asgi import application  # models can be imported only after `setup`
    from lbdash.web.audit import DatabaseAudit

    registry = MemoryRegistry(cluster_id=0xCDF818194E3A8C32)
    runtime = build(config, DatabaseAudit(), registry)
    runtime.facts.cluster_id, runtime.facts.alarms = 0xCDF818194E3A8C32, ()
    stage = Stage(runtime, registry, SCENES[name]())
    stage.scene.history_s = history_s or stage.scene.history_s
    server = uvicorn.Server(
        uvicorn.Config(
            application(runtime),
            port=0,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            lifespan="off",
            log_level="warning",
            timeout_graceful_shutdown=1,
        )
    )
    tasks = [
        spawn(RegistrySource(registry, runtime.store, runtime.clock, WATCHES).run(), "registry"),
        spawn(runtime.executor.follow(), "commands"),
        spawn(stage.set(), "stage"),
    ]
    await tasks[2]
    tasks += [spawn(server.serve(), "web"), spawn(stage.play(), "play"), spawn(_listen(stage), "input")]
    while not server.started:
        await asyncio.sleep(0.01)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    print(json.dumps({"url": url, "cookie": cookie}), flush=True)
    await tasks[-1]
    server.should_exit = True
    with contextlib.suppress(asyncio.CancelledError):
        await tasks[3]


async def _listen(stage: Stage) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await stage.act(line.decode())


def _session() -> dict[str, str]:
    """A database with one operator, logged in."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command

    from lbdash.web.models import User
    from lbdash.web.roles import Role

    call_command("migrate", verbosity=0, interactive=False)
    user = User.objects.create_user("operator", None, Role.OPERATOR)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return {"name": settings.SESSION_COOKIE_NAME, "value": session.session_key or ""}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], () if "--read-only" in sys.argv else ("*",), 600 if "--history" in sys.argv else 0))
