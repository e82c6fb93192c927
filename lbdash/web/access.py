"""Access of every view, decided in one place. A view says what it needs; one that says nothing needs an admin."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from asgiref.sync import markcoroutinefunction
from django.contrib.auth import aget_user
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from lbdash.web.errors import refuse
from lbdash.web.models import User
from lbdash.web.roles import Identity, Role
from lbdash.web.throttle import Throttle
from lbdash.web.tokens import find_token

if TYPE_CHECKING:
    from lbdash.runtime import Runtime

View = TypeVar("View", bound=Callable[..., Any])
Needs = Role | Mapping[str, Role | None] | None


class Request(ASGIRequest):
    """What a view gets from `Access`: `identity` is None only in public views."""

    identity: Identity | None


def needs(need: Needs) -> Callable[[View], View]:
    """Mark a view: a role, None = public, or a role per method."""

    def mark(view: View) -> View:
        view.needs = need  # type: ignore[attr-defined]
        return view

    return mark


public = needs(None)
viewer_required = needs(Role.VIEWER)
operator_required = needs(Role.OPERATOR)
admin_required = needs(Role.ADMIN)


def runtime(request: HttpRequest) -> Runtime:
    """The running dashboard, from the ASGI scope."""
    return cast("Runtime", cast(ASGIRequest, request).scope["state"]["runtime"])


def throttle(request: HttpRequest) -> Throttle:
    return cast(Throttle, cast(ASGIRequest, request).scope["state"]["throttle"])


def identity(request: HttpRequest) -> Identity:
    """Who asks; only for views that are not public."""
    found = cast(Request, request).identity
    assert found is not None, "a public view has no identity"
    return found


class Access:
    """Middleware: finds out who asks, then lets the view run or answers 401, 403 or the way to the login page."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        self._get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: Request) -> HttpResponseBase:
        request.identity = None
        return await self._get_response(request)

    async def process_view(
        self, request: Request, view: Callable[..., Any], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        need = needed(view, request.method or "GET")
        if need is None:
            return None
        request.identity = await identify(request)
        if request.identity is None:
            return refuse(request, 401, "unauthenticated", "Log in, or send a token.", "Authorization: Bearer TOKEN")
        if not request.identity.role.covers(need):
            text = f"This needs the role {need}; {request.identity.name} is {request.identity.role}."
            return refuse(request, 403, "forbidden", text, "Ask an admin for a role or token that may.")
        return None


def needed(view: Callable[..., Any], method: str) -> Role | None:
    need: Needs = getattr(view, "needs", Role.ADMIN)
    if isinstance(need, Mapping):
        # An unknown method is answered 405 by the view: that tells nothing that is not in the API's document.
        return need.get("GET" if method == "HEAD" else method)
    return need


def bearer(request: HttpRequest) -> str | None:
    """The token of `Authorization: Bearer TOKEN`; "" when the header is there but is something else."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def identify(request: HttpRequest) -> Identity | None:
    """By token when an Authorization header is there, and then never by session: such a request skips CSRF checks."""
    address = request.META.get("REMOTE_ADDR") or "?"
    token = bearer(request)
    if token is not None:
        return await find_token(token, address)
    return identity_of(await aget_user(request), address)


def identity_of(user: object, address: str) -> Identity | None:
    if not isinstance(user, User) or not user.is_active:
        return None
    return Identity(user.username, Role(user.role), address)
