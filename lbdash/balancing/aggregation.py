"""One state out of many SubConns', by the rule sets that different balancers use (SPEC 3.3). Pure.

SHUTDOWN never counts. The inputs are what `sticky` made of the raw states: a SubConn that failed stays
TRANSIENT_FAILURE until it is READY, whatever it tries meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable

from lbdash.model import Connectivity

IDLE, CONNECTING, READY, FAILED = (
    Connectivity.IDLE,
    Connectivity.CONNECTING,
    Connectivity.READY,
    Connectivity.TRANSIENT_FAILURE,
)


def current(states: Iterable[Connectivity]) -> Connectivity:
    """gRPC >= 1.49 and endpointsharding; what our channel reports."""
    return _first(states, (READY, CONNECTING, IDLE))


def grpc_go_1_41(states: Iterable[Connectivity]) -> Connectivity:
    """grpc-go 1.41 to 1.48: a failure hides the idle ones."""
    return _first(states, (READY, CONNECTING, FAILED, IDLE))


def least_request(states: Iterable[Connectivity]) -> Connectivity:
    """The text of gRFC A48 and A58: IDLE counts as CONNECTING."""
    return _first((CONNECTING if state is IDLE else state for state in states), (READY, CONNECTING))


def ring_hash(states: Iterable[Connectivity]) -> Connectivity:
    """gRFC A42: two failures are a failure, one among several is a reason to connect another."""
    counted: list[Connectivity] = [state for state in states if state is not Connectivity.SHUTDOWN]
    failed = counted.count(FAILED)
    if READY in counted:
        return READY
    if failed >= 2:
        return FAILED
    if CONNECTING in counted or (failed == 1 and len(counted) > 1):
        return CONNECTING
    return IDLE if IDLE in counted else FAILED


def _first(states: Iterable[Connectivity], order: Iterable[Connectivity]) -> Connectivity:
    """The first of `order` that occurs; TRANSIENT_FAILURE when none does, for an empty list too."""
    present = set(states)
    return next((state for state in order if state in present), FAILED)


def sticky(before: Connectivity, now: Connectivity) -> Connectivity:
    """What a SubConn counts as: after a failure, attempts are not progress. IDLE still asks for a connection."""
    return before if before is FAILED and now in (IDLE, CONNECTING) else now
