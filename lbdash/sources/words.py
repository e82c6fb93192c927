"""Single messages of the telemetry schema to our own types: texts cut, lists bounded, ages turned into times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lbdash.live.events import (
    Candidate,
    ClientOpened,
    PickSample,
    ResolverEvent,
    RuleHits,
    Transition,
    VersionCount,
)
from lbdash.model import Connectivity
from lbdash.proto import telemetry_pb2 as pb
from lbdash.sources.columns import Malformed

NAME, TEXT, KEY = 200, 300, 1000  # characters
MAX_VERSIONS, MAX_RULES, MAX_REJECTED, MAX_RESOLVER, MAX_SAMPLES, MAX_CANDIDATES = 300, 100, 50, 50, 200, 32
MAX_AGE_S = 366 * 86400.0
SOURCE = "telemetry"
_STATES = tuple(Connectivity)


@dataclass(frozen=True, slots=True)
class Moment:
    """When a report was sent, on our clock; ages on the wire are before it."""

    sent: float

    def ago(self, age_us: int) -> float:
        return self.sent - min(age_us * 1e-6, MAX_AGE_S)


def connectivity(number: int) -> Connectivity:
    if number < len(_STATES):
        return _STATES[number]
    raise Malformed(f"{number} is no connectivity state")


def opened(message: pb.Open, id: str, at: float) -> ClientOpened:
    process = message.process
    return ClientOpened(
        id=id,
        name=message.name[:NAME] or id[:8],
        service=message.service,
        convention=message.convention[:NAME],
        policy=message.policy[:NAME],
        source=SOURCE,
        at=at,
        target=message.target[:TEXT],
        process=process.name[:NAME],
        host=process.host[:NAME],
        pid=process.pid,
        language=process.language[:NAME],
        library=process.library_version[:NAME],
        can_obey=_words(message.can_obey),
        can_tell=_words(message.can_tell),
    )


def _words(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word[:32] for word in list(words)[:16])


def transition(message: pb.Transition, moment: Moment) -> Transition:
    return Transition(message.index, connectivity(message.state), moment.ago(message.age_us), message.error[:NAME])


def versions(rows: Sequence[pb.VersionCount]) -> tuple[VersionCount, ...]:
    counts = [
        VersionCount(row.requested[:NAME], row.chosen[:NAME], row.reason[:32], row.source[:32], row.count)
        for row in rows[:MAX_VERSIONS]
    ]
    return tuple(counts)


def rule_hits(rows: Iterable[pb.RuleHits]) -> tuple[RuleHits, ...]:
    return tuple(
        RuleHits(row.header[:NAME], row.exact[:NAME], row.version[:NAME], row.count) for row in list(rows)[:MAX_RULES]
    )


def rejected(rows: Iterable[pb.RejectedKey]) -> tuple[tuple[str, str], ...]:
    return tuple((row.key[:KEY], row.reason[:TEXT]) for row in list(rows)[:MAX_REJECTED])


def resolver(rows: Iterable[pb.ResolverEvent], moment: Moment) -> tuple[ResolverEvent, ...]:
    return tuple(
        ResolverEvent(moment.ago(row.age_us), row.kind[:32], row.added, row.removed, row.size, row.text[:TEXT])
        for row in list(rows)[:MAX_RESOLVER]
    )


def samples(rows: Iterable[pb.PickSample], client: str, moment: Moment) -> tuple[PickSample, ...]:
    return tuple(_sample(row, client, moment) for row in list(rows)[:MAX_SAMPLES])


def _sample(row: pb.PickSample, client: str, moment: Moment) -> PickSample:
    return PickSample(
        at=moment.ago(row.age_us),
        client=client,
        method=row.method[:NAME],
        requested_version=row.requested_version[:NAME],
        chosen_version=row.chosen_version[:NAME],
        result=row.result[:32],
        chosen=row.chosen[:TEXT],
        reason=row.reason[:64],
        policy=row.policy[:NAME],
        candidates=tuple(_candidate(candidate) for candidate in list(row.candidates)[:MAX_CANDIDATES]),
        queued_us=row.queued_us,
        repicks=row.repicks,
        picker_build=row.picker_build,
        ready=row.ready,
        total=row.total,
        error=row.error[:NAME],
        traced=row.traced,
        detail={key[:64]: value[:NAME] for key, value in list(row.detail.items())[:32]},
    )


def _candidate(row: pb.Candidate) -> Candidate:
    return Candidate(
        row.address[:TEXT], row.load, row.lag_us, row.inflight, row.success, row.weight, row.version[:NAME]
    )
