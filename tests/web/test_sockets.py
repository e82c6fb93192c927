"""Who may open /ws/live."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lbdash.web.models import User
from tests.web.browser import HOST, Browser
from tests.web.conftest import World


async def opened(
    found: World, browser: Browser, origin: str = f"http://{HOST}", path: str = "/ws/live", query: bytes = b"path=/"
) -> bool:
    """Was it let in, and did it get a first frame?"""
    sent: asyncio.Queue[Any] = asyncio.Queue()
    waiting = [{"type": "websocket.connect"}]

    async def receive() -> Any:
        return waiting.pop() if waiting else await asyncio.get_running_loop().create_future()

    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    scope = {
        "type": "websocket",
        "path": path,
        "query_string": query,
        "headers": [(b"host", HOST.encode()), (b"origin", origin.encode()), (b"cookie", cookie.encode())],
        "client": ("192.0.2.7", 50000),
    }
    task = asyncio.create_task(found.app(scope, receive, sent.put))  # noqa: TID251
    messages: list[Any] = []
    while not messages or messages[-1]["type"] == "websocket.accept":
        messages.append(await sent.get())
    task.cancel()
    await asyncio.wait([task])
    return messages[-1]["type"] == "websocket.send"


async def test_a_page_of_ours_with_a_session_gets_frames(armed: World) -> None:
    assert await opened(armed, await armed.browser("viewer"))


@pytest.mark.parametrize("origin", ["http://127.0.0.1:9000", "http://evil.example", "null", ""])
async def test_another_page_does_not_even_with_the_session(armed: World, origin: str) -> None:
    assert not await opened(armed, await armed.browser("admin"), origin)


async def test_nobody_without_a_session(armed: World) -> None:
    assert not await opened(armed, await armed.browser(""))
    viewer = await armed.browser("viewer")
    await User.objects.aupdate(is_active=False)
    assert not await opened(armed, viewer)


@pytest.mark.parametrize("query", [b"", b"path=/nowhere", b"path=//[", b"path=/&from=x", b"path=/" + b"&a=1" * 2000])
async def test_a_socket_of_no_page_is_closed_with_a_code(armed: World, query: bytes) -> None:
    assert await opened(armed, await armed.browser("viewer"), query=query) is (query == b"path=/&from=x")


async def test_there_is_no_other_socket(armed: World) -> None:
    assert not await opened(armed, await armed.browser("admin"), path="/ws/other")
