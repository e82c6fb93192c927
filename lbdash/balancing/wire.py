"""Single messages of the telemetry schema, from our own types. Ages are microseconds before `now`."""

from __future__ import annotations

from math import nan

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.intake import ResolverEvent
from lbdash.balancing.picker import Candidate, PickRecord
from lbdash.balancing.pool import StateChange
from lbdash.model import Connectivity
from lbdash.proto import telemetry_pb2 as pb


def micros(seconds: float) -> int:
    return max(0, int(seconds * 1e6))


def subconn_row(endpoint: Endpoint, state: Connectivity, age_s: float) -> pb.SubConn:
    return pb.SubConn(index=endpoint.index, address=endpoint.address, state=state, state_age_us=micros(age_s))


def transition(change: StateChange, now: float) -> pb.Transition:
    return pb.Transition(
        index=change.index, state=change.state, age_us=micros(now - change.at), error=change.error[:200]
    )


def resolver_event(event: ResolverEvent, now: float) -> pb.ResolverEvent:
    return pb.ResolverEvent(
        age_us=micros(now - event.at),
        kind=event.kind,
        added=event.added,
        removed=event.removed,
        size=event.size,
        text=event.text,
    )


def pick_sample(record: PickRecord, now: float) -> pb.PickSample:
    return pb.PickSample(
        age_us=micros(now - record.at),
        method=record.method,
        requested_version=record.requested_version[:100],
        result=record.result,
        chosen=record.chosen,
        reason=record.reason,
        candidates=[_candidate(candidate) for candidate in record.candidates],
        queued_us=record.queued_us,
        repicks=record.repicks,
        policy=record.policy,
        picker_build=record.picker_build,
        ready=record.ready,
        total=record.total,
        error=record.error[:200],
        traced=record.traced,
        detail=record.detail,
        chosen_version=record.chosen_version,
    )


def _candidate(candidate: Candidate) -> pb.Candidate:
    return pb.Candidate(
        address=candidate.address,
        load=candidate.load,
        lag_us=nan if candidate.lag_us is None else candidate.lag_us,
        inflight=candidate.inflight,
        success=nan if candidate.success is None else candidate.success,
        weight=candidate.weight,
        version=candidate.version,
    )
