"""The answer to a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from lbdash.control.objection import Objection


class Difference(TypedDict):
    """What changed meanwhile, both sides in words; `by`, `at`, `reason`: who wrote what is there `now`. JSON-ready."""

    what: str  # "generation", or an etcd key
    saw: str
    wanted: str
    now: str
    by: str
    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class Result:
    """`outcome`: "applied" | "conflict" | "refused" | "failed" | "unknown" | "stale". Only the first is sure to have
    changed something, "unknown" may have. `generation` and `revision` are those of the transaction, None otherwise.
    `before` and `after`: etcd key -> value text (None = absent)."""

    id: str
    outcome: str
    text: str
    generation: int | None = None
    revision: int | None = None
    objections: tuple[Objection, ...] = ()
    before: Mapping[str, str | None] = field(default_factory=dict)
    after: Mapping[str, str | None] = field(default_factory=dict)
    conflict: tuple[Difference, ...] = ()
