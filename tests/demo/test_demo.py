"""The demo from end to end: one process a user starts, and what it leaves behind."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lbdash.demo import stats
from tests.e2e.demo import Demo, wait_for

pytestmark = pytest.mark.etcd
SERVICES = ("hwholiday.srv.app", "user.rpc", "services/search")


def pids(demo: Demo) -> set[int]:
    return {row["pid"] for row in (*demo.fleet["backends"], *demo.fleet["clients"], demo.fleet["etcd"])}


def is_running(pid: int) -> bool:
    """A zombie that nobody has fetched yet does not run."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def all_gone(demo: Demo) -> bool:
    return not any(map(is_running, pids(demo)))


def counters(demo: Demo, service: str) -> dict[str, dict[str, Any]]:
    return demo.counters(demo.backends(service))


def picks(demo: Demo, service: str) -> dict[str, int]:
    return {row["address"]: row["picks_total"] for row in demo.service(service)["backends"]}


def quiet(demo: Demo) -> bool:
    return not any(row["inflight"] for service in SERVICES for row in counters(demo, service).values())


def test_in_a_quiet_fleet_all_sums_are_equal_and_ctrl_c_ends_everything(tmp_path: Path) -> None:
    with Demo(tmp_path / "data") as demo:
        wait_for(lambda: all(row["calls"] > 20 for row in counters(demo, "user.rpc").values()), "some calls")
        demo.pause()
        wait_for(lambda: quiet(demo), "the last call to end")
        for service in SERVICES:
            calls = {address: row["calls"] for address, row in counters(demo, service).items()}
            wait_for(lambda service=service, calls=calls: picks(demo, service) == calls, f"equal sums of {service}")
        demo.process.send_signal(signal.SIGINT)
        assert demo.process.wait(20) == 0
        assert all_gone(demo)


def test_a_killed_backend_comes_back_at_its_address(tmp_path: Path) -> None:
    with Demo(tmp_path / "data", "--rps", "20") as demo:
        victim = next(row for row in demo.fleet["backends"] if row["alone"])
        os.kill(victim["pid"], signal.SIGKILL)
        wait_for(lambda: not is_running(victim["pid"]), "its end")
        back = asyncio.run(stats.read(victim["address"], timeout=60))
        assert back["pid"] != victim["pid"]
        assert back["service"] == victim["service"]


def problems(demo: Demo) -> set[str]:
    return {problem["code"] for service in SERVICES for problem in demo.service(service)["problems"]}


def test_the_story_shows_its_faults_and_kill_9_leaves_no_orphan(tmp_path: Path) -> None:
    with Demo(tmp_path / "data", "--story") as demo:
        wait_for(lambda: problems(demo) >= {"bad_json", "no_lease"}, "the broken value and the ghost")
        wait_for(lambda: demo.service(SERVICES[0])["unplaced"], "the client that asks for v9")
        demo.process.kill()
        demo.process.wait()
        wait_for(lambda: all_gone(demo), "the children")


def test_a_taken_port_is_an_error_that_names_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "lbdash", "demo", "--http", f"127.0.0.1:{port}", "--data", str(tmp_path / "d")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
