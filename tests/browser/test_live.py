"""A page follows what happens, holds still when told, and says when it does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.browser.conftest import Dashboard, Open, serve
from tests.browser.scenes import SERVICE

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def busy() -> Iterator[Dashboard]:
    """Its own: these tests make things happen."""
    yield from serve("busy")


PAGE = f"/services/{SERVICE}"
FIRST = "10.0.12.3:8089"


def cell(page: Page, row: str, column: str) -> Locator:
    return page.locator(f'[data-row="{row}"] > [data-col="{column}"]')


def test_a_state_change_reaches_its_cell_and_only_its_cell(busy: Dashboard, open_page: Open) -> None:
    page = open_page(busy, PAGE)
    expect(cell(page, FIRST, "subconns")).to_have_text("42/42")
    page.evaluate("row => { document.querySelector(`[data-row='${row}']`).mark = 1 }", FIRST)
    busy.do("turn", address=FIRST, state="TRANSIENT_FAILURE", clients=5)
    expect(cell(page, FIRST, "subconns")).to_have_text("37/42")
    busy.do("turn", address=FIRST, state="READY", clients=5)
    expect(cell(page, FIRST, "subconns")).to_have_text("42/42")
    assert page.evaluate("row => document.querySelector(`[data-row='${row}']`).mark", FIRST) == 1


def test_a_registration_appears_in_its_place_and_goes_again(busy: Dashboard, open_page: Open) -> None:
    page = open_page(busy, PAGE)
    busy.do("put", address="10.0.12.4:9999", id="late")
    expect(page.locator('[data-row="10.0.12.4:9999"]')).to_be_visible()
    rows = page.locator(".rows > .row").evaluate_all("rows => rows.map(row => row.dataset.row)")
    assert rows.index("10.0.12.4:9999") == rows.index("10.0.12.4:8089") + 1
    busy.do("delete", address="10.0.12.4:9999", id="late")
    expect(cell(page, "10.0.12.4:9999", "registry")).to_have_text("gone")


def test_pause_holds_the_page_and_resume_shows_the_newest_at_once(busy: Dashboard, open_page: Open) -> None:
    page = open_page(busy, PAGE)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#stale-bar")).to_contain_text("Paused")
    busy.do("turn", address=FIRST, state="CONNECTING", clients=7)
    other = open_page(busy, PAGE)
    expect(cell(other, FIRST, "subconns")).to_have_text("35/42")
    expect(cell(page, FIRST, "subconns")).to_have_text("42/42")
    page.get_by_role("button", name="Resume").click()
    expect(cell(page, FIRST, "subconns")).to_have_text("35/42")
    busy.do("turn", address=FIRST, state="READY", clients=7)
    expect(cell(page, FIRST, "subconns")).to_have_text("42/42")


def test_a_browser_that_paints_slowly_gets_no_backlog(busy: Dashboard, open_page: Open) -> None:
    """One message is under way at a time, though there is news four times a second."""
    page = open_page(busy, "/")
    page.evaluate("""() => {
        const real = window.requestAnimationFrame.bind(window);
        window.heard = [];
        window.requestAnimationFrame = (paint) => {
            window.heard.push(performance.now());
            return setTimeout(() => real(paint), 600);
        };
    }""")
    page.wait_for_function("() => window.heard.length >= 4")
    heard = page.evaluate("window.heard")
    assert min(after - before for before, after in pairwise(heard)) >= 600


def test_a_lost_registry_is_said_and_its_return_too(busy: Dashboard, open_page: Open) -> None:
    page = open_page(busy, "/")
    busy.do("lost", on=True)
    expect(page.locator(".freshness")).to_contain_text("stale")
    expect(page.locator("[data-region=notices]")).to_contain_text("etcd is away")
    expect(page.locator("[data-region=notices]")).to_contain_text("commands are refused")
    busy.do("lost", on=False)
    expect(page.locator(".freshness")).to_contain_text("live")


def test_a_lost_connection_is_said_with_its_age_and_heals(busy: Dashboard, open_page: Open) -> None:
    page = open_page(busy, "/login")
    sockets: list[WebSocketRoute] = []

    def route(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if len(sockets) in (1, 4):
            socket.connect_to_server()
        else:
            socket.close(code=1011)

    page.route_web_socket("**/ws/live*", route)
    page.goto(busy.url + "/")
    page.wait_for_selector("body[data-serial]")
    sockets[0].close(code=1011)
    expect(page.locator("#stale-bar")).to_have_text(re.compile(r"No word from lbdash for \d+ s"))
    expect(page.locator("#stale-bar")).to_be_hidden(timeout=15_000)
    assert len(sockets) == 4


def test_bulk_selection_survives_updates_and_feeds_the_drawer_and_the_command_line(
    busy: Dashboard, open_page: Open
) -> None:
    page = open_page(busy, PAGE)
    page.get_by_label(f"Select {FIRST}").check()
    page.get_by_label("Select 10.0.12.4:8089").check()
    serial = page.get_attribute("body", "data-serial")
    page.wait_for_function("(old) => document.body.dataset.serial !== old", arg=serial)
    expect(page.locator("[data-bulk]")).to_contain_text("2 selected")
    expect(page.locator("[data-cli]").first).to_be_attached()
    expect(page.locator(".bulk-cli")).to_have_text(f"lbdash drain {SERVICE} {FIRST} 10.0.12.4:8089")
    page.locator("[data-bulk]").get_by_role("link", name="Drain…").click()
    expect(page.locator("#drawer")).to_be_visible()
    expect(page.locator("#drawer-body")).to_contain_text("10.0.12.4:8089")
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("[data-bulk]")).to_be_hidden()


def test_filters_hide_rows_and_live_in_the_url(busy: Dashboard, open_page: Open) -> None:
    page = open_page(busy, PAGE)
    page.get_by_label("Filter backends").fill("12.10")
    expect(page.locator(".rows > .row:visible")).to_have_count(1)
    page.reload()
    expect(page.locator(".rows > .row:visible")).to_have_count(1)
    page.get_by_label("Filter backends").fill("nothing-like-it")
    expect(page.get_by_text("Nothing matches the filter.")).to_be_visible()
    page.get_by_label("Filter backends").fill("")
    page.get_by_label("only problems").check()
    expect(page.locator(".rows > .row:visible")).to_have_count(1)
    assert "problems=1" in page.url
