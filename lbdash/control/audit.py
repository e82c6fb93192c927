"""The audit trail as the executor needs it; `web` implements it in the database.

A command is written down before it is tried and again when its outcome is known. When the first
writing fails (a full disk), the command is refused: nothing is steered that nobody could look up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class AuditError(Exception):
    """The audit trail could not be read or written; the text says why."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One command. Everything is JSON-ready; `before` and `after` are etcd key -> value text (None = absent).

    Kept until the outcome: `outcome` "attempted", then "applied" | "conflict" | "refused" | "failed" | "unknown".
    `text` is the command in words until the outcome is known, then the outcome in words.
    """

    id: str
    service: str  # Service.key; "" = freeze
    verb: str
    command: Mapping[str, Any]  # as `command_json` gives it
    by: str
    reason: str
    at: float  # seconds since the epoch
    seen: int | None  # the generation the operator had looked at
    text: str
    forced: str = ""  # the reason given to go past objections; "" = not forced
    objections: tuple[str, ...] = ()  # codes
    before: Mapping[str, str | None] = field(default_factory=dict)
    after: Mapping[str, str | None] = field(default_factory=dict)
    outcome: str = "attempted"
    generation: int | None = None  # after it, when applied
    revision: int | None = None  # of its transaction, when applied


class AuditLog(Protocol):
    """All methods raise AuditError, and nothing else, when the trail cannot be reached."""

    async def begin(self, entry: AuditEntry) -> None:
        """Write `entry` down, durably, before returning. Its id is new."""
        ...

    async def finish(
        self, id: str, outcome: str, *, text: str = "", generation: int | None = None, revision: int | None = None
    ) -> None:
        """Record the outcome; called again when an unknown one becomes known. "" keeps the text."""
        ...

    async def find(self, id: str) -> AuditEntry | None: ...

    async def recent(self, limit: int, before: str = "") -> Sequence[AuditEntry]:
        """Newest first; `before` an id pages back."""
        ...
