"""Every screen in both themes: readable to all (axe), no sideways scroll, no hostile text that acts; keys and theme."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Dashboard, Open, violations
from tests.browser.scenes import SERVICE

pytestmark = pytest.mark.browser
WIDE = """() => [document.documentElement, ...document.querySelectorAll(".table .row:first-child")]
    .filter((box) => box.scrollWidth > box.clientWidth + 1)
    .map((box) => box.closest("[data-table]")?.dataset.table ?? "page")"""
TOKENS = """() => {
    const style = getComputedStyle(document.documentElement);
    const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules]);
    const names = rules.filter((rule) => rule.selectorText === ":root").flatMap((rule) => [...rule.style]);
    return names.filter((name) => name.startsWith("--")).map((name) => [name, style.getPropertyValue(name)]);
}"""
SCREENS = ("/", f"/services/{SERVICE}", "/activity", "/status", "/search?q=app", "/login")


@pytest.fixture
def busy(scenes: Callable[..., Dashboard]) -> Dashboard:
    return scenes("busy")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", SCREENS)
def test_axe_finds_nothing_serious(busy: Dashboard, open_page: Open, path: str, theme: str) -> None:
    assert violations(open_page(busy, path, theme=theme)) == []


@pytest.mark.parametrize("width", [390, 768, 1024, 1920])
def test_nothing_scrolls_sideways(busy: Dashboard, open_page: Open, width: int) -> None:
    page = open_page(busy, "/", width=width)
    for path in SCREENS:
        page.goto(busy.url + path)
        assert (path, page.evaluate(WIDE)) == (path, [])


@pytest.mark.parametrize("path", ["/", "/services/srv.evil", "/search?q=img"])
def test_hostile_names_are_text(scenes: Callable[..., Dashboard], open_page: Open, path: str) -> None:
    page = open_page(scenes("hostile"), path)
    page.wait_for_timeout(600)  # live frames too
    assert page.evaluate("window.hurt") is None
    assert page.locator("main img, main b b").count() == 0
    assert "onerror" in page.locator("main").inner_text()


def test_a_service_that_nobody_reports_to_says_how_to_see_more(
    scenes: Callable[..., Dashboard], open_page: Open
) -> None:
    page = open_page(scenes("registry", "--read-only"), f"/services/{SERVICE}")
    expect(page.get_by_role("heading", name="Seen through the registry alone")).to_be_visible()
    expect(page.get_by_text("read-only", exact=True)).to_be_visible()
    expect(page.locator('[data-col="rps"]').first).to_be_hidden()
    expect(page.get_by_text("no lease", exact=True)).to_be_visible()
    assert page.locator("main [data-drawer]").count() == 0
    assert violations(page) == []


def test_an_empty_registry_says_what_to_do(scenes: Callable[..., Dashboard], open_page: Open) -> None:
    page = open_page(scenes("empty"), "/")
    expect(page.get_by_role("heading", name="No service yet")).to_be_visible()
    assert violations(page) == []


def test_the_theme_is_switched_and_remembered(busy: Dashboard, open_page: Open) -> None:
    page = open_page(busy, "/", theme="light")
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("t")
    after = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert after != before
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == after


def test_both_dark_themes_are_the_same(busy: Dashboard, open_page: Open) -> None:
    """The values stand twice in tokens.css, as CSS has no way to share them."""
    by_system = open_page(busy, "/", theme="dark").evaluate(TOKENS)
    page = open_page(busy, "/", theme="light")
    page.keyboard.press("t")
    assert page.evaluate(TOKENS) == by_system


def test_everything_is_reached_by_keyboard(busy: Dashboard, open_page: Open) -> None:
    page = open_page(busy, "/")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("12.10")
    expect(page.locator(".hits a")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".hits a")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/services/{SERVICE}/backends/10.0.12.10:8089")
    page.goto(busy.url + f"/services/{SERVICE}")
    page.keyboard.press("4")
    page.wait_for_url("**?tab=picks")
