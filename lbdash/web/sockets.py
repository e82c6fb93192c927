"""Who may open a WebSocket. Browsers attach cookies to any page's socket, so the Origin decides first."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import aget_user
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host

from lbdash.web.access import identity_of
from lbdash.web.origin import same_origin
from lbdash.web.roles import Identity


async def socket_identity(scope: Mapping[str, Any]) -> Identity | None:
    """The identity behind a WebSocket's session; None = close it. Ask again now and then: sessions end."""
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    host = headers.get(b"host", "")
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return None
    if not same_origin(headers.get(b"origin", ""), host):
        return None
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(_session_key(headers.get(b"cookie", "")))
    client = scope.get("client") or ("?",)
    return identity_of(await aget_user(request), str(client[0]))


def _session_key(cookies: str) -> str | None:
    try:
        morsel = SimpleCookie(cookies).get(settings.SESSION_COOKIE_NAME)
    except CookieError:
        return None
    return morsel.value if morsel else None
