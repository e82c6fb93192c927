from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lbdash.registry.kv import Registry
from lbdash.registry.memory import MemoryRegistry
from tests.etcd import EtcdServer


@pytest.fixture(scope="session")
def shared_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdServer]:
    """One etcd for all tests that do it no harm; each keeps to its own prefix."""
    server = EtcdServer(tmp_path_factory.mktemp("etcd"))
    with asyncio.Runner() as runner:
        runner.run(server.start())
        yield server
        runner.run(server.stop())


@pytest.fixture
async def etcd(tmp_path: Path) -> AsyncIterator[EtcdServer]:
    """An etcd to be killed, frozen and wiped."""
    async with EtcdServer(tmp_path) as server:
        yield server


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> bytes:
    return f"/test/{request.node.name}/".encode()


@pytest.fixture(params=["memory", pytest.param("etcd", marks=pytest.mark.etcd)])
async def registry(request: pytest.FixtureRequest, shared_etcd: EtcdServer) -> AsyncIterator[Registry]:
    """Both implementations: one contract."""
    made: Registry = MemoryRegistry() if request.param == "memory" else shared_etcd.registry()
    yield made
    await made.close()


@pytest.fixture(autouse=True)
async def no_task_is_left() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    if left:  # gRPC's own tasks may need another turn of the loop after a channel was closed
        _, left = await asyncio.wait(left, timeout=5)
    assert not left
