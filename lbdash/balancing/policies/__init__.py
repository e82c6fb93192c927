"""The policies by name. To add one: a file with a policy and its picker, and a line here."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from lbdash.balancing.picker import Policy
from lbdash.balancing.policies.consistent_hash import ConsistentHash
from lbdash.balancing.policies.customize import Customize
from lbdash.balancing.policies.least_request import LeastRequest
from lbdash.balancing.policies.outlier_detection import OutlierDetection
from lbdash.balancing.policies.p2c_ewma import P2cEwma
from lbdash.balancing.policies.p2c_ewma_compat import P2cEwmaCompat
from lbdash.balancing.policies.pick_first import PickFirst
from lbdash.balancing.policies.random_subsetting import RandomSubsetting
from lbdash.balancing.policies.ring_hash import RingHash
from lbdash.balancing.policies.round_robin import RoundRobin
from lbdash.balancing.policies.settings import Settings
from lbdash.balancing.policies.version import Version
from lbdash.balancing.policies.weighted_round_robin import WeightedRoundRobin
from lbdash.balancing.service_config import first_supported

# A policy reads the settings it knows; `make_policy` refuses the rest.
_POLICIES: dict[str, Callable[[random.Random, Settings], Policy]] = {
    PickFirst.name: lambda rng, settings: PickFirst(),
    RoundRobin.name: lambda rng, settings: RoundRobin(rng),
    WeightedRoundRobin.name: WeightedRoundRobin,
    P2cEwma.name: lambda rng, settings: P2cEwma(rng),
    P2cEwmaCompat.name: lambda rng, settings: P2cEwmaCompat(rng),
    LeastRequest.name: LeastRequest,
    RingHash.name: RingHash,
    ConsistentHash.name: lambda rng, settings: ConsistentHash(settings),
    Version.name: lambda rng, settings: Version(rng),
    Customize.name: lambda rng, settings: Customize(rng),
    OutlierDetection.name: lambda rng, settings: OutlierDetection(rng, settings, _child(settings, rng)),
    RandomSubsetting.name: lambda rng, settings: RandomSubsetting(rng, settings, _child(settings, rng)),
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


def _child(settings: Settings, rng: random.Random) -> Policy:
    """`childPolicy`: a list of one-key objects, as in a service config; without it p2c_ewma."""
    entries = settings.value("childPolicy")
    if entries is None:
        return P2cEwma(rng)
    try:
        name, config = first_supported(entries, POLICY_NAMES)
    except ValueError as error:
        raise ValueError(f"policy {settings.policy}: childPolicy: {error}") from None
    return make_policy(name, config, rng)
