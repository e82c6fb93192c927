"""The ASGI app. It has no module-level `application`: lbdash is one process, and `lbdash serve` is its server."""

from __future__ import annotations

import time
from typing import Any, cast

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

from lbdash.runtime import Runtime
from lbdash.web.body import App, Receive, Scope, Send, limit_body
from lbdash.web.live.socket import LiveConsumer
from lbdash.web.throttle import Throttle


def application(runtime: Runtime) -> App:
    """HTTP by Django, one WebSocket route; both find `runtime` in `scope["state"]`. After `web.conf.setup`."""
    # Django's types know routes of views only; Channels routes to ASGI apps.
    routed = [path("ws/live", cast(Any, LiveConsumer.as_asgi())), re_path("", cast(Any, _no_such_socket))]
    sockets = URLRouter(routed)
    routes = ProtocolTypeRouter({"http": limit_body(cast(App, get_asgi_application())), "websocket": sockets})
    state = {"runtime": runtime, "throttle": Throttle(time.monotonic)}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = state
        await routes(scope, receive, send)

    return app


async def _no_such_socket(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "websocket.close"})
