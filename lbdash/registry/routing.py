"""What operators said of a service, typed (DESIGN 4). Pure data; `fold` in routing_fold makes it from a watch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lbdash.model import Admin

_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who wrote a key, when (RFC 3339) and why; as the writer said, not verified."""

    by: str = ""
    at: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AdminOverride:
    state: Admin  # DRAIN or MAINT
    registration: str = ""  # the registration id it was written for
    until: str | None = None  # informational; the lease decides
    lease: int = 0
    stamp: Stamp = Stamp()


@dataclass(frozen=True, slots=True)
class WeightOverride:
    weight: int  # 1..65535
    registration: str = ""
    stamp: Stamp = Stamp()


@dataclass(frozen=True, slots=True)
class Rule:
    """Calls whose metadata `header` equals `exact` go to `version`; `exact` None = an unknown matcher: no match."""

    header: str
    exact: str | None
    version: str


@dataclass(frozen=True, slots=True)
class OnMissing:
    """What happens when a requested version has no candidates: "fail", "any", or "version"."""

    action: str = "fail"
    version: str = ""


@dataclass(frozen=True, slots=True)
class Versions:
    shares: Mapping[str, int] = field(default_factory=lambda: _EMPTY)  # empty = every version, by draw over backends
    rules: tuple[Rule, ...] = ()
    on_missing: OnMissing = OnMissing()
    stamp: Stamp = Stamp()


@dataclass(frozen=True, slots=True)
class PolicyChoice:
    name: str
    config: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    stamp: Stamp = Stamp()


@dataclass(frozen=True, slots=True)
class Generation:
    """The human label: one per command."""

    number: int = 0
    command: str = ""
    stamp: Stamp = Stamp()


@dataclass(frozen=True, slots=True)
class Raw:
    """A control key as etcd holds it: what transactions compare and undo restores."""

    value: bytes
    mod_revision: int
    lease: int


@dataclass(frozen=True, slots=True)
class Routing:
    """All that operators said of one service. `raw` has every key present, malformed too; `problems`: key -> why."""

    service: str
    generation: Generation = Generation()
    admin: Mapping[str, AdminOverride] = field(default_factory=lambda: _EMPTY)
    weight: Mapping[str, WeightOverride] = field(default_factory=lambda: _EMPTY)
    versions: Versions | None = None
    policy: PolicyChoice | None = None
    raw: Mapping[str, Raw] = field(default_factory=lambda: _EMPTY)
    problems: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    revision: int = 0  # of the last put or delete folded in

    def admin_of(self, address: str) -> Admin:
        override = self.admin.get(address)
        return override.state if override else Admin.READY

    def mod_revision(self, key: str) -> int:
        """0 = the key is absent."""
        raw = self.raw.get(key)
        return raw.mod_revision if raw else 0
