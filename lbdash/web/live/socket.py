"""`/ws/live?path=…&from=TOKEN`: sends what a browser does not have yet, when it has painted what it was sent.

The only thing a browser says is the serial of the message it painted. One message is under way at a time: a slow or
hidden browser gets the newest state later and never a backlog.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.contrib.auth import aget_user
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import TooManyFieldsSent
from django.http import Http404, HttpRequest, QueryDict, parse_cookie
from django.http.request import split_domain_port, validate_host

from lbdash.tasks import spawn, stop
from lbdash.web.access import identity_of
from lbdash.web.body import Receive, Scope, Send
from lbdash.web.live.feed import Feed, Shown
from lbdash.web.live.page import feed_of, hub_of
from lbdash.web.origin import same_origin
from lbdash.web.roles import Identity

RECHECK_S = 60.0  # a session that ended closes its sockets
BEAT_S = 5.0  # with nothing to tell for so long, say that much
BEAT = '{"n":0}'
BAD_REQUEST, UNAUTHENTICATED, TOO_MANY = 4400, 4401, 4429

Identify = Callable[[Scope], Awaitable[Identity | None]]


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels is untyped
    """One browser's socket. There is no channel layer: the hub wakes each writer, and nothing is queued."""

    _viewer: Viewer | None = None
    _writer: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:  # also when the server cancels us and no disconnect comes
            await self._leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Without Channels' visit to a thread that closes old database connections: an acknowledgement uses none."""
        if message["type"] == "websocket.receive":
            await self.websocket_receive(message)
        else:
            await super().dispatch(message)

    async def connect(self) -> None:
        who = await identify(self.scope)
        feed = _feed(self.scope, who) if who else None
        if feed is None:
            await self._refuse(UNAUTHENTICATED if who is None else BAD_REQUEST)
        elif not hub_of(self.scope).join(feed):
            await self._refuse(TOO_MANY)
        else:
            self._viewer = Viewer(feed, self.base_send, feed.handed(_token(self.scope)))
            await self.accept()
            self._writer = spawn(_write(self._viewer, self.scope), "live writer")

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._viewer is not None:
            self._viewer.acknowledge(text_data or "")

    async def _refuse(self, code: int) -> None:
        # Accepted first, so that the page learns the code: a refused handshake tells a browser nothing.
        await self.accept()
        await self.close(code)

    async def _leave(self) -> None:
        await stop(self._writer)
        if self._viewer is not None:
            hub_of(self.scope).leave(self._viewer.feed)
            self._viewer = None


def _headers(scope: Scope) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


async def identify(scope: Scope) -> Identity | None:
    """By session cookie, for our own pages only: the Origin's host and port must be the ones that were asked."""
    headers = _headers(scope)
    host = headers.get("host", "")
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return None
    if not same_origin(headers.get("origin", ""), host):
        return None
    request = HttpRequest()
    key = parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    request.session = SessionStore(key)
    client = scope.get("client") or ("?", 0)
    return identity_of(await aget_user(request), client[0])


def _query(scope: Scope) -> QueryDict:
    return QueryDict(scope.get("query_string", b""))


def _token(scope: Scope) -> int:
    text = _query(scope).get("from", "")
    return int(text) if text.isdigit() and text.isascii() and len(text) < 16 else 0


def _feed(scope: Scope, who: Identity) -> Feed | None:
    try:
        page = urlsplit(_query(scope).get("path", ""))
        return feed_of(scope, page.path, page.query, who)
    except (Http404, ValueError, TooManyFieldsSent):
        return None


async def _write(viewer: Viewer, scope: Scope) -> None:
    with contextlib.suppress(OSError):  # the browser left in the middle of a message
        await viewer.write(scope)


@dataclass(slots=True)
class Viewer:
    """One socket: what it has, and whether it may be sent something."""

    feed: Feed
    send: Send
    has: Shown | None
    has_blob: int = 0
    _painted: asyncio.Event = field(default_factory=asyncio.Event)
    _awaited: str = ""
    _said_at: float = 0.0

    def acknowledge(self, text: str) -> None:
        if text == self._awaited:
            self._painted.set()

    async def write(self, scope: Scope) -> None:
        """Until the session ends; whoever calls ends it when the browser goes."""
        now = asyncio.get_running_loop().time
        check_at = now() + RECHECK_S
        while True:
            if await self._ready() and (message := self._message(now())) is not None:
                self._said_at = now()
                await self.send({"type": "websocket.send", **message})
            if now() >= check_at:
                if await identify(scope) is None:
                    await self.send({"type": "websocket.close", "code": UNAUTHENTICATED})
                    return
                check_at = now() + RECHECK_S

    async def _ready(self) -> bool:
        """True when the last message was painted, and there is a newer one or nothing was said for `BEAT_S`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BEAT_S):
                if self._awaited:
                    await self._painted.wait()
                    self._awaited = ""
                await self.feed.newer(self.has.serial if self.has else 0, self.has_blob)
        return not self._awaited

    def _message(self, now: float) -> dict[str, Any] | None:
        """The newest screen's difference, else the newest blob, else now and then a sign of life."""
        self._painted.clear()
        new = self.feed.latest
        if new is not None and (self.has is None or new.serial > self.has.serial):
            text = self.feed.frame_from(self.has, new)
            self.has = new
            if text is not None:
                self._awaited = str(new.serial)
                return {"text": text}
        if self.feed.bytes_ is not None and self.feed.blob_serial > self.has_blob:
            self.has_blob = self.feed.blob_serial
            self._awaited = "b"
            return {"bytes": self.feed.bytes_}
        if now - self._said_at >= BEAT_S:
            self._awaited = "0"
            return {"text": BEAT}
        return None
