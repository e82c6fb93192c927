from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdash.balancing.switching import GracefulSwitch
from lbdash.model import Connectivity

NAMES = ("pick_first", "round_robin", "p2c_ewma")
STATES = {state.name[0]: state for state in Connectivity}


def ready(name="round_robin"):
    """A switch whose first policy serves."""
    switch = GracefulSwitch(NAMES)
    switch.ask(name)
    switch.report(switch.current, STATES["R"])
    return switch


def test_the_first_policy_is_current_at_once():
    switch = GracefulSwitch(NAMES)
    assert switch.ask("Round_Robin") == []
    assert (switch.current.name, switch.pending) == ("round_robin", None)


@pytest.mark.parametrize(("state", "switched"), [("C", False), ("R", True), ("I", True), ("T", True)])
def test_a_later_policy_takes_over_once_it_is_no_longer_connecting(state, switched):
    switch = ready()
    old, _ = switch.current, switch.ask("p2c_ewma")
    assert switch.current is old
    assert switch.report(switch.pending, STATES[state]) == ([old] if switched else [])
    assert switch.current.name == ("p2c_ewma" if switched else "round_robin")


@pytest.mark.parametrize("state", "CIT")
def test_it_takes_over_when_the_current_one_leaves_ready(state):
    switch = ready()
    old, _ = switch.current, switch.ask("p2c_ewma")
    assert switch.report(old, STATES["R"]) == []
    assert switch.report(old, STATES[state]) == [old]
    assert (switch.current.name, switch.pending) == ("p2c_ewma", None)


def test_it_takes_over_at_any_report_when_the_current_one_never_was_ready():
    switch = GracefulSwitch(NAMES)
    switch.ask("round_robin")
    old, _ = switch.current, switch.ask("p2c_ewma")
    assert switch.report(switch.pending, STATES["C"]) == [old]


def test_a_third_policy_discards_the_pending_one():
    switch = ready()
    switch.ask("p2c_ewma")
    second = switch.pending
    assert switch.ask("pick_first") == [second]
    assert switch.report(second, STATES["R"]) == []
    assert switch.current.name == "round_robin"


def test_the_same_name_in_any_case_is_no_switch():
    switch = ready()
    assert switch.ask("ROUND_ROBIN") == []
    assert switch.pending is None


def test_an_unknown_name_means_pick_first():
    switch = ready()
    switch.ask("fastest")
    assert switch.pending.name == "pick_first"
    assert switch.problem == "unknown policy 'fastest', using pick_first"


@given(
    st.lists(st.one_of(st.sampled_from(NAMES), st.tuples(st.booleans(), st.sampled_from(Connectivity))), max_size=40)
)
def test_each_policy_is_closed_once_and_none_in_use_ever_is(script):
    switch, closed = GracefulSwitch(NAMES), []
    for step in script:
        if isinstance(step, str):
            closed += switch.ask(step)
        else:
            about_pending, state = step
            slot = switch.pending if about_pending else switch.current
            if slot is not None:
                closed += switch.report(slot, state)
        assert len({id(slot) for slot in closed}) == len(closed)
        assert switch.current not in closed
        assert switch.pending is None or switch.pending not in closed
