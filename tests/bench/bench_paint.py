"""Registry put -> painted in a browser: 1,000 backends on the screen, 50 viewers, 20,000 telemetry events a second.

The latency is taken from before the put to the task behind the frame that shows the new row, on one machine's clock.
The fan-out is the dashboard's CPU with the viewers less its CPU under the same telemetry without them.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
from playwright.sync_api import Page, sync_playwright
from websockets.asyncio.client import connect

from lbdash.registry.etcd import EtcdRegistry, parse_endpoints
from tests.bench.bench_rest import cpu_s
from tests.bench.lines import report
from tests.bench.telemetry_load import Client, begin
from tests.chromium import launch
from tests.e2e.demo import Dashboard
from tests.e2e.etcd import Etcd

BACKENDS, VIEWERS, CLIENTS, PUTS = 1000, 50, 20, 150
PATH = "/services/bench"
_WATCH = """() => {
    window.painted = {};
    const channel = new MessageChannel();
    let fresh = [];
    channel.port1.onmessage = () => {
        for (const key of fresh.splice(0)) window.painted[key] ??= performance.timeOrigin + performance.now();
    };
    new MutationObserver((records) => {
        for (const record of records) for (const row of record.addedNodes) fresh.push(row.dataset.row);
        requestAnimationFrame(() => channel.port2.postMessage(null));
    }).observe(document.querySelector("[data-table=backends] .rows"), { childList: true });
}"""


async def speak(port: int) -> None:
    """The other process: each client reports all its SubConns once a second, until its input ends."""
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        clients = [Client(number, BACKENDS) for number in range(CLIENTS)]
        calls = [await begin(channel, client) for client in clients]
        print("open", flush=True)
        while not ended.done():
            for call, client in zip(calls, clients, strict=True):
                await call.write(client.next())
                await call.read()
                await asyncio.sleep(1 / CLIENTS)


class Beside:
    """A loop in a thread of its own, beside Playwright's: the viewers' sockets and the client that puts."""

    def __init__(self, etcd: str) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._registry = self._run(self._connect(etcd))

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _connect(self, etcd: str) -> EtcdRegistry:
        return EtcdRegistry(parse_endpoints(etcd))

    def put(self, key: str, value: str) -> None:
        self._run(self._registry.put(key.encode(), value.encode()))

    def view(self, url: str, cookie: str, count: int) -> None:
        """`count` sockets that acknowledge at once."""
        for _ in range(count):
            asyncio.run_coroutine_threadsafe(_view(url, cookie), self._loop)


async def _view(url: str, cookie: str) -> None:
    address = f"{url.replace('http', 'ws', 1)}/ws/live?path={quote(PATH, safe='')}"
    options: dict[str, Any] = {"origin": url, "additional_headers": {"Cookie": cookie}}
    async with connect(address, max_size=None, compression=None, **options) as socket:
        async for message in socket:
            found = re.match(r'{"n":(\d+)', str(message))
            assert found is not None
            await socket.send(found[1])


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        etcd = Etcd(Path(directory) / "etcd")
        etcd.start()
        beside = Beside(etcd.address)
        for number in range(BACKENDS):
            beside.put(f"bench/{number}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}:80")
        with Dashboard(Path(directory) / "data", "--etcd", etcd.address, "--watch", "bench/") as dashboard:
            command = [sys.executable, "-m", "tests.bench.bench_paint", dashboard.telemetry.rpartition(":")[2]]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
                assert load.stdout is not None
                assert load.stdin is not None
                load.stdout.readline()
                measure(dashboard, beside)
                load.stdin.close()
        etcd.kill()


def measure(dashboard: Dashboard, beside: Beside) -> None:
    with sync_playwright() as playwright:
        page = launch(playwright).new_page()
        page.goto(dashboard.login)
        page.wait_for_url(dashboard.http + "/")
        page.goto("about:blank")
        alone = core(dashboard, 8)
        cookie = "; ".join(f"{c.get('name')}={c.get('value')}" for c in page.context.cookies(dashboard.http))
        beside.view(dashboard.http, cookie, VIEWERS - 1)
        page.goto(dashboard.http + PATH)
        page.wait_for_selector("body[data-serial]", timeout=60_000)
        watched = core(dashboard, 10)
        latencies = puts(page, beside)
        page.context.browser.close()  # type: ignore[union-attr]
    report("put_painted_p50", statistics.median(latencies), "ms", None, "-")
    report("put_painted_p99", statistics.quantiles(latencies, n=100)[98], "ms", None, "<=50")
    report("fanout", watched - alone, "core", None, "<=0.2")


def core(dashboard: Dashboard, seconds: float) -> float:
    busy, began = cpu_s(dashboard.process.pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_s(dashboard.process.pid) - busy) / (time.monotonic() - began)


def puts(page: Page, beside: Beside) -> list[float]:
    page.evaluate(_WATCH)
    began: dict[str, float] = {}
    for number in range(PUTS):
        address = f"10.9.{number >> 8}.{number & 255}:80"
        began[address] = time.time() * 1000
        beside.put(f"bench/{BACKENDS + number}", address)
        time.sleep(0.1 + number % 7 / 50)
    page.wait_for_function("(count) => Object.keys(window.painted).length >= count", arg=PUTS)
    painted: dict[str, Any] = page.evaluate("window.painted")
    return [painted[address] - at for address, at in began.items()]


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(speak(int(sys.argv[1])))
    else:
        main()
