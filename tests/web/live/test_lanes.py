"""When a round is due, on a clock that the test moves."""

from __future__ import annotations

from lbdash.web.live.lanes import BURST_S, RESERVE_S, SHARE, Budget


def test_a_quiet_budget_fills_up_and_no_further() -> None:
    budget = Budget(0.0)
    assert budget.wait_s(BURST_S, 0.0) == 0.0
    budget.spend(BURST_S, 0.0)
    assert budget.wait_s(0.0, 0.0) == 0.0
    assert budget.wait_s(BURST_S, 0.0) == BURST_S / SHARE
    assert budget.wait_s(2 * BURST_S, 3600.0) == BURST_S / SHARE


def test_numbers_leave_a_reserve_to_state_changes() -> None:
    budget = Budget(0.0)
    budget.spend(BURST_S - RESERVE_S / 2, 0.0)
    assert budget.wait_s(RESERVE_S, 0.0) > 0
    assert budget.wait_s(0.0, 0.0) == 0.0


def test_a_storm_gets_its_share_of_a_core() -> None:
    budget, now, rounds = Budget(0.0), 0.0, 0
    while now < 60.0:
        now += budget.wait_s(0.0, now) + 0.001
        budget.spend(0.05, now)
        rounds += 1
    assert rounds * 0.05 <= 60.0 * SHARE + BURST_S + 0.05
