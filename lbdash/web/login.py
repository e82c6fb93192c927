"""Logging in by the link of the first run or by password, and out again."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.contrib.auth import alogin, alogout, authenticate
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from lbdash.web.access import public, throttle
from lbdash.web.models import User
from lbdash.web.tokens import use_login_link

_BACKEND = "django.contrib.auth.backends.ModelBackend"
_WRONG_LINK = "This link was used or is older than 10 minutes. Starting lbdash again prints another."
_WRONG_PASSWORD = "Name and password do not match."
_TOO_MANY = "Too many failed attempts. Wait {seconds} s."


@public
async def login(request: HttpRequest) -> HttpResponse:
    """`/login#SECRET`: the browser keeps what is behind # to itself; login.js puts it into the form and posts it."""
    match request.method:
        case "GET" | "HEAD":
            return _page(request, _target(request.GET.get("next", "")))
        case "POST":
            return await _log_in(request)
    return HttpResponseNotAllowed(["GET", "POST"])


@public
async def logout(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    await alogout(request)
    return HttpResponseRedirect("/login")


async def _log_in(request: HttpRequest) -> HttpResponse:
    """A link is never slowed down: nobody guesses 256 bits, and it is the way in when passwords are under attack."""
    target = _target(request.POST.get("next", ""))
    link = request.POST.get("token", "").strip()
    keys = () if link else _keys(request)
    if wait := throttle(request).wait_s(keys):
        return _page(request, target, _TOO_MANY.format(seconds=wait), 429)
    user = await use_login_link(link) if link else await _by_password(request)
    if user is None:
        throttle(request).failed(keys)
        return _page(request, target, _WRONG_LINK if link else _WRONG_PASSWORD, 403)
    throttle(request).succeeded(keys)
    await alogin(request, user, backend=_BACKEND)
    return HttpResponseRedirect(target)


async def _by_password(request: HttpRequest) -> User | None:
    # In a thread on purpose: Django's own async check hashes in the event loop and would stop every page for 0.3 s.
    user = await sync_to_async(authenticate)(
        username=request.POST.get("username", "")[:150], password=request.POST.get("password", "")[:1000]
    )
    return user if isinstance(user, User) else None


def _keys(request: HttpRequest) -> tuple[str, ...]:
    name = request.POST.get("username", "")[:150].lower()
    return (f"from {request.META.get('REMOTE_ADDR')}", f"as {name}")


def _page(request: HttpRequest, target: str, message: str = "", status: int = 200) -> HttpResponse:
    return render(request, "login.html", {"next": target, "message": message}, status=status)


def _target(wanted: str) -> str:
    """`wanted` when it is a path of ours, else the front page: a link must not lead a login elsewhere."""
    local = wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
    return wanted if local else "/"
