"""Whether what we show is still true: since when a source has been silent. Pure."""

from __future__ import annotations

from lbdash.live.state import Source, State

PROOF_S = 5.0  # a registry that has not proven itself for this long is stale

REGISTRY_KINDS = ("registry", "control")


def stale_since(source: Source, now: float) -> float | None:
    """Since when `source` is stale, None = it is well. A source that never connected is stale since it was lost."""
    if source.lost_at is not None:
        return source.lost_at
    if source.kind in REGISTRY_KINDS and source.proven_at is not None and now - source.proven_at > PROOF_S:
        return source.proven_at
    return None


def registry_stale_since(state: State, now: float) -> float | None:
    """The earliest among the registry's watches, control keys included: while set, commands are refused."""
    registries = (source for source in state.sources.values() if source.kind in REGISTRY_KINDS)
    times = (stale_since(source, now) for source in registries)
    return min((time for time in times if time is not None), default=None)
