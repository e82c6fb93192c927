"""`serve` over an etcd where nobody links our library: useful, calm, and unable to change anything."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.demo import Dashboard
from tests.e2e.etcd import Etcd

pytestmark = [pytest.mark.browser, pytest.mark.etcd]
VALUE = {
    "node": {"name": "app", "path": "/hwholiday/srv/app", "id": "app-1", "version": "v1", "address": "10.0.0.7:80"}
}


def test_a_registry_alone_is_worth_looking_at(etcd: Etcd, tmp_path: Path, chromium: Browser) -> None:
    etcd.put("/hwholiday/srv/app/app-1", json.dumps(VALUE))
    etcd.put("/hwholiday/srv/app/app-2", "{broken")
    etcd.put("/elsewhere/app/app-3", json.dumps(VALUE))
    before = etcd.dump()
    with Dashboard(tmp_path / "data", "--etcd", etcd.address, "--watch", "/hwholiday/") as dashboard:
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(dashboard.login)
        page.wait_for_url(dashboard.http + "/")
        expect(page.get_by_text(re.compile("read-only", re.I)).first).to_be_visible()
        page.get_by_role("link", name="hwholiday.srv.app").first.click()
        expect(page.locator('[data-row="10.0.0.7:80"]')).to_contain_text("no lease")
        expect(page.get_by_text("unknown").or_(page.get_by_text("nobody reports")).first).to_be_visible()
        service = dashboard.service("hwholiday.srv.app")
        assert service["backends"][0]["picks_total"] is None, "unknown is not 0"
        refused = dashboard.command("hwholiday.srv.app", command="drain", backends=["10.0.0.7:80"])
        assert refused["status"] in (403, 422)
        page.context.close()
        assert urllib.request.urlopen(dashboard.http + "/healthz", timeout=5).status == 200
    assert etcd.dump() == before, "a read-only dashboard writes nothing"


def test_a_user_who_may_read_registrations_only_still_sees(etcd: Etcd, tmp_path: Path) -> None:
    etcd.put("/hwholiday/srv/app/app-1", json.dumps(VALUE))
    etcd.require_login("viewer", "secret", "/hwholiday/")
    login = ("--etcd-user", "viewer", "--etcd-password-file", str(tmp_path / "password"))
    (tmp_path / "password").write_text("secret")
    options = ("--etcd", etcd.address, "--watch", "/hwholiday/", "--control", "*", *login)
    with Dashboard(tmp_path / "data", *options) as dashboard:
        assert dashboard.service("hwholiday.srv.app")["backends"][0]["address"] == "10.0.0.7:80"
        refused = dashboard.command("hwholiday.srv.app", command="drain", backends=["10.0.0.7:80"])
        assert refused["status"] == 503, refused
