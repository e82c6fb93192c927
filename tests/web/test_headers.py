import logging
import re
from pathlib import Path

import pytest

from lbdash.asgi import application
from tests.web.browser import Browser

ROOT = Path(__file__).parents[2]


@pytest.fixture
def browser() -> Browser:
    return Browser(application(None))


@pytest.mark.parametrize("path", ["/login", "/nowhere", "/", "/api/v1/services", "/static/js/login.js", "/healthz"])
async def test_every_answer_has_the_strict_policy(browser: Browser, path: str) -> None:
    headers = (await browser.get(path)).headers
    policy = headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "style-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"


async def test_pages_are_not_kept_and_files_are_revalidated(browser: Browser) -> None:
    assert (await browser.get("/login")).headers["cache-control"] == "no-store"
    file = await browser.get("/static/js/login.js")
    assert (file.status, file.body) == (200, (ROOT / "static/js/login.js").read_bytes())
    assert "max-age=0" in file.headers["cache-control"]
    assert "access-control-allow-origin" not in file.headers
    assert (await browser.get("/static/js/login.js", if_none_match=file.headers["etag"])).status == 304
    assert (await browser.send("HEAD", "/static/js/login.js")).body == b""


@pytest.mark.parametrize("path", ["/static/../pyproject.toml", "/static/..%2fpyproject.toml", "/static//etc/passwd"])
async def test_static_files_come_from_their_folder_only(browser: Browser, path: str) -> None:
    assert (await browser.get(path)).status == 404


async def test_an_unknown_host_is_refused_and_cannot_fill_the_log(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("django").addHandler(caplog.handler)
    try:
        assert (await browser.get("/login", host="evil.example")).status == 400
        assert (await browser.get("/" + "?x" * 20_000)).status == 400
    finally:
        logging.getLogger("django").removeHandler(caplog.handler)
    assert not caplog.records
    assert (await browser.get("/login", host="localhost:1234")).status == 200


@pytest.mark.parametrize("template", sorted(ROOT.glob("templates/**/*.html")), ids=lambda path: path.name)
def test_templates_have_nothing_inline(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", text)
