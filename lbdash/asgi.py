"""The ASGI app. It has no module-level `application`: lbdash is one process, and `lbdash serve` is its server."""

from __future__ import annotations

import time
from typing import cast

from django.core.asgi import get_asgi_application

from lbdash.runtime import Runtime
from lbdash.web.body import App, Receive, Scope, Send, limit_body
from lbdash.web.live.socket import live
from lbdash.web.throttle import Throttle

LIVE = "/ws/live"


def application(runtime: Runtime) -> App:
    """HTTP by Django, one WebSocket route; both find `runtime` in `scope["state"]`. After `web.conf.setup`."""
    http = limit_body(cast(App, get_asgi_application()))
    state = {"runtime": runtime, "throttle": Throttle(time.monotonic)}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = state
        if scope["type"] == "http":
            await http(scope, receive, send)
        elif scope["path"] == LIVE:
            await live(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    return app
