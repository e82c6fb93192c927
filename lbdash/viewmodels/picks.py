"""The Picks tab: what pickers chose and why, in words. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lbdash.balancing.explain import explain
from lbdash.live.events import Candidate, PickSample
from lbdash.live.state import Service
from lbdash.live.view import LiveView
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.heat import client_name

SHOWN = 100


@dataclass(frozen=True, slots=True)
class CandidateLine:
    """`bar`: its load against the greatest of its rivals, 0..1; None when unknown."""

    address: str
    chosen: bool
    load: str
    bar: float | None
    facts: str


@dataclass(frozen=True, slots=True)
class PickLine:
    sample: PickSample
    client: str
    sentence: str
    candidates: tuple[CandidateLine, ...]
    failed: bool
    probe: bool

    @property
    def key(self) -> str:
        sample = self.sample
        return f"{sample.client}:{sample.at:.6f}:{sample.method}:{sample.chosen}"


@dataclass(frozen=True, slots=True)
class Reason:
    name: str
    count: int
    ratio: float  # of all samples in the ring


@dataclass(frozen=True, slots=True)
class PicksTab:
    lines: tuple[PickLine, ...]
    reasons: tuple[Reason, ...]
    samples: int
    dropped: int  # samples that clients could not send
    clients: tuple[tuple[str, str], ...]  # (id, name) of those that can be traced


def build(view: LiveView, service: Service, *, client: str = "", text: str = "") -> PicksTab:
    """Newest first; `text` narrows to samples that say it anywhere."""
    samples = view.picks(service.key, client=client, limit=SHOWN if not text else 1000)
    lines = (_line(service, sample) for sample in samples)
    wanted = [line for line in lines if _matches(line, text.lower())] if text else list(lines)
    reasons = view.pick_reasons(service.key)
    numbers = view.numbers(service.key)
    return PicksTab(
        tuple(wanted[:SHOWN]),
        _reasons(reasons),
        sum(reasons.values()),
        sum(found.samples_dropped for found in numbers.clients.values()),
        tuple(_traceable(service)),
    )


def _traceable(service: Service) -> Iterable[tuple[str, str]]:
    live = (c for c in service.clients.values() if c.gone_at is None and c.source == "telemetry")
    return sorted(((c.id, client_name(service, c.id)) for c in live), key=lambda pair: pair[1])


def _reasons(counts: Mapping[str, int]) -> tuple[Reason, ...]:
    total = sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Reason(name or "chosen", count, count / total) for name, count in ordered if count)


def _line(service: Service, sample: PickSample) -> PickLine:
    greatest = max((c.load for c in sample.candidates if math.isfinite(c.load)), default=0.0)
    return PickLine(
        sample,
        client_name(service, sample.client),
        explain(sample),
        tuple(_candidate(c, sample.chosen, greatest) for c in sample.candidates),
        failed=sample.result != "complete",
        probe=sample.reason in ("probe", "forced"),
    )


def _candidate(candidate: Candidate, chosen: str, greatest: float) -> CandidateLine:
    known = math.isfinite(candidate.load)
    facts = [
        f"lag {fmt.ms(candidate.lag_us / 1000)} ms" if math.isfinite(candidate.lag_us) else "",
        f"{fmt.count(candidate.inflight)} in flight",
        f"success {fmt.decimal(candidate.success)}" if math.isfinite(candidate.success) else "",
        f"weight {fmt.count(candidate.weight)}" if math.isfinite(candidate.weight) and candidate.weight != 100 else "",
    ]
    return CandidateLine(
        candidate.address,
        candidate.address == chosen,
        fmt.count(candidate.load) if known else fmt.UNKNOWN,
        candidate.load / greatest if known and greatest else None,
        " · ".join(fact for fact in facts if fact),
    )


def _matches(line: PickLine, text: str) -> bool:
    sample = line.sample
    words = (line.client, sample.method, sample.requested_version, sample.reason, sample.chosen, line.sentence)
    return any(text in word.lower() for word in words)
