"""The browser of all browser tests: Debian's Chromium, without a screen."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import Browser, Playwright

_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def launch(playwright: Playwright) -> Browser:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("browser tests need Chromium: apt-get install chromium")
    return playwright.chromium.launch(executable_path=path, args=_QUIET)
