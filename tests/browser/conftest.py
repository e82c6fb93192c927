"""Chromium, and dashboards over scenes, each in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


@dataclass
class Dashboard:
    """A running `tests.browser.serve`."""

    url: str
    cookie: dict[str, str]
    process: subprocess.Popen[str]

    def do(self, **asked: Any) -> None:
        """Make something happen; see `serve.Stage.act`."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()


@contextmanager
def playing(scene: str, *options: str) -> Iterator[Dashboard]:
    command = [sys.executable, "-m", "tests.browser.serve", scene, *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            yield Dashboard(ready["url"], ready["cookie"], process)
        finally:
            process.stdin.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("browser tests need Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def busy() -> Iterator[Dashboard]:
    with playing("busy") as dashboard:
        yield dashboard


Open = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """Open a page as an operator; an error on any page's console fails the test."""
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_(dashboard: Dashboard, path: str, *, theme: str = "light", width: int = 1440) -> Page:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
        contexts.append(context)
        context.add_cookies([{**dashboard.cookie, "url": dashboard.url}])  # type: ignore[list-item]
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.goto(dashboard.url + path)
        page.wait_for_selector("body[data-serial]" if page.locator("body[data-live]").count() else "main")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []
