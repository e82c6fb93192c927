"""consistent_hash: go-zero's; a call's key names its endpoint on a ring of 100 virtual nodes for each READY one.

Unweighted. An endpoint that comes or goes moves its own keys only. A call without a key is an error of the caller:
it ends INVALID_ARGUMENT and is not tried again.
"""

from __future__ import annotations

from collections.abc import Sequence

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import Drop, PickInfo, candidate
from lbdash.balancing.policies.hash_key import hash_key, header_setting
from lbdash.balancing.policies.settings import Settings
from lbdash.balancing.rings import VirtualNodes


class ConsistentHash:
    name = "consistent_hash"
    eager = True

    def __init__(self, settings: Settings | None = None) -> None:
        """`requestHashHeader`: where the key is; default "hash-key"."""
        self.header = header_setting(settings or Settings(self.name, {}))
        self._before: Sequence[VirtualNodes] = ()  # of the last build, in the order they were made
        self._rings: list[VirtualNodes] = []
        self._built_at: float | None = None

    def build(self, endpoints: Sequence[Endpoint], now: float) -> ConsistentHashPicker:
        """Pickers built at one `now` are one build: all versions together first, then each version's."""
        if now != self._built_at:
            self._before, self._rings, self._built_at = self._rings, [], now
        number = len(self._rings)
        before = self._before[number] if number < len(self._before) else None
        ring = VirtualNodes([endpoint.address for endpoint in endpoints], before)
        self._rings.append(ring)
        return ConsistentHashPicker(endpoints, ring, self.header)

    def load(self, endpoint: Endpoint, now: float) -> float | None:
        return None


class ConsistentHashPicker:
    __slots__ = ("_endpoints", "_header", "_ring")

    def __init__(self, endpoints: Sequence[Endpoint], ring: VirtualNodes, header: str) -> None:
        self._endpoints, self._ring, self._header = tuple(endpoints), ring, header

    def pick(self, info: PickInfo) -> Endpoint:
        """Raises Drop (INVALID_ARGUMENT) when the call has no key, or an empty one."""
        key = hash_key(info.metadata, self._header)
        if not key:
            raise Drop(f"[consistent_hash] missing hash key in header {self._header!r}", "INVALID_ARGUMENT")
        chosen = self._endpoints[self._ring.owner(key)]
        if info.record is not None:
            info.record.reason = "hash" if len(self._endpoints) > 1 else "single"
            info.record.candidates = (candidate(chosen, 0.0),)
            info.record.detail.update(header=self._header, n=str(len(self._endpoints)))
        return chosen
