"""A stock client beside our own: one drain, obeyed by all, until the backend is safe to stop."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lbdash.demo.wire import CALL
from tests.e2e.demo import Demo, wait_for

pytestmark = pytest.mark.etcd
SERVICE = "hwholiday.srv.app"
SCRIPT = Path(__file__).parents[1] / "xds" / "stock.py"
Json = dict[str, Any]


@contextlib.contextmanager
def stock_client(xds: str) -> Iterator[Callable[..., Json]]:
    """Yields what tells it what to do, and returns its answer."""
    command = [sys.executable, "-m", "lbdash", "bootstrap", "--xds", xds, "--node", "stock-1"]
    document = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    environment = {**os.environ, "GRPC_XDS_BOOTSTRAP_CONFIG": document}
    pipes: Json = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, str(SCRIPT), f"xds:///{SERVICE}", CALL]
    with subprocess.Popen(command, env=environment, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def do(what: str, **arguments: Any) -> Json:
            print(json.dumps({"do": what, **arguments}), file=process.stdin, flush=True)
            answer: Json = json.loads(process.stdout.readline())  # type: ignore[union-attr]
            return answer

        try:
            yield do
        finally:
            process.kill()


def test_one_drain_is_followed_by_stock_clients_and_ours_until_it_is_safe_to_stop(tmp_path: Path) -> None:
    with Demo(tmp_path, "--xds", "127.0.0.1:0") as demo, stock_client(demo.xds) as stock:
        target = demo.backends(SERVICE)[0]
        stock("load")

        def follower() -> Json | None:
            found = [client for client in demo.service(SERVICE)["clients"] if client["source"] == "xds"]
            return found[0] if found else None

        assert wait_for(follower, "the stock client")["name"] == "stock-1"
        written = demo.command(SERVICE, command="drain", backends=[target])
        assert written["outcome"] == "applied", written
        command = wait_for(
            lambda: (c := demo.get(f"/api/v1/commands/{written['id']}"))["drained"] and c, "safe to stop"
        )
        assert command["clients"]["seen"] == command["clients"]["total"]
        assert command["clients"]["cannot_obey"] == []
        assert follower()["applied_revision"] >= written["revision"]  # type: ignore[index]

        stopped = demo.counters([target])[target]
        assert stopped["inflight"] == 0
        before = sum(row["calls"] for row in demo.counters(demo.backends(SERVICE)[1:]).values())
        wait_for(
            lambda: sum(row["calls"] for row in demo.counters(demo.backends(SERVICE)[1:]).values()) > before + 100,
            "calls elsewhere",
        )
        assert demo.counters([target])[target]["calls"] == stopped["calls"]
        assert all("on purpose" in error for error in stock("unload")["errors"])
