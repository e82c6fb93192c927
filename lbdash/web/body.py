"""A limit on request bodies, before Django spools them to disk."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LIMIT = 256 * 1024


def limit_body(app: App, limit: int = LIMIT) -> App:
    """Answers 413 for bodies over `limit` bytes, announced or not."""

    async def limited(scope: Scope, receive: Receive, send: Send) -> None:
        if _announced(scope) > limit:
            await _refuse(send, limit)
        else:
            await _count(app, scope, receive, send, limit)

    return limited


def _announced(scope: Scope) -> int:
    """Content-Length; 0 when absent, malformed ones are the server's business."""
    text = dict(scope.get("headers", ())).get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0


async def _count(app: App, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
    taken, answered = 0, False

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        # To the app an endless body is a client that went away: it stops and answers nothing.
        return {"type": "http.disconnect"} if taken > limit else message

    async def noted(message: Message) -> None:
        nonlocal answered
        answered = True
        await send(message)

    await app(scope, counted, noted)
    if taken > limit and not answered:
        await _refuse(send, limit)


async def _refuse(send: Send, limit: int) -> None:
    hint = f"At most {limit // 1024} KiB."
    body = json.dumps({"error": {"code": "too_large", "message": "The body is too large.", "hint": hint}}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
