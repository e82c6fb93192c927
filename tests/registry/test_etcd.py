from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lbdash.demo.etcd import free_port
from lbdash.registry import etcd_access, etcd_source
from lbdash.registry.etcd import EtcdRegistry
from lbdash.registry.kv import PermissionDenied, Put, RegistryUnavailable, Stale
from lbdash.tasks import spawn, stop
from tests.etcd import QUICK, EtcdServer
from tests.registry.watching import watching

pytestmark = pytest.mark.etcd
SECRET = "hunter2-is-secret"


# ---- lists


async def test_pages_of_a_list_are_of_one_revision(
    shared_etcd: EtcdServer, prefix: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every transaction gives all keys one value, so two values in a list are two revisions."""
    monkeypatch.setattr(etcd_source, "PAGE", 7)
    registry = shared_etcd.registry()

    async def rewrite() -> None:
        for n in range(10_000):
            await registry.txn([], [Put(prefix + b"%d" % k, b"%d" % n) for k in range(50)])

    writer = spawn(rewrite(), "rewrite")
    seen = set()
    while len(seen) < 10:
        listing = await registry.list(prefix)
        assert len({(kv.value, kv.mod_revision) for kv in listing.items}) <= 1
        assert len(listing.items) in (0, 50)
        seen |= {kv.value for kv in listing.items}
    await stop(writer)
    await registry.close()


async def test_values_too_large_for_one_answer_are_listed_in_smaller_pages(
    shared_etcd: EtcdServer, prefix: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = [(name, 200_000 if name == "grpc.max_receive_message_length" else n) for name, n in etcd_access.OPTIONS]
    monkeypatch.setattr(etcd_access, "OPTIONS", tuple(small))
    registry = shared_etcd.registry()
    for n in range(60):
        await registry.put(prefix + b"%02d" % n, b"x" * 20_000)
    assert len((await registry.list(prefix)).items) == 60
    await registry.close()


# ---- endpoints


async def test_the_next_endpoint_takes_over(tmp_path: Path) -> None:
    first, second = EtcdServer(tmp_path), EtcdServer(tmp_path, port=free_port())
    await first.start()
    registry = EtcdRegistry([first.endpoint, second.endpoint], tuning=QUICK)
    async with watching(registry, b"/a/") as watched:
        await first.kill()
        await second.start()
        revision = await _put_at_last(registry, b"/a/1")
        await watched.until(lambda w: w.changes[-1].revision >= revision)
        assert watched.epoch == 0
    await registry.close()
    await second.stop()


async def _put_at_last(registry: EtcdRegistry, key: bytes) -> int:
    async with asyncio.timeout(20):
        while True:
            try:
                return await registry.put(key, b"x")
            except RegistryUnavailable:
                await asyncio.sleep(0.05)


async def test_an_etcd_that_is_not_there_is_named() -> None:
    registry = EtcdRegistry(["127.0.0.1:1"])
    told = r"get /a: no etcd endpoint answers \(127\.0\.0\.1:1\); tried without TLS"
    with pytest.raises(RegistryUnavailable, match=told):
        await registry.get(b"/a")
    await registry.close()


async def test_a_frozen_etcd_fails_a_call_in_time(etcd: EtcdServer) -> None:
    registry = etcd.registry(timeout=0.3)
    await registry.put(b"/a", b"1")
    etcd.freeze()
    with pytest.raises(RegistryUnavailable):
        await registry.put(b"/a", b"2")
    etcd.thaw()
    assert await _put_at_last(registry, b"/a")
    await registry.close()


# ---- users


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[EtcdServer]:
    """An etcd with passwords: `reader` may read and write under /svc/app/ alone."""
    async with EtcdServer(tmp_path, extra=["--bcrypt-cost", "4"]) as etcd:
        await _set_up_users(etcd)
        yield etcd


async def _set_up_users(etcd: EtcdServer) -> None:
    for command in (
        f"user add root:{SECRET}",
        "user grant-role root root",
        "role add reader",
        "role grant-permission --prefix=true reader readwrite /svc/app/",
        f"user add reader:{SECRET}",
        "user grant-role reader reader",
        "auth enable",
    ):
        await etcd.ctl(*command.split())


async def test_a_password_opens_what_the_user_may_see_and_nothing_else(guarded: EtcdServer) -> None:
    registry = guarded.registry(user="reader", password=SECRET)
    await registry.put(b"/svc/app/1", b"x")
    assert len((await registry.list(b"/svc/app/")).items) == 1
    with pytest.raises(PermissionDenied, match="list /other/: permission denied"):
        await registry.list(b"/other/")
    with pytest.raises(PermissionDenied, match="put /other/1"):
        await registry.put(b"/other/1", b"x")
    await registry.close()


@pytest.mark.parametrize("who", [{"user": "reader", "password": SECRET + "not"}, {}])
async def test_who_has_no_right_password_is_told_so(guarded: EtcdServer, who: dict[str, str]) -> None:
    registry = guarded.registry(**who)
    with pytest.raises(PermissionDenied, match="password") as refusal:
        await registry.get(b"/svc/app/1")
    assert SECRET not in str(refusal.value)
    await registry.close()


async def test_a_void_token_is_replaced_in_a_watch(guarded: EtcdServer) -> None:
    """It is told "permission denied", as one who may not."""
    registry = guarded.registry(user="reader", password=SECRET)
    async with watching(registry, b"/svc/app/") as watched:
        await guarded.forget_tokens()
        await watched.until(lambda w: w.stale)
        await watched.until(lambda w: not w.stale)
        assert not any(message.denied for message in watched.messages if isinstance(message, Stale))
    await registry.close()


async def test_a_void_token_is_replaced_in_a_call(guarded: EtcdServer) -> None:
    registry = guarded.registry(user="reader", password=SECRET)
    lease = await registry.lease_grant(5)
    for call in (lambda: registry.put(b"/svc/app/2", b"x", lease=lease), lambda: registry.list(b"/svc/app/")):
        await guarded.forget_tokens()
        await _connected(registry)
        assert await call()
    await registry.close()


async def _connected(registry: EtcdRegistry) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await registry.cluster_id()
            except RegistryUnavailable:
                await asyncio.sleep(0.05)
            else:
                return


async def test_a_watch_begins_once_its_permission_is_granted(guarded: EtcdServer) -> None:
    registry = guarded.registry(user="reader", password=SECRET)
    async with watching(registry, b"/other/") as watched:
        assert watched.messages[0].denied
        root = ("--user", f"root:{SECRET}")
        await guarded.ctl(*root, *["role", "grant-permission", "--prefix=true", "reader", "read", "/other/"])
        await watched.until(lambda w: w.changes and w.changes[-1].synced)
    await registry.close()


async def test_credentials_do_no_harm_where_none_are_asked(shared_etcd: EtcdServer, prefix: bytes) -> None:
    registry = shared_etcd.registry(user="reader", password=SECRET)
    assert await registry.put(prefix, b"x")
    await registry.close()


async def test_secrets_appear_nowhere(guarded: EtcdServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    registry = guarded.registry(user="reader", password=SECRET)
    async with watching(registry, b"/other/") as watched:
        said = repr((registry, registry._wire._access, watched.messages))
    await registry.close()
    assert SECRET not in said + caplog.text


# ---- TLS


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`ca`, `server` and `client`, as `<name>.pem` and `<name>.key`."""
    folder = tmp_path_factory.mktemp("tls")
    new = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    _run(folder, *new, "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem")
    for name in ("server", "client"):
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-addext", "subjectAltName=IP:127.0.0.1")
        _run(folder, *new, *signed, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    return folder


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


async def test_etcd_is_reached_over_tls_and_mutual_tls(tmp_path: Path, certificates: Path) -> None:
    def pem(name: str) -> str:
        return str(certificates / name)

    flags = ["--cert-file", pem("server.pem"), "--key-file", pem("server.key")]
    mutual = ["--client-cert-auth", "--trusted-ca-file", pem("ca.pem")]
    async with EtcdServer(tmp_path, scheme="https", extra=[*flags, *mutual]) as etcd:
        client = {"ca": pem("ca.pem"), "cert": pem("client.pem"), "key": pem("client.key")}
        for options, welcome in ((client, True), ({"ca": pem("ca.pem")}, False), ({}, False)):
            registry = etcd.registry(timeout=2, **options)
            if welcome:
                assert await registry.put(b"/a", b"x")
            else:
                with pytest.raises(RegistryUnavailable):
                    await registry.put(b"/a", b"x")
            await registry.close()


def test_credentials_that_cannot_be_are_refused_at_once(tmp_path: Path) -> None:
    for options, why in (
        ({"cert": __file__}, "needs its key"),
        ({"ca": str(tmp_path / "none.pem")}, "cannot read .*none.pem"),
        ({"user": "reader"}, "needs a password"),
    ):
        with pytest.raises(ValueError, match=why):
            EtcdRegistry(["127.0.0.1:1"], **options)  # type: ignore[arg-type]
