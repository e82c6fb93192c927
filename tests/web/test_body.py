import json
from typing import Any

from lbdash.web.body import limit_body


async def run(chunks: list[bytes], length: int | None = None) -> tuple[int | None, list[dict[str, Any]]]:
    """What the app took in, and what was sent."""
    taken: list[int] = []
    sent: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": chunk, "more_body": number + 1 < len(chunks)}
        for number, chunk in enumerate(chunks)
    ]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        total, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            total, more = total + len(message["body"]), message["more_body"]
        taken.append(total)
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    await limit_body(app, limit=10)({"type": "http", "headers": headers}, receive, send)
    return (taken[0] if taken else None), sent


async def test_a_body_within_the_limit_passes() -> None:
    taken, sent = await run([b"12345", b"67890"])
    assert taken == 10
    assert sent[0]["status"] == 200


async def test_an_announced_body_over_the_limit_is_refused_unread() -> None:
    taken, sent = await run([b""], length=11)
    assert taken is None
    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["error"]["code"] == "too_large"


async def test_an_endless_body_is_refused_when_it_passes_the_limit() -> None:
    taken, sent = await run([b"12345"] * 3)
    assert taken is None
    assert sent[0]["status"] == 413
