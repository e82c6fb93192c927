"""How far a command has come, as pages and the API show it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lbdash.control.obey import Named, cannot_obey, connected
from lbdash.control.track import Track, expected, violations
from lbdash.control.words import listed
from lbdash.live.state import Service
from lbdash.live.view import LiveView


@dataclass(frozen=True, slots=True)
class Progress:
    """written -> seen by n of m -> effective -> draining -> safe to stop. Unknown numbers are None.

    `clients_total`: clients that can obey and were connected when it was made; of those `seen`, `gone` (left before
    they had seen it) and `stragglers` (id, name). `cannot_obey`: (id, name, why). `effective_ms`: from the
    transaction's answer to the receipt of the last client's word, an upper bound; None before that, or when another
    dashboard made it. `drained` True = safe to stop, None = cannot be told: `verdict` says why, in a sentence.
    """

    id: str
    service: str
    verb: str
    text: str
    by: str
    reason: str
    at: float
    generation: int | None
    revision: int | None
    outcome: str
    clients_total: int = 0
    seen: int = 0
    gone: int = 0
    stragglers: tuple[tuple[str, str], ...] = ()
    cannot_obey: tuple[Named, ...] = ()
    effective_ms: float | None = None
    backends: tuple[str, ...] = ()
    inflight: int | None = None
    oldest_s: float | None = None
    drained: bool | None = None
    verdict: str = ""
    cannot_tell: tuple[str, ...] = ()
    violations: int = 0
    returns_no_earlier_than: float | None = None
    expired: bool = False

    @property
    def effective(self) -> bool:
        """Every client that can obey and is still here has applied it."""
        return self.outcome == "applied" and self.seen > 0 and not self.stragglers


def report(track: Track, view: LiveView) -> Progress:
    service = view.state.services.get(track.service)
    progress = _written(track)
    if service is None or track.outcome != "applied":
        return replace(progress, verdict=_unwritten(track))
    progress = _seen(progress, track, service)
    if track.held:
        progress = _draining(progress, track, view, service)
    return replace(progress, violations=violations(track, view), verdict=_verdict(progress, track))


def _written(track: Track) -> Progress:
    return Progress(
        id=track.id,
        service=track.service,
        verb=track.verb,
        text=track.text,
        by=track.by,
        reason=track.reason,
        at=track.at,
        generation=track.generation,
        revision=track.revision,
        outcome=track.outcome,
        backends=track.backends,
        returns_no_earlier_than=(track.returns_at or track.until) if track.held else None,
        expired=track.expired,
    )


def _seen(progress: Progress, track: Track, service: Service) -> Progress:
    present = {client.id: client for client in connected(service)}
    cannot = cannot_obey(present.values(), track.kinds, track.wanted)
    refusing = {id for id, _, _ in cannot}
    members = track.members
    if members is None:
        members = {client.id: client.name for client in expected(service, track.kinds)}
    members = {id: name for id, name in members.items() if id not in refusing}
    waiting = [id for id in members if id not in track.seen]
    stragglers = tuple((id, members[id]) for id in waiting if id in present)
    return replace(
        progress,
        clients_total=len(members),
        seen=len(members) - len(waiting),
        gone=len(waiting) - len(stragglers),
        stragglers=stragglers,
        cannot_obey=cannot,
        effective_ms=None if stragglers else _effective_ms(track, members),
    )


def _effective_ms(track: Track, members: Mapping[str, str]) -> float | None:
    times = [at for id, at in track.seen.items() if id in members]
    if not times or track.answered_at is None:
        return None
    return max(0.0, (max(times) - track.answered_at) * 1000)


def _draining(progress: Progress, track: Track, view: LiveView, service: Service) -> Progress:
    told = view.numbers(service.key).backends
    numbers = [told[address].numbers for address in track.held if address in told]
    inflight = [n.inflight for n in numbers if n.inflight is not None]
    mute = tuple(client.name for client in connected(service) if "inflight" not in client.can_tell)
    progress = replace(
        progress,
        inflight=sum(inflight) if inflight else None,
        oldest_s=max((n.oldest_s for n in numbers if n.oldest_s is not None), default=None),
        cannot_tell=mute,
    )
    return replace(progress, drained=_drained(progress, bool(connected(service))))


def _drained(progress: Progress, anybody: bool) -> bool | None:
    if progress.inflight or progress.stragglers or progress.cannot_obey:
        return False
    if progress.cannot_tell or not anybody or progress.inflight is None:
        return None
    return True


# ---- in words


def _unwritten(track: Track) -> str:
    match track.outcome:
        case "attempted":
            return "Being written."
        case "unknown":
            return "The registry's answer was lost: whether it was written will show when the watch tells."
        case "applied":
            return "Written."
    return "Not written."


def _verdict(progress: Progress, track: Track) -> str:
    if track.expired:
        return "It ended by itself."
    if track.backends and not track.held:
        return "Superseded: a later change took its place."
    reached = _reach(progress)
    return f"{reached} {_safety(progress)}" if track.held else reached


def _reach(progress: Progress) -> str:
    left = f" {progress.gone} left before they had seen it." if progress.gone else ""
    if progress.stragglers:
        names = listed(name for _, name in progress.stragglers)
        return f"Seen by {progress.seen} of {progress.clients_total} clients; waiting for {names}.{left}"
    if not progress.seen:
        return f"Written; no client is known that follows.{left}"
    took = "" if progress.effective_ms is None else f" within {max(1.0, progress.effective_ms):.0f} ms"
    return f"Effective at {progress.seen} of {progress.clients_total} clients{took}.{left}"


def _safety(progress: Progress) -> str:
    if progress.drained:
        return "Safe to stop: no call in flight at any known client."
    if progress.inflight:
        oldest = "" if progress.oldest_s is None else f", the oldest for {progress.oldest_s:.1f} s"
        return f"Draining: {progress.inflight} in flight{oldest}."
    if progress.cannot_obey:
        return f"Not safe to stop: {listed(name for _, name, _ in progress.cannot_obey)} will not follow."
    if progress.stragglers:
        return "Not safe to stop yet."
    if progress.cannot_tell:
        mute = listed(progress.cannot_tell)
        return f"No calls seen from {progress.seen} of {progress.clients_total} known clients; {mute} cannot tell."
    return "Whether calls are in flight is not known."
