"""Who may do what: viewer < operator < admin, and the identity a request carries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, needed: Role) -> bool:
        """Each role may do what the roles before it may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks. `by` is what the audit log shows: `alice@10.0.0.9`, `token:ci@10.0.0.9`."""

    name: str
    role: Role
    address: str
    token: bool = False

    @property
    def by(self) -> str:
        return f"{'token:' if self.token else ''}{self.name}@{self.address}"
