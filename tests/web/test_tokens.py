from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from lbdash.web.models import ApiToken
from lbdash.web.roles import Role
from lbdash.web.tokens import create_token, find_token, revoke_token

pytestmark = pytest.mark.usefixtures("db")


async def test_a_token_is_known_by_its_hash_alone() -> None:
    secret = await sync_to_async(create_token)("operator", "ci")
    stored = await ApiToken.objects.aget()
    assert secret not in str(vars(stored))
    assert len(secret) > 40
    found = await find_token(secret, "10.0.0.9")
    assert found is not None
    assert (found.role, found.by) == (Role.OPERATOR, "token:ci@10.0.0.9")


async def test_a_revoked_or_unknown_token_opens_nothing() -> None:
    secret = await sync_to_async(create_token)("viewer", "ci")
    assert await sync_to_async(revoke_token)("ci") == 1
    assert await find_token(secret, "10.0.0.9") is None
    assert await find_token("", "10.0.0.9") is None
    assert await sync_to_async(revoke_token)("ci") == 0


async def test_last_use_is_noted_once_a_minute() -> None:
    secret = await sync_to_async(create_token)("viewer", "ci")
    await find_token(secret, "10.0.0.9")
    first = (await ApiToken.objects.aget()).last_used_at
    await find_token(secret, "10.0.0.9")
    assert (await ApiToken.objects.aget()).last_used_at == first
    await ApiToken.objects.aupdate(last_used_at=timezone.now() - timedelta(minutes=2))
    await find_token(secret, "10.0.0.9")
    assert (await ApiToken.objects.aget()).last_used_at >= first


@pytest.mark.parametrize(("role", "name"), [("root", "ci"), ("viewer", ""), ("viewer", "x" * 101)])
def test_a_token_needs_a_known_role_and_a_name(role: str, name: str) -> None:
    with pytest.raises(ValueError, match=r"role|name|Role"):
        create_token(role, name)
