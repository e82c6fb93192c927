"""One pick in words: "p2c: 10.0.0.3:8089 load 3 162 against 10.0.0.7:8089 load 10 000; both healthy".

Pure, and shared: the dashboard builds the same sentence from a reported sample as the client from its own record.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Protocol

HEALTHY = 0.5  # p2c's line


class CandidateLike(Protocol):
    """Unknown numbers are None or NaN."""

    @property
    def address(self) -> str: ...
    @property
    def load(self) -> float: ...
    @property
    def inflight(self) -> int: ...
    @property
    def success(self) -> float | None: ...


class PickLike(Protocol):
    """What a sentence needs; `PickRecord` and the dashboard's samples both have it."""

    @property
    def policy(self) -> str: ...
    @property
    def result(self) -> str: ...
    @property
    def chosen(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def error(self) -> str: ...
    @property
    def requested_version(self) -> str: ...
    @property
    def queued_us(self) -> int: ...
    @property
    def ready(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def detail(self) -> Mapping[str, str]: ...
    @property
    def candidates(self) -> Sequence[CandidateLike]: ...


def explain(pick: PickLike) -> str:
    """A sentence without a full stop. Never raises on odd input: samples come from other processes."""
    if pick.result != "complete":
        return _unplaced(pick)
    name = pick.policy.removesuffix("_ewma") or "policy"
    version = f", version {pick.requested_version} asked for" if pick.requested_version else ""
    drain = ", drains ignored: nothing else was left" if "drains_ignored" in pick.detail else ""
    ejected = f", {pick.detail['ejected']} left out as outliers" if "ejected" in pick.detail else ""
    queued = f", after {_ms(pick.queued_us)} in the queue" if pick.queued_us else ""
    return f"{name}: {_choice(pick)}{version}{drain}{ejected}{queued}"


def _unplaced(pick: PickLike) -> str:
    waited = f" after {_ms(pick.queued_us)} in the queue" if pick.queued_us else ""
    what = {"queue": "never placed", "drop": "dropped"}.get(pick.result, "failed")
    return f"{what}{waited}: {pick.error or f'{pick.ready} of {pick.total} READY'}"


def _choice(pick: PickLike) -> str:
    rivals = [c for c in pick.candidates if c.address != pick.chosen]
    own = next((c for c in pick.candidates if c.address == pick.chosen), None)
    if own is not None and pick.reason == "fewest":
        return _fewest(own, rivals)
    if own is not None and rivals:
        return _contest(own, rivals[0], pick.reason)
    return f"{pick.chosen} {_reason(pick)}"


def _contest(own: CandidateLike, rival: CandidateLike, reason: str) -> str:
    if reason in ("probe", "forced"):
        why = "a probe of an idle one" if reason == "probe" else "forced, as it was idle for over 1 s"
        return f"{own.address} load {_number(own.load)} although {rival.address} has load {_number(rival.load)}: {why}"
    against = f"{own.address} load {_number(own.load)} against {rival.address} load {_number(rival.load)}"
    tie = "; a tie, by coin flip" if reason == "tie" else ""
    return f"{against}{tie}; {_health(own, rival)}"


def _fewest(own: CandidateLike, rivals: Sequence[CandidateLike]) -> str:
    others = ", ".join(f"{rival.address} with {_number(rival.load)}" for rival in rivals)
    return f"{own.address} with {_number(own.load)} in flight " + (f"against {others}" if others else "was drawn alone")


def _health(own: CandidateLike, rival: CandidateLike) -> str:
    sick = [c.address for c in (own, rival) if c.success is not None and c.success <= HEALTHY]
    return {0: "both healthy", 2: "both unhealthy"}.get(len(sick)) or f"{sick[0]} unhealthy"


def _reason(pick: PickLike) -> str:
    detail = pick.detail
    match pick.reason:
        case "single":
            return "is the only one to choose from"
        case "first":
            return "is the first READY address"
        case "next" if "n" in detail:
            return f"is next in turn of {detail['n']}"
        case "weight" if "total_weight" in detail:
            whose = "the reported weight" if detail.get("kind") == "reported" else "weight"
            return f"by {whose} {detail.get('weight', '?')} of {detail['total_weight']}"
        case "passed" if "n" in detail:
            return f"is drawn from the {detail.get('passed', '?')} of {detail['n']} that the filter lets pass"
        case "hash" | "random hash":
            return _place(pick.reason, detail)
        case reason:
            return f"({reason.replace('_', ' ')})" if reason else "chosen"


def _place(reason: str, detail: Mapping[str, str]) -> str:
    header = detail.get("header", "hash")
    hops = detail.get("hops", "0")
    past = f", past {hops} that cannot serve now" if hops != "0" else ""
    return (f"has the key of {header}" if reason == "hash" else f"by a random key: the call has no {header}") + past


def _number(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ") if math.isfinite(value) else "unknown"


def _ms(us: int) -> str:
    return f"{us / 1000:.0f} ms" if us >= 10_000 else f"{us / 1000:.1f} ms"
