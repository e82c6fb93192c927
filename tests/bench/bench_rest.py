"""At rest: one page open, nothing happening. The dashboard's own CPU, and what it asks of etcd."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.bench.lines import report
from tests.chromium import launch
from tests.e2e.demo import Dashboard
from tests.e2e.etcd import Etcd

BACKENDS, SETTLE_S, WATCH_S = 100, 12, 30


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        etcd = Etcd(Path(directory) / "etcd")
        etcd.start()
        for number in range(BACKENDS):
            etcd.put(f"bench.rpc/{number}", f"10.0.0.{number}:80")
        with Dashboard(Path(directory) / "data", "--etcd", etcd.address, "--watch", "bench.rpc/") as dashboard:
            measure(dashboard)
        etcd.kill()


def measure(dashboard: Dashboard) -> None:
    with sync_playwright() as playwright:
        page = launch(playwright).new_page()
        page.goto(dashboard.login)
        page.wait_for_url(dashboard.http + "/")
        page.goto(f"{dashboard.http}/services/bench.rpc")
        time.sleep(SETTLE_S)
        rpcs, busy, began = (
            dashboard.get("/api/v1/status")["etcd"]["rpcs"],
            cpu_s(dashboard.process.pid),
            time.monotonic(),
        )
        time.sleep(WATCH_S)
        took = time.monotonic() - began
        used = (cpu_s(dashboard.process.pid) - busy) / took
        asked = (dashboard.get("/api/v1/status")["etcd"]["rpcs"] - rpcs) / took
        page.context.browser.close()  # type: ignore[union-attr]
    report("rest_cpu", 100 * used, "%", None, "<1")
    report("rest_etcd", asked, "rpc/s", None, "<=5")


if __name__ == "__main__":
    main()
