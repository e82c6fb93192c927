import asyncio
import sys
from pathlib import Path

import pytest

from lbdash.registry.conventions import parse
from tests.etcd import EtcdServer

pytestmark = pytest.mark.etcd


async def register(*words: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lbdash", "register", *words, stdout=pipe, stderr=pipe
    )


async def test_the_key_is_there_while_it_runs_and_gone_after_ctrl_c(tmp_path: Path) -> None:
    async with EtcdServer(tmp_path) as etcd:
        registry = etcd.registry()
        words = ("hwholiday.srv.app", "10.0.0.7:80", "--version", "v1", "--etcd", etcd.endpoint)
        process = await register(*words)
        assert process.stdout is not None
        line = await process.stdout.readline()
        kv = (await registry.list(b"/hwholiday/")).items[0]
        assert line.decode().split() == ["registered", kv.key.decode()]
        found = parse(kv)
        assert (found.address, found.version, found.service) == ("10.0.0.7:80", "v1", "hwholiday.srv.app")
        assert kv.lease
        process.terminate()
        await process.communicate()
        assert process.returncode == 0
        assert (await registry.list(b"/hwholiday/")).items == ()
        await registry.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("app", "nowhere"), "port"),
        (("app", "a:1", "--convention", "nacos"), "nacos"),
        (("user.rpc", "a:1", "--convention", "gozero", "--version", "v1"), "version"),
        (("app", "a:1", "--metadata", "x"), "KEY=VALUE"),
    ],
)
async def test_what_cannot_be_registered_is_told(words: tuple[str, ...], said: str) -> None:
    process = await register(*words)
    _, error = await process.communicate()
    assert process.returncode == 2
    assert said in error.decode()
    assert "Traceback" not in error.decode()
