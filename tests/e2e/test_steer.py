"""The main job, seen from outside: an operator clicks, the clients follow, the backends' own counters agree."""

from __future__ import annotations

import os
import re
import signal
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.demo import Demo, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.etcd]
SERVICE = "hwholiday.srv.app"
EFFECT_MS = 20_000


def test_a_drain_by_click_empties_a_backend_and_the_page_says_so(demo: Demo, page: Page) -> None:
    addresses = demo.backends(SERVICE)
    target, others = addresses[0], addresses[1:]
    wait_for(lambda: demo.counters([target])[target]["calls"] > 5, "calls on the backend")

    open_drawer(page, demo, target, "Drain")
    page.get_by_label("Reason").fill("kernel patch")
    page.get_by_role("button", name=re.compile("^Drain")).last.click()

    banner = page.locator("section.steps", has_text=target).first
    expect(banner).to_contain_text(re.compile(r"effective"), timeout=EFFECT_MS)
    command = wait_for(lambda: effective(demo, SERVICE), "the command to be effective")
    assert command["clients"]["seen"] == command["clients"]["total"] > 0
    expect(banner).to_contain_text(re.compile(r"\d+ ms"), timeout=EFFECT_MS)

    stopped = demo.counters([target])[target]
    before = sum(row["calls"] for row in demo.counters(others).values())
    wait_for(lambda: sum(row["calls"] for row in demo.counters(others).values()) > before + 150, "calls elsewhere")
    wait_for(lambda: demo.counters([target])[target]["inflight"] == 0, "calls in flight to end")
    after = demo.counters([target])[target]
    assert after["calls"] == stopped["calls"]
    assert after["cancelled"] == stopped["cancelled"], "a drain must let calls in flight finish"
    expect(banner).to_contain_text("safe to stop", timeout=EFFECT_MS)
    drained = wait_for(lambda: (c := demo.get(f"/api/v1/commands/{command['id']}"))["drained"] and c, "drained")
    assert drained["inflight"] == 0

    page.locator(f'[data-row="{target}"]').get_by_role("checkbox").check()
    page.get_by_role("link", name=re.compile("^Return to service")).click()
    page.get_by_role("button", name=re.compile("^Return")).last.click()
    wait_for(lambda: demo.counters([target])[target]["calls"] > after["calls"], "calls to come back")


def test_shares_shift_from_the_page_and_the_measured_share_follows(demo: Demo, page: Page) -> None:
    assert demo.command(SERVICE, command="versions", shares={"v1": 100, "v2": 0})["outcome"] == "applied"
    v2 = demo.backends(SERVICE, version="v2")
    wait_for(lambda: effective(demo, SERVICE), "100:0 at every client")
    calm = sum(row["calls"] for row in demo.counters(v2).values())
    wait_for(lambda: demo.service(SERVICE)["versions"].get("v2", {}).get("rps") == 0, "v2 to be left alone")
    assert sum(row["calls"] for row in demo.counters(v2).values()) - calm < 5

    page.goto(f"{demo.http}/services/{SERVICE}?tab=routing")
    page.get_by_role("spinbutton", name=re.compile("v1")).fill("50")
    page.keyboard.press("Tab")
    expect(page.get_by_role("spinbutton", name=re.compile("v2"))).to_have_value("50")
    page.get_by_role("button", name=re.compile("^Apply")).first.click()
    wait_for(lambda: shares(demo) == {"v1": 50, "v2": 50}, "the shares to be written")

    def converged() -> bool:
        versions = demo.service(SERVICE)["versions"]
        return abs(versions["v2"]["share"]["measured"] - 0.5) < 0.1

    wait_for(converged, "the measured share to reach 50 %", timeout=60)
    assert demo.command(SERVICE, command="versions", shares={})["outcome"] == "applied"


def test_a_killed_backend_is_seen_failing_and_coming_back(demo: Demo, page: Page) -> None:
    row = next(row for row in demo.fleet["backends"] if row["service"] == SERVICE and row["alone"])
    address, client = row["address"], demo.service(SERVICE)["clients"][0]["id"]
    page.goto(f"{demo.http}/services/{SERVICE}/backends/{address}")
    state = page.locator('[data-table="peers"] [data-row] [data-col="state"]').first
    expect(state).to_have_text(re.compile("READY"))
    os.kill(demo.counters([address])[address]["pid"], signal.SIGKILL)
    expect(state).to_have_text(re.compile("TRANSIENT_FAILURE"), timeout=EFFECT_MS)
    path = f"/api/v1/services/{SERVICE}/subconns?client={client}&backend={address}"
    wait_for(lambda: demo.get(path)["subconns"][0]["state"] == "READY", "READY again", timeout=40)
    states = [e["text"] for e in demo.get(f"/api/v1/services/{SERVICE}/events")["events"] if address in str(e)]
    assert any("TRANSIENT_FAILURE" in text for text in states)


def test_draining_every_backend_past_the_guards_fails_no_call(demo: Demo, page: Page) -> None:
    service = "user.rpc"
    addresses = demo.backends(service)
    refused = demo.command(service, command="drain", backends=addresses)
    assert refused["status"] == 422
    assert refused["objections"]

    errors = failures(demo, service)
    force = {"service": service, "reason": "test of the last resort"}
    done = demo.command(service, command="drain", backends=addresses, force=force)
    assert done["outcome"] == "applied"
    wait_for(lambda: effective(demo, service), "every client to follow")
    before = sum(row["calls"] for row in demo.counters(addresses).values())
    wait_for(lambda: sum(row["calls"] for row in demo.counters(addresses).values()) > before + 100, "calls to go on")
    page.goto(f"{demo.http}/services/{service}")
    expect(page.get_by_text(re.compile("ignore", re.I)).first).to_be_visible(timeout=EFFECT_MS)
    assert failures(demo, service) == errors
    assert demo.command(service, command="ready", backends=addresses)["outcome"] == "applied"


def test_in_a_quiet_fleet_every_sum_of_picks_is_equal(demo: Demo, page: Page) -> None:
    demo.pause()
    try:
        for service in ("user.rpc", "services/search"):
            addresses = demo.backends(service)
            wait_for(lambda a=addresses: not any(r["inflight"] for r in demo.counters(a).values()), "quiet backends")
            counted = sum(row["calls"] for row in demo.counters(addresses).values())
            told = wait_for(lambda s=service, n=counted: picks(demo.service(s)) == n and n, f"the API to say {counted}")
            page.goto(f"{demo.http}/services/{service.replace('/', '~')}?tab=subconns")
            cells = page.locator('[data-table="subconns"] [data-row] [data-col="picks"]')
            wait_for(lambda c=cells, n=told: sum(map(number, c.all_inner_texts())) == n, f"the screen to say {told}")
    finally:
        demo.pause()


# ---- words of the tests


def open_drawer(page: Page, demo: Demo, address: str, name: str) -> None:
    page.goto(f"{demo.http}/services/{SERVICE}")
    row = page.locator(f'[data-table="backends"] [data-row="{address}"]')
    action(row, name).click()
    expect(page.locator("#command-form")).to_be_visible()


def action(row: Locator, name: str) -> Locator:
    return row.get_by_role("link", name=re.compile(name)).or_(row.get_by_role("button", name=re.compile(name))).first


def effective(demo: Demo, service: str) -> dict[str, Any] | None:
    """The newest command of the service, once every client follows it."""
    events = demo.get(f"/api/v1/services/{service.replace('/', '~')}/events")["events"]
    newest = next((event["command"] for event in events if event.get("command")), None)
    command = newest and demo.get(f"/api/v1/commands/{newest}")
    return command | {"id": newest} if command and command.get("effective_ms") is not None else None


def shares(demo: Demo) -> dict[str, int]:
    versions = demo.service(SERVICE)["routing"]["versions"]
    return versions["shares"] if versions else {}


def failures(demo: Demo, service: str) -> int:
    """Calls that failed without a backend having failed them."""
    answer = demo.service(service)
    told = sum(backend["errors_total"] for backend in answer["backends"])
    own = sum(row["failed"] for row in demo.counters(demo.backends(service)).values())
    return max(0, told - own)


def picks(service: dict[str, Any]) -> int:
    return sum(backend["picks_total"] or 0 for backend in service["backends"])


def number(text: str) -> int:
    return int(re.sub(r"\D", "", text) or 0)
