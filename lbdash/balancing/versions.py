"""Which version answers a call (DESIGN 5, step 2): metadata, then rules, then shares. Pure; built once per picker."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from lbdash.registry.routing import Rule, Versions

VERSION_HEADER = "version"


def header(metadata: Any, name: str) -> str | None:
    """The first value of `name` (lower case) in grpc.aio metadata: a Metadata, a sequence of pairs, or None."""
    if not metadata:
        return None
    for pair in metadata:
        if pair[0] == name:
            value = pair[1]
            return value if isinstance(value, str) else bytes(value).decode("latin-1")
    return None


def matching(rules: Iterable[Rule], metadata: Any) -> Rule | None:
    """The first rule that matches; a rule with an unknown matcher (`exact` None) never does."""
    for rule in rules:
        if rule.exact is not None and header(metadata, rule.header) == rule.exact:
            return rule
    return None


class ShareDraw:
    """A draw by share among versions that have candidates, renormalised."""

    __slots__ = ("_cumulative", "_random", "_versions")

    def __init__(self, shares: Mapping[str, int], available: Sequence[str], rng: random.Random) -> None:
        self._versions = [version for version in available if shares.get(version, 0) > 0]
        self._cumulative = list(accumulate(shares[version] for version in self._versions))
        self._random = rng.random

    def draw(self) -> str | None:
        """None: no version with a share has a candidate."""
        if len(self._versions) < 2:
            return self._versions[0] if self._versions else None
        at = bisect_right(self._cumulative, self._random() * self._cumulative[-1], 0, len(self._versions) - 1)
        return self._versions[at]


NO_VERSIONS = Versions()
