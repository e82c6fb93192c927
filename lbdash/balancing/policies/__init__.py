"""The policies by name. To add one: a file with a policy and its picker, and a line here."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from lbdash.balancing.picker import Policy
from lbdash.balancing.policies.least_request import LeastRequest
from lbdash.balancing.policies.p2c_ewma import P2cEwma
from lbdash.balancing.policies.p2c_ewma_compat import P2cEwmaCompat
from lbdash.balancing.policies.pick_first import PickFirst
from lbdash.balancing.policies.round_robin import RoundRobin
from lbdash.balancing.policies.settings import Settings
from lbdash.balancing.policies.version import Version
from lbdash.balancing.policies.weighted_round_robin import WeightedRoundRobin

# A policy reads the settings it knows; `make_policy` refuses the rest.
_POLICIES: dict[str, Callable[[random.Random, Settings], Policy]] = {
    PickFirst.name: lambda rng, settings: PickFirst(),
    RoundRobin.name: lambda rng, settings: RoundRobin(rng),
    WeightedRoundRobin.name: lambda rng, settings: WeightedRoundRobin(rng),
    P2cEwma.name: lambda rng, settings: P2cEwma(rng),
    P2cEwmaCompat.name: lambda rng, settings: P2cEwmaCompat(rng),
    LeastRequest.name: LeastRequest,
    Version.name: lambda rng, settings: Version(rng),
}
POLICY_NAMES = tuple(_POLICIES)


def make_policy(name: str, config: Mapping[str, Any], rng: random.Random) -> Policy:
    """`name` in any case, as in gRPC's service config. ValueError for an unknown name or a bad setting, by name."""
    make = _POLICIES.get(name.lower())
    if make is None:
        raise ValueError(f"unknown policy {name!r}; known: {', '.join(POLICY_NAMES)}")
    settings = Settings(name, config)
    policy = make(rng, settings)
    settings.finish()
    return policy
