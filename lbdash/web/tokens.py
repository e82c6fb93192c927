"""API tokens and login links: 256 random bits, kept as sha256."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.contrib.auth.hashers import make_password
from django.db.models import Q
from django.utils import timezone

from lbdash.web.models import ApiToken, LoginLink, User
from lbdash.web.roles import Identity, Role

LINK_LIFE = timedelta(minutes=10)
_USED_STEP = timedelta(minutes=1)  # "last used" is written at most this often, not once a request


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def create_token(role: str, name: str) -> str:
    """Make an API token and return it: this is the only time it can be seen. ValueError for an unknown role."""
    if not name or len(name) > 100:
        raise ValueError("a token needs a name of 1 to 100 characters")
    secret = "lbd_" + secrets.token_urlsafe(32)
    ApiToken.objects.create(name=name, role=Role(role), digest=digest(secret))
    return secret


def revoke_token(name: str) -> int:
    """Revoke every live token called `name`; how many there were."""
    return ApiToken.objects.filter(name=name, revoked_at=None).update(revoked_at=timezone.now())


async def find_token(secret: str, address: str) -> Identity | None:
    token = await ApiToken.objects.filter(digest=digest(secret), revoked_at=None).afirst()
    if token is None:
        return None
    await _touch(token, timezone.now())
    return Identity(token.name, Role(token.role), address, token=True)


async def _touch(token: ApiToken, now: datetime) -> None:
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _USED_STEP)
    if token.last_used_at is None or token.last_used_at < now - _USED_STEP:
        await ApiToken.objects.filter(stale, pk=token.pk).aupdate(last_used_at=now)


def needs_login_link() -> bool:
    """True while nobody could log in by password: a first run."""
    return not any(user.has_usable_password() for user in User.objects.filter(is_active=True))


def create_login_link(username: str = "admin") -> str:
    """The secret for `/login#SECRET`. `username` is made, as an admin without a password, when it is new."""
    user, _ = User.objects.get_or_create(
        username=username, defaults={"role": Role.ADMIN, "password": make_password(None)}
    )
    secret = secrets.token_urlsafe(32)
    LoginLink.objects.filter(expires_at__lt=timezone.now()).delete()
    LoginLink.objects.create(user=user, digest=digest(secret), expires_at=timezone.now() + LINK_LIFE)
    return secret


async def use_login_link(secret: str) -> User | None:
    """The link's user, once; None when it was used, is too old, or never was."""
    now = timezone.now()
    # One UPDATE decides, so that two requests with one secret cannot both win.
    live = LoginLink.objects.filter(digest=digest(secret), used_at=None, expires_at__gt=now, user__is_active=True)
    if not await live.aupdate(used_at=now):
        return None
    link = await LoginLink.objects.select_related("user").aget(digest=digest(secret))
    return link.user
