from __future__ import annotations

from dataclasses import replace

from lbdash.live.events import RegistrationsChanged
from lbdash.model import Registration
from lbdash.viewmodels.problems import Finding, service_problems
from tests.viewmodels.stage import NOW, registered, registration, stage
from tests.web.world import SERVICE

ONE = registration(7, "10.0.0.1:8001", "v1")


def duplicates(*found: Registration) -> list[Finding]:
    view, service = stage(registered({}), [RegistrationsChanged("registry /hwholiday/", found, (), 6, NOW)])
    problems = service_problems(service, view.numbers(SERVICE))
    return [finding for finding in problems if finding.problem.code == "duplicate_address"]


def test_two_keys_of_one_address_are_told_and_what_they_differ_in() -> None:
    assert duplicates(ONE) == []
    again = replace(ONE, key="/hwholiday/srv/app/app-8", create_revision=9)
    [same] = duplicates(ONE, again)
    assert (same.subject, same.problem.severity) == (ONE.address, "info")
    assert "2 keys name this address; the newest, /hwholiday/srv/app/app-8, speaks" in same.problem.text
    [other] = duplicates(ONE, replace(again, version="v9", weight=5))
    assert other.problem.severity == "warning"
    assert other.problem.text.endswith("They differ in version and weight.")
