"""Rings that place keys on endpoints: gRPC's (sized by weight, A42) and go-zero's (a fixed number of nodes each). Pure.

gRPC's number of entries for each endpoint depends on how many endpoints there are, so when one of five leaves, 32 % of
the keys move although it owned 22 %. A fixed number of virtual nodes moves only the keys of the one that left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import ceil

from lbdash.balancing.hashing import murmur3_64, xxh64

MIN_RING, MAX_RING, LIMIT_RING = 1024, 4096, 8_388_608
VIRTUAL_NODES = 100
_TIE_PRIME = "16777619:"  # go-zero's prefix when several nodes share one position


class Ring:
    """Sorted entries (hash, index of the owner). `walk` is what a pick follows."""

    __slots__ = ("_hashes", "owners")

    def __init__(self, entries: Sequence[tuple[int, int]]) -> None:
        ordered = sorted(entries)
        self._hashes = [position for position, _ in ordered]
        self.owners = [owner for _, owner in ordered]

    def __len__(self) -> int:
        return len(self.owners)

    @property
    def entries(self) -> list[tuple[int, int]]:
        return list(zip(self._hashes, self.owners, strict=True))

    def position(self, key: int) -> int:
        """Of the first entry not below `key`; past the last one comes the first."""
        at = bisect_left(self._hashes, key)
        return at if at < len(self._hashes) else 0

    def walk(self, key: int) -> Iterator[int]:
        """Owners from the key's entry once around, each of them once."""
        start, seen = self.position(key), set[int]()
        for at in range(start, start + len(self.owners)):
            owner = self.owners[at % len(self.owners)]
            if owner not in seen:
                seen.add(owner)
                yield owner


def weighted_ring(
    keys: Sequence[str], weights: Sequence[float], min_size: int = MIN_RING, max_size: int = MAX_RING
) -> Ring:
    """gRFC A42: about `min_size` entries, shared by weight, dealt out in the order of the keys."""
    total = sum(weights)
    least = min(weights) / total
    factor = min(ceil(least * min_size) / least, float(max_size))
    entries: list[tuple[int, int]] = []
    target = 0.0
    for index in sorted(range(len(keys)), key=keys.__getitem__):
        target += factor * weights[index] / total
        wanted = max(0, ceil(target) - len(entries))
        entries += [(position, index) for position in _ketama(keys[index], wanted)]
    return Ring(entries)


@lru_cache(maxsize=4096)
def _ketama(key: str, entries: int) -> tuple[int, ...]:
    return tuple(xxh64(f"{key}_{number}".encode()) for number in range(entries))


class VirtualNodes:
    """go-zero's ring: murmur3 of address + number, for 100 numbers each; unweighted."""

    __slots__ = ("_owners", "_positions")

    def __init__(self, addresses: Sequence[str], replicas: int = VIRTUAL_NODES) -> None:
        owners: dict[int, list[int]] = {}
        for index, address in enumerate(addresses):
            for position in virtual_positions(address, replicas):
                owners.setdefault(position, []).append(index)
        self._owners = owners
        self._positions = sorted(owners)

    def owner(self, key: str) -> int:
        at = bisect_left(self._positions, murmur3_64(key.encode()))
        here = self._owners[self._positions[at if at < len(self._positions) else 0]]
        return here[0] if len(here) == 1 else here[murmur3_64((_TIE_PRIME + key).encode()) % len(here)]


@lru_cache(maxsize=4096)
def virtual_positions(address: str, replicas: int = VIRTUAL_NODES) -> tuple[int, ...]:
    """Kept: a ring that is built again after one change hashes only what is new."""
    return tuple(murmur3_64(f"{address}{number}".encode()) for number in range(replicas))
