from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from lbdash.registry.conventions import parse
from lbdash.registry.kv import KeyValue, Registry
from lbdash.registry.memory import MemoryRegistry
from lbdash.registry.registrar import LeasedKey, Registrar
from tests.etcd import EtcdServer
from tests.registry.watching import Watched, watching

SERVICE = {"hwholiday": "test.reg.app", "etcd": "test/reg/search", "gozero": "test/reg/user.rpc"}
PREFIX = {"hwholiday": b"/test/reg/app/", "etcd": b"test/reg/search/", "gozero": b"test/reg/user.rpc/"}


@pytest.mark.parametrize("convention", list(SERVICE))
async def test_a_registration_lives_as_long_as_its_context(registry: Registry, convention: str) -> None:
    async with watching(registry, PREFIX[convention]) as watched:
        async with Registrar(registry, convention, SERVICE[convention], "10.0.0.7:80") as registrar:
            await watched.until(lambda w: w.mirror)
            await registrar.registered.wait()
            (kv,) = (await registry.list(PREFIX[convention])).items
            read = parse(kv)
            assert (read.convention, read.service) == (convention, SERVICE[convention])
            assert (read.address, read.lease) == ("10.0.0.7:80", registrar.lease)
            assert read.problems == ()
        await watched.until(lambda w: not w.mirror)
    assert await registry.lease_ttl(kv.lease) is None


async def test_version_weight_and_metadata_are_written(registry: Registry) -> None:
    options = {"version": "v2", "weight": 50, "metadata": {"zone": "b"}}
    for convention in ("hwholiday", "etcd"):
        async with Registrar(registry, convention, SERVICE[convention], "h:1", **options) as registrar:
            await registrar.registered.wait()
            read = parse((await registry.list(PREFIX[convention])).items[0])
            assert (read.version, read.weight, read.metadata["zone"]) == ("v2", 50, "b")


async def test_a_lost_lease_means_a_new_registration() -> None:
    registry = MemoryRegistry()
    async with _registered(registry) as (registrar, watched):
        old = registrar.lease
        registry.expire(old)
        await watched.until(lambda w: registrar.registrations == 2 and w.mirror)
        assert registrar.lease not in (0, old)
        _assert_leased(registry)


async def test_a_deleted_key_is_written_again_and_not_doubled() -> None:
    registry = MemoryRegistry()
    async with _registered(registry, "gozero", "user.rpc") as (registrar, watched):
        old = registrar.lease
        await registry.delete(next(iter(watched.mirror)))
        await watched.until(lambda w: registrar.registrations == 2 and w.mirror)
        assert await registry.lease_ttl(old) is None
        assert len(watched.mirror) == 1
        _assert_leased(registry)


async def test_a_key_that_another_process_took_over_is_left_to_it() -> None:
    registry = MemoryRegistry()
    async with _registered(registry, "etcd", "svc") as (_, watched):
        other = await registry.lease_grant(10)
        revision = await registry.put(b"svc/h:1", b"theirs", lease=other)
        await watched.until(lambda w: w.changes[-1].revision >= revision)
    kv = await registry.get(b"svc/h:1")
    assert kv is not None
    assert (kv.value, kv.lease) == (b"theirs", other)


async def test_an_etcd_that_is_away_is_waited_for() -> None:
    registry = MemoryRegistry()
    registry.interrupt("away")
    async with Registrar(registry, "etcd", "svc", "h:1", ttl_s=1) as registrar:
        await _until(lambda: registrar.problem)
        assert not registrar.registered.is_set()
        assert "away" in registrar.problem
        registry.interrupt(None)
        await registrar.registered.wait()
        registry.interrupt("away again")
        await _until(lambda: not registrar.registered.is_set())
        registry.interrupt(None)
        await registrar.registered.wait()
        assert registrar.registrations == 1
        registry.interrupt("away at the end")


@pytest.mark.etcd
async def test_a_wiped_and_a_killed_etcd_get_the_key_back(etcd: EtcdServer) -> None:
    registry = etcd.registry(timeout=1)
    async with watching(registry, b"svc/") as watched, LeasedKey(registry, b"svc/h:1", b"x", ttl_s=2) as leased:
        await watched.until(lambda w: w.mirror)
        await etcd.wipe()
        await watched.until(lambda w: w.epoch == 1 and w.mirror)
        await etcd.crash()
        await leased.registered.wait()
        (kv,) = (await _listed(etcd)).items
        assert kv.lease == leased.lease
    assert (await _listed(etcd)).items == ()
    await registry.close()


@pytest.mark.parametrize(
    ("arguments", "options", "why"),
    [
        (("gozero", "s", "h:1"), {"version": "v1"}, "carries no version"),
        (("nacos", "s", "h:1"), {}, "there are hwholiday, etcd, gozero"),
        (("etcd", "s", "h"), {}, "no port"),
        (("etcd", "s", "h:1"), {"ttl_s": 0}, "at least 1 s"),
    ],
)
async def test_what_cannot_be_registered_is_refused_at_once(arguments: tuple, options: dict, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Registrar(MemoryRegistry(), *arguments, **options)


@asynccontextmanager
async def _registered(
    registry: MemoryRegistry, convention: str = "hwholiday", service: str = "a.b"
) -> AsyncIterator[tuple[Registrar, Watched]]:
    """A registrar that has registered, and a watch on what it wrote."""
    registrar = Registrar(registry, convention, service, "h:1", ttl_s=1)
    async with watching(registry, b"") as watched, registrar:
        await registrar.registered.wait()
        await watched.until(lambda w: w.mirror)
        yield registrar, watched


def _assert_leased(registry: MemoryRegistry) -> None:
    everything: list[KeyValue] = list(registry._data.values())
    assert everything
    assert all(kv.lease for kv in everything)


async def _listed(etcd: EtcdServer):
    registry = etcd.registry()
    try:
        return await registry.list(b"svc/")
    finally:
        await registry.close()


async def _until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)
