"""etcd killed for half a minute under load: calls go on, pages say stale, commands are refused, all heals by itself."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.demo import Demo, wait_for
from tests.e2e.etcd import Etcd

pytestmark = [pytest.mark.browser, pytest.mark.etcd]
SERVICE = "hwholiday.srv.app"
OUTAGE_S = 30


def test_etcd_may_be_away_for_half_a_minute(etcd: Etcd, tmp_path: Path, chromium: Browser) -> None:
    with Demo(tmp_path / "data", "--etcd", etcd.address) as demo:
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(demo.login)
        page.wait_for_url(demo.http + "/")
        page.goto(f"{demo.http}/services/{SERVICE}")
        addresses = demo.backends(SERVICE)
        wait_for(lambda: calls(demo, addresses) > 100, "traffic")
        before = demo.service(SERVICE)

        killed = time.monotonic()
        etcd.kill()
        expect(page.get_by_text(re.compile(r"is away, last word \d+ s ago")).first).to_be_visible(timeout=20_000)
        refused = demo.command(SERVICE, command="drain", backends=addresses[:1], generation=before["generation"])
        assert refused["status"] == 503, refused
        carried = calls(demo, addresses)
        wait_for(lambda: time.monotonic() - killed > OUTAGE_S, "half a minute", timeout=OUTAGE_S + 5)
        assert calls(demo, addresses) > carried + 200, "the fleet must go on calling"
        assert len(demo.service(SERVICE)["backends"]) == len(addresses), "what was known stays on the screen"

        etcd.start()
        expect(page.get_by_text(re.compile("is away")).first).to_be_hidden(timeout=30_000)
        backends = wait_for(lambda: registered(demo, len(addresses)), "every backend to be registered again")
        assert len(backends) == len(addresses)
        assert len(demo.service(SERVICE)["clients"]) == len(before["clients"])
        told = sum(backend["errors_total"] for backend in backends)
        assert told <= sum(row["failed"] for row in demo.counters(addresses).values()), "only backends failed calls"
        drained = demo.command(SERVICE, command="drain", backends=addresses[:1])
        assert drained["outcome"] == "applied", drained
        page.context.close()


def calls(demo: Demo, addresses: list[str]) -> int:
    return sum(row["calls"] for row in demo.counters(addresses).values())


def registered(demo: Demo, count: int) -> list[dict[str, Any]]:
    """The backends once they all have a registration, else nothing."""
    backends: list[dict[str, Any]] = demo.service(SERVICE)["backends"]
    return backends if sum(bool(backend["registrations"]) for backend in backends) == count else []
