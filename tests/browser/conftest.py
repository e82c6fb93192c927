"""Chromium, and dashboards over scenes, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

_AXE = Path(__file__).resolve().parents[1] / "data" / "axe.min.js"


@dataclass
class Dashboard:
    """A running `tests.browser.serve`. `errors`: what its pages' consoles complained of."""

    url: str
    cookie: dict[str, str]
    process: subprocess.Popen[str]
    errors: list[str] = field(default_factory=list)

    def do(self, verb: str, **words: Any) -> None:
        """Make something happen; see `serve.Stage.act`."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": verb, **words}) + "\n")
        self.process.stdin.flush()

    def page(self, chromium: Browser, **options: Any) -> Page:
        """A page in a context of its own, logged in as an operator; close the context."""
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        context.add_cookies([{**self.cookie, "url": self.url}])  # type: ignore[list-item]
        page = context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        return page


def serve(scene: str, *options: str) -> Iterator[Dashboard]:
    """For fixtures: `yield from serve("busy")`."""
    command = [sys.executable, "-m", "tests.browser.serve", scene, *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            yield Dashboard(ready["url"], ready["cookie"], process)
        finally:
            process.stdin.close()


playing = contextmanager(serve)


def violations(page: Page) -> list[str]:
    """What axe calls serious or critical, contrast included."""
    page.evaluate(_AXE.read_text())  # not a script element: the page's CSP would refuse it
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{found['id']}: {node['target']} {node.get('failureSummary', '')}"
        for found in result["violations"]
        if found["impact"] in ("serious", "critical")
        for node in found["nodes"][:3]
    ]


@pytest.fixture(scope="module")
def scenes() -> Iterator[Callable[..., Dashboard]]:
    """Dashboards by scene, each started when it is first asked for. Not for tests that steer."""
    started: dict[str, Dashboard] = {}
    with ExitStack() as stack:

        def scene(name: str, *options: str) -> Dashboard:
            if name not in started:
                started[name] = stack.enter_context(playing(name, *options))
            return started[name]

        yield scene


Open = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """Open a page and wait until it lives; an error on any page's console fails the test."""
    opened: list[tuple[Dashboard, Page]] = []

    def open_(dashboard: Dashboard, path: str, *, theme: str = "light", width: int = 1440) -> Page:
        dashboard.errors.clear()
        page = dashboard.page(chromium, color_scheme=theme, viewport={"width": width, "height": 900})
        opened.append((dashboard, page))
        page.goto(dashboard.url + path)
        if page.locator("body[data-live]").count():
            page.wait_for_selector("body[data-serial]")
        return page

    yield open_
    for _, page in opened:
        page.context.close()
    assert [error for dashboard, _ in opened for error in dashboard.errors] == []
