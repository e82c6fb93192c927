"""What the Routing tab says of shares, rules and what is odd; Picks and Timeline beside it."""

from __future__ import annotations

from dataclasses import replace

from lbdash.live.events import ClientReported, RuleHits, VersionCount
from lbdash.viewmodels import backend, client, picks, timeline
from lbdash.viewmodels.routing import build
from tests.viewmodels.stage import NOW, control, registered, stage
from tests.web import world
from tests.web.world import ALICE, BACKENDS, BOB

FIRST, SECOND, THIRD = BACKENDS
SHARES = {"shares": {"v1": 90, "v2": 10}, "rules": [{"header": "X-Canary", "exact": "1", "version": "v9"}]}


def test_a_share_shows_configured_measured_and_who_can_serve_it() -> None:
    view, service = stage(registered(), world.busy(NOW), [control({"versions": SHARES})])
    tab = build(view, service)
    assert [(s.version, s.configured, s.ready, s.registered) for s in tab.shares] == [
        ("v1", 90, 2, 2),
        ("v2", 10, 1, 1),
    ]
    assert tab.shares[0].measured == 100.0  # the world's picks by share all went to v1
    assert tab.shares[0].picks >= 20


def test_nothing_is_quoted_under_twenty_picks() -> None:
    view, service = stage(registered(), world.clients(NOW - 2))
    assert [share.measured for share in build(view, service).shares] == [None, None]


def test_without_clients_nothing_reads_as_zero() -> None:
    view, service = stage(registered(), [control({"versions": SHARES})])
    tab = build(view, service)
    assert [(share.ready, share.measured) for share in tab.shares] == [(None, None), (None, None)]
    assert tab.rules[0].hits is None


def test_a_rule_for_a_version_nobody_has_is_marked() -> None:
    hits = ClientReported(ALICE, NOW, 0.0, rule_hits=(RuleHits("x-canary", "1", "v9", 7),))
    view, service = stage(registered(), world.busy(NOW), [control({"versions": SHARES}), hits])
    line = build(view, service).rules[0]
    assert (line.rule.header, line.known, line.hits) == ("x-canary", False, 7)


def test_keys_that_cannot_be_read_are_shown_with_who_rejected_them() -> None:
    refused = replace(world.report(BOB, NOW, picks=200), rejected=(("/lbdash/v1/k", "shares sum to 90"),))
    view, service = stage(registered(), world.busy(NOW), [control({"versions": "{bad", "policy": {"x": 1}}), refused])
    found = {(rejection.client, rejection.reason) for rejection in build(view, service).rejections}
    assert (BOB, "shares sum to 90") in found
    assert ("", "'name' is missing") in found


def test_an_override_without_its_backend_and_one_for_another_instance_are_told_apart() -> None:
    keys = {
        "backends/10.9.9.9%3A1/weight": {"weight": 50, "by": "op"},
        f"backends/{FIRST.replace(':', '%3A')}/admin": {"state": "maint", "registration": "app-old"},
        f"backends/{SECOND.replace(':', '%3A')}/admin": {"state": "drain", "registration": "app-1"},
    }
    view, service = stage(registered(), [control(keys)])
    found = [(o.address, o.kind, o.now, o.command) for o in build(view, service).overrides]
    assert found == [(FIRST, "maint", ("app-0",), "ready"), ("10.9.9.9:1", "weight 50", (), "weight")]
    page = backend.build(view, service, FIRST)
    assert page is not None
    assert page.other_instance
    assert page.effective.why.startswith("no new picks at all")


def test_the_matrix_has_a_column_for_every_version_that_answers() -> None:
    counts = (VersionCount("v9", "", "no_version", "metadata", 4), VersionCount("", "v1", "", "share", 200))
    report = replace(world.report(ALICE, NOW, picks=200), versions=counts)
    view, service = stage(registered(), world.busy(NOW), [report])
    tab = build(view, service)
    assert tab.answering[:2] == ("v1", "v2")
    asked = next(row for row in tab.matrix if row.requested == "v9")
    assert (asked.no_version, asked.none_ready) == (4, 0)


def test_a_pick_is_told_in_words_with_its_rivals() -> None:
    view, service = stage(registered(), world.busy(NOW))
    tab = picks.build(view, service)
    line = tab.lines[0]
    assert line.sentence.startswith(f"p2c: {FIRST} load 3 162 against {SECOND}")
    assert [(c.address, c.chosen, c.bar) for c in line.candidates] == [(FIRST, True, 1.0), (SECOND, False, 1.0)]
    assert "lag" not in line.candidates[0].facts  # unknown is left out, not 0
    assert sum(reason.count for reason in tab.reasons) == tab.samples
    assert picks.build(view, service, text="no such words").lines == ()
    assert [id for id, _ in tab.clients] == [BOB, ALICE]


def test_the_timeline_narrows_and_pages_back() -> None:
    view, service = stage(registered(), world.busy(NOW))
    everything = timeline.build(view, service)
    assert {entry.kind for entry in timeline.build(view, service, kind="clients").entries} == {"client"}
    assert timeline.build(view, service, kind="<script>").kind == ""
    oldest = everything.entries[-1].serial
    assert all(entry.serial < oldest for entry in timeline.build(view, service, before=oldest).entries)
    assert timeline.since({"before": "-1"}) == timeline.since({}) == 0


def test_a_client_that_has_not_applied_the_newest_key_is_behind() -> None:
    view, service = stage(registered(), world.busy(NOW), [control({"versions": SHARES}, revision=30)])
    page = client.build(view, service, ALICE)
    assert page is not None
    assert (page.applied.newest, page.applied.behind) == (30, True)
    told = [world.report(ALICE, NOW, picks=200, applied_revision=30)]
    view, service = stage(registered(), world.busy(NOW), [control({"versions": SHARES}, revision=30)], told)
    assert (found := client.build(view, service, ALICE)) is not None
    assert not found.applied.behind
    assert client.build(view, service, "f" * 32) is None
