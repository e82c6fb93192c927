import logging
import re
from datetime import timedelta
from io import StringIO

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.utils import timezone

from lbdash.asgi import application
from lbdash.web.models import LoginLink, User
from lbdash.web.throttle import FREE
from lbdash.web.tokens import create_login_link, needs_login_link
from tests.web.browser import Browser

pytestmark = pytest.mark.usefixtures("db")
PASSWORD = "correct horse battery"


@pytest.fixture
def browser() -> Browser:
    return Browser(application(None))


async def a_link() -> str:
    return await sync_to_async(create_login_link)()


async def test_a_login_link_works_once_and_makes_an_admin(browser: Browser) -> None:
    secret = await a_link()
    await browser.open_login()
    answer = await browser.post("/login", {"token": secret, "next": "/status"})
    assert (answer.status, answer.headers["location"]) == (302, "/status")
    again = Browser(browser.app)
    await again.open_login()
    assert (await again.post("/login", {"token": secret})).status == 403


async def test_a_login_link_ends_after_ten_minutes(browser: Browser) -> None:
    secret = await a_link()
    link = await LoginLink.objects.aget()
    assert timedelta(minutes=9) < link.expires_at - timezone.now() <= timedelta(minutes=10)
    await LoginLink.objects.aupdate(expires_at=timezone.now())
    await browser.open_login()
    assert (await browser.post("/login", {"token": secret})).status == 403


async def test_a_get_with_the_link_uses_nothing_up(browser: Browser) -> None:
    secret = await a_link()
    await browser.get(f"/login?token={secret}")
    await browser.open_login()
    assert (await browser.post("/login", {"token": secret})).status == 302


async def test_a_login_gives_the_session_a_new_key_and_strict_cookies(browser: Browser) -> None:
    secret = await a_link()
    await browser.open_login()
    answer = await browser.post("/login", {"token": secret})
    cookie = answer.headers["set-cookie"]
    assert "session" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


async def test_cookies_are_secure_when_a_proxy_says_tls(browser: Browser) -> None:
    answer = await browser.get("/login", x_forwarded_proto="https")
    assert "Secure" in answer.headers["set-cookie"]


async def test_a_password_logs_in_and_guesses_are_slowed_down(browser: Browser) -> None:
    await sync_to_async(User.objects.create_superuser)("alice", PASSWORD)
    await browser.open_login()
    for _ in range(FREE):
        assert (await browser.post("/login", {"username": "alice", "password": "wrong"})).status == 403
    answer = await browser.post("/login", {"username": "alice", "password": PASSWORD})
    assert answer.status == 429
    assert "Wait 1 s" in answer.text
    assert (await browser.post("/login", {"token": "guessed"})).status == 403
    assert (await browser.post("/login", {"token": await a_link()})).status == 302
    fresh = Browser(application(None))
    await fresh.open_login()
    assert (await fresh.post("/login", {"username": "alice", "password": PASSWORD})).status == 302


async def test_an_inactive_user_cannot_log_in_either_way(browser: Browser) -> None:
    user = await sync_to_async(User.objects.create_user)("alice", PASSWORD)
    secret = await sync_to_async(create_login_link)("alice")
    await User.objects.filter(pk=user.pk).aupdate(is_active=False)
    await browser.open_login()
    assert (await browser.post("/login", {"username": "alice", "password": PASSWORD})).status == 403
    assert (await browser.post("/login", {"token": secret})).status == 403


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "evil", "\t//evil"]
)
async def test_next_never_leads_to_another_site(browser: Browser, target: str) -> None:
    secret = await a_link()
    await browser.open_login()
    answer = await browser.post("/login", {"token": secret, "next": target})
    assert answer.headers["location"] == "/"


async def test_a_login_from_another_site_is_refused(browser: Browser) -> None:
    secret = await a_link()
    await browser.open_login()
    answer = await browser.post("/login", {"token": secret}, origin="http://127.0.0.1:9000")
    assert answer.status == 403
    browser.csrf = ""
    assert (await browser.post("/login", {"token": secret})).status == 403


async def test_logging_out_ends_the_session_and_needs_a_post(browser: Browser) -> None:
    await browser.log_in("viewer")
    session = dict(browser.cookies)
    assert (await browser.get("/logout")).status == 405
    assert (await browser.post("/logout")).status == 302
    browser.cookies = session
    assert (await browser.get("/")).headers["location"] == "/login?next=%2F"


async def test_secrets_are_not_in_the_log(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = await a_link()
    await browser.open_login()
    await browser.post("/login", {"token": secret, "password": PASSWORD}, origin="http://evil.example")
    await Browser(browser.app, token="lbd_sesame").get("/nowhere?token=lbd_sesame")
    assert not any(word in caplog.text for word in (secret, PASSWORD, "lbd_sesame"))


def test_djangos_own_commands_make_an_admin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", interactive=False, username="alice", verbosity=0)
    assert User.objects.get().role == "admin"
    assert User.objects.get().check_password(PASSWORD)


def test_the_loginlink_command_prints_a_path_that_works() -> None:
    out = StringIO()
    call_command("loginlink", stdout=out)
    assert re.fullmatch(r"/login#[\w-]{43}\n", out.getvalue())


def test_a_first_run_needs_a_link_until_somebody_has_a_password() -> None:
    assert needs_login_link()
    create_login_link()
    assert needs_login_link()
    User.objects.create_superuser("alice", PASSWORD)
    assert not needs_login_link()
