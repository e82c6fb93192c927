"""The live lane from outside: what a browser is sent, when, and who may listen."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest

from lbdash.tasks import spawn, stop
from lbdash.web.body import App
from tests.web import world
from tests.web.browser import HOST, Browser
from tests.web.conftest import World

SERVICE = f"/services/{world.SERVICE}"


class Socket:
    """A browser's end of `/ws/live`."""

    def __init__(self, sent: asyncio.Queue[Any], received: asyncio.Queue[Any]) -> None:
        self._sent, self.received = sent, received

    async def next(self) -> Any:
        async with asyncio.timeout(10):
            return await self.received.get()

    async def frame(self) -> Any:
        message = await self.next()
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    def paint(self, frame: Any) -> None:
        self._sent.put_nowait({"type": "websocket.receive", "text": str(frame["n"])})

    async def until(self, table: str, row: str) -> Any:
        """The change of a row of a table, acknowledging all that comes before it."""
        while True:
            frame = await self.frame()
            self.paint(frame)
            change = frame.get("t", {}).get(table, {})
            for part in ("x", "c"):
                if row in change.get(part, {}):
                    return change[part][row]


@asynccontextmanager
async def opened(
    app: App, browser: Browser, path: str, token: str = "", origin: str = f"http://{HOST}"
) -> AsyncIterator[Socket]:
    sent: asyncio.Queue[Any] = asyncio.Queue()
    received: asyncio.Queue[Any] = asyncio.Queue()
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = {"host": HOST, "origin": origin, "cookie": cookies}
    scope = {
        "type": "websocket",
        "path": "/ws/live",
        "query_string": f"path={quote(path, safe='')}&from={token}".encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("192.0.2.7", 50000),
    }
    sent.put_nowait({"type": "websocket.connect"})
    task = spawn(app(scope, sent.get, received.put), "socket")
    try:
        yield Socket(sent, received)
    finally:
        sent.put_nowait({"type": "websocket.disconnect", "code": 1001})
        async with asyncio.timeout(10):
            await task
        await stop(task)


async def first_paint(browser: Browser, path: str) -> str:
    """The token of the page as it was painted."""
    answer = await browser.get(path)
    assert answer.status == 200
    found = re.search(r'data-live="(\d+)"', answer.text)
    assert found is not None
    return found[1]


async def test_a_page_is_sent_only_what_changed_since_its_first_paint(armed: World) -> None:
    browser = await armed.browser("viewer")
    token = await first_paint(browser, SERVICE)
    async with opened(armed.app, browser, SERVICE, token) as socket:
        assert (await socket.next())["type"] == "websocket.accept"
        await world.put(armed.runtime.registry, "app-9", "10.0.0.9:8089", "v2")
        row = await socket.until("backends", "10.0.0.9:8089")
        assert 'data-row="10.0.0.9:8089"' in row


async def test_a_page_whose_paint_is_forgotten_gets_everything(armed: World) -> None:
    browser = await armed.browser("viewer")
    async with opened(armed.app, browser, SERVICE, "123456") as socket:
        await socket.next()
        frame = await socket.frame()
        assert set(frame["t"]["backends"]["x"]) == set(world.BACKENDS)
        assert {"kpis", "tabs", "freshness"} <= set(frame["r"])


async def test_nothing_more_is_sent_until_the_browser_has_painted_then_the_newest(armed: World) -> None:
    browser = await armed.browser("viewer")
    async with opened(armed.app, browser, SERVICE) as slow, opened(armed.app, browser, SERVICE) as quick:
        await slow.next()
        await quick.next()
        first = await slow.frame()
        for number in range(20, 40):
            await world.put(armed.runtime.registry, f"app-{number}", f"10.0.0.{number}:8089", "v1")
            await quick.until("backends", f"10.0.0.{number}:8089")
        assert slow.received.empty()
        slow.paint(first)
        assert len((await slow.frame())["t"]["backends"]["x"]) == 20


async def test_two_viewers_of_a_page_share_its_composition(armed: World) -> None:
    browser = await armed.browser("viewer")
    async with opened(armed.app, browser, "/") as one, opened(armed.app, browser, "/?q=typed") as two:
        await one.next()
        await two.next()
        assert await one.frame() == await two.frame()


async def test_an_operators_page_is_not_a_viewers_page(armed: World) -> None:
    viewer, operator = await armed.browser("viewer"), await armed.browser("operator")
    async with opened(armed.app, viewer, SERVICE) as one, opened(armed.app, operator, SERVICE) as two:
        await one.next()
        await two.next()
        assert "confirm?command=drain" not in json.dumps((await one.frame())["t"])
        assert "confirm?command=drain" in json.dumps((await two.frame())["t"])


@pytest.mark.parametrize("origin", ["http://127.0.0.1:9999", "http://evil.example", "null", ""])
async def test_a_page_of_another_origin_hears_nothing(armed: World, origin: str) -> None:
    browser = await armed.browser("viewer")
    async with opened(armed.app, browser, "/", origin=origin) as socket:
        assert (await socket.next())["type"] == "websocket.accept"
        assert await socket.next() == {"type": "websocket.close", "code": 4401}


async def test_nobody_hears_nothing(armed: World) -> None:
    async with opened(armed.app, Browser(armed.app), "/") as socket:
        await socket.next()
        assert (await socket.next())["code"] == 4401


@pytest.mark.parametrize("path", ["/nowhere", "/login", "//evil", "/api/v1/services", "", "/services/%00"])
async def test_a_path_without_a_live_page_is_refused(armed: World, path: str) -> None:
    browser = await armed.browser("viewer")
    async with opened(armed.app, browser, path) as socket:
        await socket.next()
        assert (await socket.next())["type"] in ("websocket.close", "websocket.send")


async def test_a_service_that_is_not_known_says_so_and_stays_open(armed: World) -> None:
    browser = await armed.browser("viewer")
    async with opened(armed.app, browser, "/services/none") as socket:
        await socket.next()
        assert "no longer known" in (await socket.frame())["r"]["notices"]
