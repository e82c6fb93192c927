"""ring_hash: calls with one key go to one endpoint, as gRPC does it (A42, A61, A76).

The key is a request header. Its hash finds a place on a ring that holds every endpoint, READY or not; from there the
first one that can serve, or will soon, decides. So the keys of an endpoint that fails go to its neighbours and return
when it does. A call without a key draws a random place.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.hashing import xxh64
from lbdash.balancing.picker import PickError, PickInfo, Queue, candidate
from lbdash.balancing.policies.hash_key import hash_key, header_setting
from lbdash.balancing.policies.settings import Settings
from lbdash.balancing.rings import LIMIT_RING, MAX_RING, MIN_RING, weighted_ring
from lbdash.model import Connectivity

READY, IDLE, FAILED = Connectivity.READY, Connectivity.IDLE, Connectivity.TRANSIENT_FAILURE


class Decision(NamedTuple):
    """`action`: "pick" | "queue" | "connect" (and queue) | "fail". `owner`: whom it is about; `hops`: looked past."""

    action: str
    owner: int
    hops: int


def decide(walk: Iterable[int], states: Sequence[Connectivity], *, keyed: bool = True) -> Decision:
    """What a pick does that enters the ring at the beginning of `walk`.

    With a key the first endpoint that has not failed decides. Without one the first READY endpoint serves; if there
    is none, at most one IDLE endpoint is asked to connect.
    """
    order = [(hops, index, states[index]) for hops, index in enumerate(walk)]
    if not keyed:
        for hops, index, state in order:
            if state is READY:
                return Decision("pick", index, hops)
    for hops, index, state in order:
        if state is READY:
            return Decision("pick", index, hops)
        if state is IDLE:
            return Decision("connect", index, hops)
        if state is Connectivity.CONNECTING:
            return Decision("queue", index, hops)
    return Decision("fail", order[0][1], 0)


class RingHash:
    name = "ring_hash"
    eager = True

    def __init__(self, rng: random.Random, settings: Settings | None = None) -> None:
        """`minRingSize` 1024, `maxRingSize` 4096: 1..8388608, capped at 4096; `requestHashHeader` "hash-key"."""
        settings = settings or Settings(self.name, {})
        self._rng = rng
        self.min_size = settings.integer("minRingSize", MIN_RING, 1, LIMIT_RING, cap=MAX_RING)
        self.max_size = settings.integer("maxRingSize", MAX_RING, 1, LIMIT_RING, cap=MAX_RING)
        if self.min_size > self.max_size:
            raise ValueError(f"policy {self.name}: minRingSize {self.min_size} is above maxRingSize {self.max_size}")
        self.header = header_setting(settings)

    def build(self, endpoints: Sequence[Endpoint], now: float) -> RingHashPicker:
        return self.build_with(endpoints, {}, now)

    def build_with(
        self, endpoints: Sequence[Endpoint], others: Mapping[Endpoint, Connectivity], now: float
    ) -> RingHashPicker:
        """`endpoints` may serve; `others` keep their places on the ring and are passed over or waited for."""
        everyone = sorted([*endpoints, *others], key=lambda endpoint: endpoint.address)
        return RingHashPicker(everyone, [others.get(endpoint, READY) for endpoint in everyone], self)

    def load(self, endpoint: Endpoint, now: float) -> float | None:
        return None

    def draw(self) -> int:
        return self._rng.getrandbits(64)


class RingHashPicker:
    __slots__ = ("_endpoints", "_policy", "_ring", "_states")

    def __init__(self, endpoints: Sequence[Endpoint], states: Sequence[Connectivity], policy: RingHash) -> None:
        self._endpoints, self._states, self._policy = endpoints, states, policy
        weights = [endpoint.weight for endpoint in endpoints]
        self._ring = weighted_ring([e.address for e in endpoints], weights, policy.min_size, policy.max_size)

    def pick(self, info: PickInfo) -> Endpoint:
        """Raises Queue while the key's endpoint connects, PickError when all have failed."""
        key = hash_key(info.metadata, self._policy.header)
        place = self._policy.draw() if key is None else xxh64(key.encode())
        ring, owner = self._ring, self._ring.owners[self._ring.position(place)]
        if self._states[owner] is READY and info.record is None:
            return self._endpoints[owner]
        decision = decide(ring.walk(place), self._states, keyed=key is not None)
        chosen = self._endpoints[decision.owner]
        if decision.action == "fail":
            raise PickError(f"no match found conn: all {len(self._endpoints)} on the ring have failed")
        if decision.action != "pick":
            raise Queue
        if info.record is not None:
            info.record.reason = "hash" if key is not None else "random hash"
            info.record.candidates = (candidate(chosen, 0.0),)
            detail = {"hash": f"{place:016x}", "entry": str(ring.position(place)), "hops": str(decision.hops)}
            info.record.detail.update(detail, header=self._policy.header)
        return chosen
