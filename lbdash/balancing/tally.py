"""Counters of versions and rules with a bound on names: requests choose the names, so they may be anything."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from lbdash.registry.routing import Rule

MAX_NAMES = 32
MAX_RULES = 100
OTHER = "other"


class Ask(NamedTuple):
    """The version a call must go to ("" = any), who said so, and by which rule.

    `source`: "metadata" | "rule" | "share" | "any" | "on_missing".
    """

    requested: str
    source: str
    rule: Rule | None = None


class VersionKey(NamedTuple):
    """`requested` "" = none asked for, `chosen` "" = none; `reason` "" = chosen, else a PickError's reason."""

    requested: str
    chosen: str
    reason: str
    source: str


class Tally:
    """Cumulative since the channel was opened. At most 32 names are kept apart; further ones count as "other"."""

    def __init__(self) -> None:
        self.versions: dict[tuple[str, str, str, str], int] = {}
        self.rules: Counter[tuple[str, str, str]] = Counter()  # (header, exact, version)
        self.override_ignored = 0
        self.unplaced = 0
        self._names: set[str] = {"", OTHER}

    def count(self, requested: str, chosen: str, reason: str, source: str) -> None:
        key = (requested, chosen, reason, source)
        try:
            self.versions[key] += 1
        except KeyError:
            known = VersionKey(self._name(requested), self._name(chosen), reason, source)
            self.versions[known] = self.versions.get(known, 0) + 1

    def count_route(self, ask: Ask, chosen: str, reason: str) -> None:
        self.count(ask.requested, chosen, reason, ask.source)
        if ask.rule is not None:
            self.hit(ask.rule)

    def hit(self, rule: Rule) -> None:
        key = (rule.header, rule.exact or "", rule.version)
        if key in self.rules or len(self.rules) < MAX_RULES:
            self.rules[key] += 1

    def _name(self, name: str) -> str:
        name = name[:100]
        if name in self._names:
            return name
        if len(self._names) - 2 >= MAX_NAMES:
            return OTHER
        self._names.add(name)
        return name
