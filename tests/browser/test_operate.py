"""The tabs and forms in a real browser: keys, sliders, drawers, canvas, and what attackers put into names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Dashboard, serve, violations

pytestmark = pytest.mark.browser

APP = "/services/hwholiday.srv.app"
SECOND = "10.0.12.4:8089"


@pytest.fixture(scope="module")
def dashboard() -> Iterator[Dashboard]:
    """Its own: these tests steer."""
    yield from serve("busy")


@pytest.fixture
def page(chromium: Browser, dashboard: Dashboard) -> Iterator[Page]:
    dashboard.errors.clear()
    page = dashboard.page(chromium)
    yield page
    page.context.close()
    assert dashboard.errors == []


def shares(page: Page) -> list[int]:
    return [int(field.input_value()) for field in page.locator("[data-share]").all()]


def slide(page: Page, place: int, to: int) -> None:
    script = "(slider, to) => { slider.value = to; slider.dispatchEvent(new Event('input', {bubbles: true})); }"
    page.locator("[data-slider]").nth(place).evaluate(script, to)


def test_shares_always_sum_to_100(page: Page, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}{APP}?tab=routing")
    expect(page.locator("[data-slider]").first).to_be_visible()
    for place, to in ((0, 73), (1, 0), (0, 33), (1, 100)):
        slide(page, place, to)
        assert sum(shares(page)) == 100
        assert shares(page)[place] == to
    page.locator("[data-share]").first.fill("61")
    page.locator("[data-share]").first.press("Tab")
    assert shares(page) == [61, 39]
    page.get_by_role("button", name="Even").click()
    assert shares(page) == [50, 50]
    expect(page.get_by_role("button", name="Apply 50 : 50")).to_be_visible()


SPREADS = (
    ([50, 30, 20], [False] * 3, 0, 75, [75, 15, 10]),
    ([50, 30, 20], [False, True, False], 0, 75, [70, 30, 0]),
    ([100, 0, 0], [False] * 3, 0, 99, [99, 1, 0]),
    ([50, 50], [False, True], 0, 80, [50, 50]),
    ([34, 33, 33], [False] * 3, 1, 34, [33, 34, 33]),
)


def test_the_others_give_or_take_in_proportion(page: Page, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}{APP}?tab=routing")
    script = "async (a) => (await import('/static/js/shares.js')).spread(...a)"
    for *given, expected in SPREADS:
        assert page.evaluate(script, given) == expected, given
        assert sum(expected) == 100


def test_rules_are_added_moved_and_removed(page: Page, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}{APP}?tab=routing")
    page.get_by_role("button", name="Add a rule").click()
    rows = page.locator("[data-rules] > li")
    expect(rows).to_have_count(2)
    for place, header in enumerate(("x-first", "x-second")):
        rows.nth(place).get_by_label("Header").fill(header)
    rows.nth(1).get_by_role("button", name="Move this rule up").click()
    assert [row.get_by_label("Header").input_value() for row in rows.all()] == ["x-second", "x-first"]
    rows.nth(0).get_by_role("button", name="Remove this rule").click()
    expect(rows).to_have_count(1)


def test_a_drain_goes_by_keyboard_alone(page: Page, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}{APP}")
    opener = page.locator(f"a[data-drawer][href*='{SECOND.split(':')[0]}%3A']").first
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=f"Drain {SECOND}")).to_be_visible()
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).not_to_be_visible()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer")).not_to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("Written as generation 13")
    expect(page.locator("[data-region=commands]")).to_contain_text("by keyboard")


def test_the_heat_map_is_walked_by_keys_and_tells_one_subconn(page: Page, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}{APP}?tab=subconns")
    expect(page.locator("#heat-size")).to_have_text("42 clients × 12 backends")
    page.locator("#heat").focus()
    expect(page.locator("#heat-cell")).to_contain_text("batch-01 → 10.0.12.3:8089 · READY")
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#heat-cell")).to_contain_text("10.0.12.10:8089 · TRANSIENT_FAILURE")
    page.keyboard.press("Enter")
    expect(page.locator("#subconn")).to_contain_text("connection refused")
    expect(page.locator("#subconn .history")).to_be_visible()


def test_the_heat_map_follows_a_change_of_state(page: Page, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}{APP}?tab=subconns")
    expect(page.locator("#heat-size")).to_contain_text("backends")
    page.locator("#heat").focus()
    page.keyboard.press("End")
    expect(page.locator("#heat-cell")).to_contain_text("10.0.12.14:8089 · READY")
    dashboard.do("turn", address="10.0.12.14:8089", state="CONNECTING", clients=42)
    expect(page.locator("[data-region=subconns-counts]")).to_contain_text("CONNECTING")
    expect(page.locator("#heat-cell")).to_contain_text("CONNECTING")
    dashboard.do("turn", address="10.0.12.14:8089", state="READY", clients=42)
    expect(page.locator("[data-region=subconns-counts]")).not_to_contain_text("CONNECTING")


def test_the_table_behind_the_map_is_filtered_without_scripts(chromium: Browser, dashboard: Dashboard) -> None:
    page = dashboard.page(chromium, java_script_enabled=False)
    page.goto(f"{dashboard.url}{APP}?tab=subconns")
    page.get_by_label("State", exact=True).select_option("transient_failure")
    page.get_by_role("button", name="Filter").click()
    assert "state=transient_failure" in page.url
    expect(page.locator("[data-table=subconns] .rows > .row")).to_have_count(9)
    page.context.close()


def test_a_stale_form_shows_both_sides_and_looks_again(page: Page, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}{APP}/backends/10.0.12.6:8089")
    page.get_by_role("link", name="Weight…").click()
    page.locator("#command-form [name=generation]").evaluate("field => { field.value = '3' }")
    page.get_by_label("Weight, 1 to 65535").fill("70")
    page.get_by_role("button", name="Set weight").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody was faster")
    dashboard.errors.clear()  # the browser logs the 409 itself
    page.get_by_role("link", name="Look again").click()
    expect(page.locator("#command-form [name=generation]")).not_to_have_value("3")


def test_an_objection_is_gone_past_by_name_and_reason(page: Page, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}{APP}?tab=routing")
    slide(page, 0, 0)
    apply = page.get_by_role("button", name="Apply 0 : 100 anyway")
    expect(apply).to_be_visible()
    page.locator("#versions-reason").fill("all of it")
    apply.click()
    expect(page.get_by_role("alert")).to_contain_text("Refused")
    dashboard.errors.clear()  # the browser logs the 422 itself
    name = page.locator("#versions-impact [name=force_service]")
    name.press_sequentially("hwholiday.srv.app", delay=30)
    expect(name).to_be_focused()
    apply.click()
    expect(page.locator("#toasts")).to_contain_text("Written")
    expect(page.locator("[data-table=shares] [data-row=v2] [data-col=configured]")).to_have_text("100")
    expect(page.locator("[data-was]").first).to_have_attribute("data-was", "0")


def test_charts_draw_what_is_known(page: Page, dashboard: Dashboard) -> None:
    page.goto(f"{dashboard.url}{APP}/backends/10.0.12.6:8089")
    expect(page.locator(".charts canvas")).to_have_count(3)
    expect(page.locator("[data-charts-note]")).to_contain_text("one point every")
    page.get_by_role("button", name="1 h").click()
    expect(page.locator("[data-charts-note]")).to_contain_text("10 s")
    assert "span=3600" in page.url


@pytest.mark.parametrize(
    ("path", "scheme"),
    [
        ("?tab=subconns", "light"),
        ("?tab=subconns&mode=picks", "dark"),
        ("?tab=routing", "light"),
        ("?tab=routing", "dark"),
        ("?tab=picks", "light"),
        ("?tab=timeline", "dark"),
        ("/backends/10.0.12.5:8089", "light"),
        ("/backends/10.0.12.5:8089", "dark"),
    ],
)
def test_axe_finds_nothing_serious(chromium: Browser, dashboard: Dashboard, path: str, scheme: str) -> None:
    page = dashboard.page(chromium, color_scheme=scheme)
    page.goto(dashboard.url + APP + path)
    expect(page.locator("body[data-serial]")).to_be_attached()
    assert violations(page) == []
    page.context.close()


def test_axe_finds_nothing_serious_in_the_drawer_and_on_a_client(chromium: Browser, dashboard: Dashboard) -> None:
    page = dashboard.page(chromium)
    page.goto(f"{dashboard.url}{APP}?tab=subconns")
    page.goto(dashboard.url + str(page.locator("[data-col=client] a").first.get_attribute("href")))
    assert violations(page) == []
    page.goto(f"{dashboard.url}{APP}/backends/10.0.12.6:8089")
    page.get_by_role("link", name=re.compile("Drain")).click()
    expect(page.get_by_text("Before you apply")).to_be_visible()
    assert violations(page) == []
    page.context.close()


@pytest.mark.parametrize("tab", ["subconns", "routing", "picks", "timeline"])
def test_what_attackers_write_stays_text(chromium: Browser, scenes: Callable[[str], Dashboard], tab: str) -> None:
    hostile = scenes("hostile")
    page = hostile.page(chromium)
    page.goto(f"{hostile.url}/services/srv.evil?tab={tab}")
    expect(page.locator("body[data-serial]")).to_be_attached()
    assert page.evaluate("window.hurt") is None
    assert page.locator("main img").count() == 0
    page.context.close()
