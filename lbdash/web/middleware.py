"""Headers, static files and CSRF: Django's and WhiteNoise's own, bent to one loop and two kinds of callers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

from lbdash.web.access import bearer
from lbdash.web.origin import same_origin

Handler = Callable[[HttpRequest], Awaitable[HttpResponseBase]]
View = Callable[..., HttpResponseBase]

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Headers:
    """On every answer. Cookies become secure when a proxy says TLS: anyone may say so, it only tightens."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = await self._get_response(request)
        for name, value in _HEADERS.items():
            response.headers[name] = value
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        if request.headers.get("X-Forwarded-Proto") == "https":
            for cookie in response.cookies.values():
                cookie["secure"] = True
        return response


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise without its trip through a thread: only a file's bytes are read in one."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: Handler) -> None:
        super().__init__(get_response)
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        file = self.files.get(request.path_info)
        if file is None:
            return await self.get_response(request)  # type: ignore[no-any-return]
        return await asyncio.to_thread(_read, file, request)


def _read(file: Any, request: HttpRequest) -> HttpResponse:
    answer = file.get_response(request.method, request.META)
    body = b""
    if answer.file is not None:
        with answer.file as opened:
            body = opened.read()
    response = HttpResponse(body, status=int(answer.status))
    del response.headers["Content-Type"]
    for name, value in answer.headers:
        response.headers[name] = value
    return response


class Csrf(CsrfViewMiddleware):
    """A bearer request needs no CSRF token: no other site can make a browser send one, and its session is ignored."""

    def process_view(
        self, request: HttpRequest, callback: View, callback_args: tuple[Any, ...], callback_kwargs: dict[str, Any]
    ) -> HttpResponseForbidden | None:
        if bearer(request) is not None:
            return None
        return super().process_view(request, callback, callback_args, callback_kwargs)

    def _origin_verified(self, request: HttpRequest) -> bool:
        # Without the scheme: behind a proxy that ends TLS the browser's is https and ours is http.
        return same_origin(request.headers.get("Origin", ""), request.get_host())
