"""Django set up once for all web tests, a database that each test finds empty, and browsers of the ASGI app."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async

from lbdash.config import Config, Watch
from lbdash.registry.memory import MemoryRegistry
from lbdash.runtime import Runtime, build
from lbdash.sources.registry import RegistrySource
from lbdash.tasks import spawn, stop
from lbdash.web.conf import setup
from tests.web import world

_DATA = Path(tempfile.mkdtemp(prefix="lbdash-test-"))
atexit.register(shutil.rmtree, _DATA, ignore_errors=True)
setup(Config(data=_DATA))

from django.contrib.sessions.models import Session  # noqa: E402
from django.core.management import call_command  # noqa: E402

from lbdash.asgi import application  # noqa: E402
from lbdash.web.audit import DatabaseAudit  # noqa: E402
from lbdash.web.body import App  # noqa: E402
from lbdash.web.models import ApiToken, AuditRecord, LoginLink, User  # noqa: E402
from lbdash.web.tokens import create_token  # noqa: E402
from tests.web.browser import Browser  # noqa: E402


@pytest.fixture(scope="session")
def data_dir() -> Path:
    return _DATA


@pytest.fixture(scope="session")
def _migrated() -> None:
    call_command("migrate", verbosity=0, interactive=False)


@pytest.fixture
def db(_migrated: None) -> Iterator[None]:
    """An empty database."""
    yield
    for model in (Session, LoginLink, ApiToken, AuditRecord, User):
        model.objects.all().delete()


# ---- a dashboard without its servers: the real runtime over a registry in memory


@dataclass
class World:
    """`app` is what uvicorn would serve. `script` and `browser` are callers with a role; "" = nobody."""

    runtime: Runtime
    app: App

    async def script(self, role: str) -> Browser:
        return Browser(self.app, await sync_to_async(create_token)(role, "ci"))

    async def browser(self, role: str) -> Browser:
        return await Browser(self.app).log_in(role) if role else Browser(self.app)


@asynccontextmanager
async def running(*control: str) -> AsyncIterator[World]:
    """Listed, with clients that report; `control` arms services."""
    config = Config(data=_DATA, watch=(Watch.parse("/hwholiday/"),), control=control, name="test")
    registry = MemoryRegistry()
    await world.register(registry)
    runtime = build(config, DatabaseAudit(), registry)
    source = RegistrySource(registry, runtime.store, runtime.clock, config.watch)
    tasks = [spawn(source.run(), "registry"), spawn(runtime.executor.follow(), "commands")]
    changes = runtime.store.subscribe()
    while not runtime.ready:
        await changes.wait()
    changes.close()
    runtime.store.apply(world.busy(runtime.clock()))
    yield World(runtime, application(runtime))
    await stop(*tasks)
    await registry.close()


@pytest.fixture
async def armed(db: None) -> AsyncIterator[World]:
    async with running("*") as found:
        yield found


@pytest.fixture
async def read_only(db: None) -> AsyncIterator[World]:
    async with running() as found:
        yield found
