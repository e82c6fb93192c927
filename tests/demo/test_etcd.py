from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from lbdash.demo.etcd import EmbeddedEtcd, EtcdFailed, find_etcd
from lbdash.registry.etcd import EtcdRegistry

pytestmark = pytest.mark.etcd


async def test_it_serves_when_started_and_keeps_data_and_port_across_a_restart(tmp_path: Path) -> None:
    etcd = EmbeddedEtcd(tmp_path)
    await etcd.start()
    registry = EtcdRegistry([etcd.endpoint])
    await registry.put(b"/a", b"1")
    await etcd.stop()
    assert etcd.pid == 0
    async with etcd:
        kv = await EtcdRegistry([etcd.endpoint]).get(b"/a")
        assert kv is not None
        assert kv.value == b"1"
    await registry.close()


async def test_a_taken_port_is_named(tmp_path: Path) -> None:
    async with EmbeddedEtcd(tmp_path / "one") as first:
        with pytest.raises(EtcdFailed, match=f"port {first.port} is taken"):
            await EmbeddedEtcd(tmp_path / "two", port=first.port).start()


async def test_an_etcd_that_cannot_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(EtcdFailed, match=r"did not start: .*no-such-flag"):
        await EmbeddedEtcd(tmp_path, extra=["--no-such-flag"]).start()
    with pytest.raises(EtcdFailed, match="not an etcd that can be run"):
        find_etcd("/no/such/etcd")


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux'")
async def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _PARENT, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    gone = os.pidfd_open(child)
    os.kill(child, 0)
    parent.send_signal(signal.SIGKILL)
    await parent.communicate()
    async with asyncio.timeout(10):
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(gone, ended.set)
        await ended.wait()
    asyncio.get_running_loop().remove_reader(gone)
    os.close(gone)


_PARENT = """
import asyncio, sys
from pathlib import Path
from lbdash.demo.etcd import EmbeddedEtcd

async def main():
    etcd = EmbeddedEtcd(Path(sys.argv[1]))
    await etcd.start()
    print(etcd.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
