from __future__ import annotations

from math import nan

import pytest

from lbdash.balancing import Candidate, PickRecord, explain

A = Candidate("10.0.0.3:8089", 3162.3, 1e4, 0, 1.0, 100)
B = Candidate("10.0.0.7:8089", 10000.0, 1e5, 0, 1.0, 100)
SICK = Candidate("10.0.0.7:8089", 10000.0, 1e5, 0, 0.2, 100)
FEW = Candidate("10.0.0.3:8089", 1.0, 1e4, 1, 1.0, 100)
MANY = Candidate("10.0.0.7:8089", 4.0, 1e5, 4, 1.0, 100)
COLD = Candidate("10.0.0.9:8089", nan, None, 0, None, 100)


def pick(reason, *candidates, policy="p2c_ewma", **fields):
    chosen = fields.pop("chosen", candidates[0].address if candidates else "")
    fields = {"result": "complete", **fields}
    return PickRecord(0.0, "/s/M", policy, chosen=chosen, reason=reason, candidates=candidates, **fields)


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (pick("lower_load", A, B), "p2c: 10.0.0.3:8089 load 3 162 against 10.0.0.7:8089 load 10 000; both healthy"),
        (
            pick("lower_load", A, SICK),
            "p2c: 10.0.0.3:8089 load 3 162 against 10.0.0.7:8089 load 10 000; 10.0.0.7:8089 unhealthy",
        ),
        (pick("tie", A, A, chosen=A.address), "p2c: 10.0.0.3:8089 (tie)"),
        (
            pick("probe", A, B, chosen=B.address),
            "p2c: 10.0.0.7:8089 load 10 000 although 10.0.0.3:8089 has load 3 162: a probe of an idle one",
        ),
        (pick("lower_load", A, COLD), "p2c: 10.0.0.3:8089 load 3 162 against 10.0.0.9:8089 load unknown; both healthy"),
        (
            pick("forced", A, B, chosen=B.address, policy="p2c_ewma_compat"),
            "p2c_ewma_compat: 10.0.0.7:8089 load 10 000 although 10.0.0.3:8089 has load 3 162: forced, as it was idle"
            " for over 1 s",
        ),
        (
            pick("fewest", FEW, MANY, policy="least_request"),
            "least_request: 10.0.0.3:8089 with 1 in flight against 10.0.0.7:8089 with 4",
        ),
        (pick("fewest", FEW, policy="least_request"), "least_request: 10.0.0.3:8089 with 1 in flight was drawn alone"),
        (
            pick("hash", A, policy="ring_hash", detail={"header": "x-user", "hops": "2"}),
            "ring_hash: 10.0.0.3:8089 has the key of x-user, past 2 that cannot serve now",
        ),
        (
            pick("passed", A, policy="customize", detail={"n": "4", "passed": "3"}),
            "customize: 10.0.0.3:8089 is drawn from the 3 of 4 that the filter lets pass",
        ),
        (
            pick("random hash", A, policy="ring_hash", detail={"header": "x-user", "hops": "0"}),
            "ring_hash: 10.0.0.3:8089 by a random key: the call has no x-user",
        ),
        (
            pick(
                "weight",
                A,
                policy="weighted_round_robin",
                detail={"weight": "6554", "total_weight": "72089", "kind": "reported"},
            ),
            "weighted_round_robin: 10.0.0.3:8089 by the reported weight 6554 of 72089",
        ),
        (
            pick("next", A, policy="outlier_detection", detail={"n": "4", "ejected": "1"}),
            "outlier_detection: 10.0.0.3:8089 is next in turn of 4, 1 left out as outliers",
        ),
        (pick("single", A), "p2c: 10.0.0.3:8089 is the only one to choose from"),
        (
            pick("next", A, policy="round_robin", detail={"n": "4"}),
            "round_robin: 10.0.0.3:8089 is next in turn of 4",
        ),
        (
            pick(
                "weight", A, policy="version", detail={"weight": "100", "total_weight": "300"}, requested_version="v1"
            ),
            "version: 10.0.0.3:8089 by weight 100 of 300, version v1 asked for",
        ),
        (
            pick("first", A, policy="pick_first", detail={"drains_ignored": "true"}, queued_us=12_345),
            "pick_first: 10.0.0.3:8089 is the first READY address, drains ignored: nothing else was left,"
            " after 12 ms in the queue",
        ),
        (
            pick("", result="fail", error="no match found conn: no such version 'v9'"),
            "failed: no match found conn: no such version 'v9'",
        ),
        (
            pick("", result="queue", queued_us=1500, ready=0, total=3),
            "never placed after 1.5 ms in the queue: 0 of 3 READY",
        ),
    ],
)
def test_a_pick_is_told_in_words(record, sentence):
    assert explain(record) == sentence
