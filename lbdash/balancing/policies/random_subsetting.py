"""random_subsetting: connect to a stable random part of the backends, and balance over it (gRFC A68)."""

from __future__ import annotations

import random
from collections.abc import Sequence

from lbdash.balancing.endpoint import Backend
from lbdash.balancing.picker import Policy
from lbdash.balancing.policies.around import Around
from lbdash.balancing.policies.settings import Settings
from lbdash.balancing.subsetting import KRATOS_SIZE, stable_subset


class RandomSubsetting(Around):
    name = "random_subsetting"

    def __init__(self, rng: random.Random, settings: Settings, child: Policy) -> None:
        """`subsetSize`: 1 or more. gRPC wants it said; without it, it is kratos' 25."""
        super().__init__(child)
        self._size = settings.integer("subsetSize", KRATOS_SIZE, 1)
        self._seed = rng.getrandbits(64)

    def subset(self, backends: Sequence[Backend]) -> Sequence[Backend]:
        """In the order of the hashes. One backend more or less changes at most one member."""
        backends = super().subset(backends)
        by_address = {backend.address: backend for backend in backends}
        return [by_address[address] for address in stable_subset(list(by_address), self._size, self._seed)]
