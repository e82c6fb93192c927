"""The demo from end to end: one process a user starts, and what it leaves behind."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from lbdash.demo.stats import read
from tests.demo.running import Demo, all_gone, running_demo

pytestmark = pytest.mark.etcd
SERVICES = {"hwholiday.srv.app": "hwholiday.srv.app", "user.rpc": "user.rpc", "services/search": "services~search"}


async def picks_of(demo: Demo, service: str, token: str) -> dict[str, int]:
    found = await demo.get(f"/api/v1/services/{SERVICES[service]}", token)
    return {row["address"]: row["picks_total"] for row in found["backends"]}


async def test_in_a_quiet_fleet_all_sums_are_equal_and_ctrl_c_ends_everything(tmp_path: Path) -> None:
    async with running_demo(tmp_path / "data") as demo, asyncio.timeout(60):
        token = await demo.token("viewer")
        while any(stats["calls"] < 10 for stats in (await demo.counters("user.rpc")).values()):
            await asyncio.sleep(0.1)
        await demo.quiet()
        for service in SERVICES:
            counted = {address: stats["calls"] for address, stats in (await demo.counters(service)).items()}
            assert sum(counted.values()) > 0
            while await picks_of(demo, service, token) != counted:
                await asyncio.sleep(0.2)
        demo.signal(signal.SIGINT)
        await demo.process.wait()
        assert demo.process.returncode == 0
        await all_gone(demo.pids)


async def test_a_killed_backend_comes_back_at_its_address(tmp_path: Path) -> None:
    async with running_demo(tmp_path / "data", "--rps", "20") as demo, asyncio.timeout(60):
        victim = next(row for row in demo.fleet["backends"] if row["alone"])
        os.kill(victim["pid"], signal.SIGKILL)
        back = await read(victim["address"], timeout=30)
        assert back["pid"] != victim["pid"]
        assert back["service"] == victim["service"]


async def test_kill_9_of_the_demo_leaves_no_orphan(tmp_path: Path) -> None:
    async with running_demo(tmp_path / "data", "--story") as demo, asyncio.timeout(60):
        demo.process.kill()
        await demo.process.wait()
        await all_gone(demo.pids)


async def test_a_taken_port_is_an_error_that_names_it(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lbdash", "demo", "--http", f"127.0.0.1:{port}", "--data", str(tmp_path / "data")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, error = await process.communicate()
    assert process.returncode == 2
    assert f"port {port}" in error.decode()
    assert b"Traceback" not in error
    assert out == b""
