"""The policies by name. To add one: a file with a policy and its picker, and a line here."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from lbdash.balancing.picker import Policy
from lbdash.balancing.policies.p2c_ewma import P2cEwma
from lbdash.balancing.policies.pick_first import PickFirst
from lbdash.balancing.policies.round_robin import RoundRobin
from lbdash.balancing.policies.version import Version
from lbdash.balancing.policies.weighted_round_robin import WeightedRoundRobin

_POLICIES: dict[str, Callable[[random.Random], Policy]] = {
    PickFirst.name: lambda rng: PickFirst(),
    RoundRobin.name: RoundRobin,
    WeightedRoundRobin.name: WeightedRoundRobin,
    P2cEwma.name: P2cEwma,
    Version.name: Version,
}
POLICY_NAMES = tuple(_POLICIES)


def make_policy(name: str, config: Mapping[str, Any], rng: random.Random) -> Policy:
    """`name` in any case, as in gRPC's service config. ValueError for an unknown name or setting."""
    make = _POLICIES.get(name.lower())
    if make is None:
        raise ValueError(f"unknown policy {name!r}; known: {', '.join(POLICY_NAMES)}")
    if config:
        raise ValueError(f"policy {name} takes no settings, got {', '.join(sorted(config))}")
    return make(rng)
