import asyncio
from pathlib import Path

import pytest

from lbdash.cli import main
from tests.etcd import EtcdServer

pytestmark = pytest.mark.etcd
APP = b'{"node":{"name":"app","path":"/hwholiday/srv/app","id":"app-1","version":"v1","address":"10.0.0.7:80"}}'
KEYS = {
    b"/hwholiday/srv/app/app-1": APP,
    b"user.rpc/7587870434391063562": b"10.2.3.4:8080",
    b"config/feature": b"on",
    b"/lbdash/v1/freeze": b"{}",
}


async def filled(directory: Path) -> EtcdServer:
    etcd = EtcdServer(directory)
    await etcd.start()
    registry = etcd.registry()
    for key, value in KEYS.items():
        await registry.put(key, value)
    await registry.close()
    return etcd


async def test_it_prints_the_line_to_copy_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    etcd = await filled(tmp_path)
    registry = etcd.registry()
    try:
        before = (await registry.list(b"")).revision
        assert await asyncio.to_thread(main, ["discover", "--etcd", etcd.endpoint]) == 0
        assert (await registry.list(b"")).revision == before
    finally:
        await registry.close()
        await etcd.stop()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("lbdash serve --watch ")
    assert "--watch /hwholiday/srv/=hwholiday" in last
    assert "--watch user.rpc/=gozero" in last
    assert "config" not in last


async def test_a_sample_says_that_it_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    etcd = await filled(tmp_path)
    try:
        assert await asyncio.to_thread(main, ["discover", "--etcd", etcd.endpoint, "--limit", "1"]) == 0
    finally:
        await etcd.stop()
    assert "first 1 keys" in capsys.readouterr().err


def test_an_etcd_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", "--etcd", "127.0.0.1:1"]) == 1
    error = capsys.readouterr().err
    assert "127.0.0.1:1" in error
    assert "--etcd" in error
