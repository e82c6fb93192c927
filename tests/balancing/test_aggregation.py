from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lbdash.balancing import aggregation
from lbdash.model import Connectivity
from tests.balancing.vectors import POLICIES

RULES = {
    "grpc_ge_1_49": aggregation.current,
    "grpc_1_41_to_1_48": aggregation.grpc_go_1_41,
    "ring_hash": aggregation.ring_hash,
}
STATES = st.lists(st.sampled_from(Connectivity), max_size=8)
EVERY_RULE = [*RULES.values(), aggregation.least_request]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("vector", POLICIES["agg"], ids=lambda vector: "+".join(vector["states"]) or "none")
def test_aggregation_agrees_with_the_vectors(vector, rule):
    assert RULES[rule]([Connectivity[name] for name in vector["states"]]).name == vector[rule]


@pytest.mark.parametrize(
    ("states", "want"),
    [
        ("I", "CONNECTING"),
        ("IT", "CONNECTING"),
        ("TT", "TRANSIENT_FAILURE"),
        ("CR", "READY"),
        ("", "TRANSIENT_FAILURE"),
    ],
)
def test_a48_counts_idle_as_connecting(states, want):
    letters = {state.name[0]: state for state in Connectivity}
    assert aggregation.least_request([letters[letter] for letter in states]).name == want


@pytest.mark.parametrize("rule", EVERY_RULE)
@given(states=STATES, seed=st.randoms())
def test_neither_order_nor_closed_subconns_matter(rule, states, seed):
    shuffled = [*states, Connectivity.SHUTDOWN]
    seed.shuffle(shuffled)
    assert rule(shuffled) is rule([state for state in states if state is not Connectivity.SHUTDOWN])


@pytest.mark.parametrize("rule", EVERY_RULE)
@given(states=STATES)
def test_ready_wins_and_nothing_else_is_called_ready(rule, states):
    assert (rule(states) is Connectivity.READY) == (Connectivity.READY in states)
    assert rule(states) is not Connectivity.SHUTDOWN


def test_a_failed_subconn_counts_as_failed_until_it_is_ready():
    raw = ["CONNECTING", "TRANSIENT_FAILURE", "IDLE", "CONNECTING", "TRANSIENT_FAILURE", "READY"]
    counted, state = [], Connectivity.IDLE
    for name in raw:
        state = aggregation.sticky(state, Connectivity[name])
        counted.append(aggregation.current([state]).name)
    assert counted == ["CONNECTING", *["TRANSIENT_FAILURE"] * 4, "READY"]
