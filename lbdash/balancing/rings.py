"""Rings that place keys on endpoints: gRPC's (sized by weight, A42) and go-zero's (a fixed number of nodes each). Pure.

gRPC's number of entries for each endpoint depends on how many endpoints there are, so when one of five leaves, 32 % of
the keys move although it owned 22 %. A fixed number of virtual nodes moves only the keys of the one that left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import ceil

from lbdash.balancing.hashing import murmur3_64, xxh64

MIN_RING, MAX_RING, LIMIT_RING = 1024, 4096, 8_388_608
VIRTUAL_NODES = 100
ID_BITS = 32
_ID_MASK = (1 << ID_BITS) - 1
MOST_CHANGES = 32  # addresses; above it, sorting everything is as quick
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
    """go-zero's ring: murmur3 of address + number, for 100 numbers each; unweighted.

    `before`: the ring it takes the place of. When little changed, the rest is copied in slices: 1,000 addresses have
    100,000 entries, which take a tenth of a second to sort and a few milliseconds to copy.
    """

    __slots__ = ("_entries", "_ids", "_index")

    def __init__(self, addresses: Sequence[str], before: VirtualNodes | None = None) -> None:
        known = before._ids if before is not None else {}
        listed = set(addresses)
        gone = {address: known[address] for address in known if address not in listed}
        next_id = max(known.values(), default=-1) + 1
        fresh = [address for address in dict.fromkeys(addresses) if address not in known]
        new = {address: next_id + i for i, address in enumerate(fresh)}
        self._ids: dict[str, int] = {address: number for address, number in known.items() if address in listed} | new
        self._index = {self._ids[address]: index for index, address in enumerate(addresses)}
        if before is None or len(gone) + len(new) > MOST_CHANGES:
            self._entries = _entries(self._ids)
        else:
            self._entries = _with(_without(before._entries, _entries(gone)), _entries(new))

    def owner(self, key: str) -> int:
        """The index of the address that the key belongs to."""
        entries = self._entries
        at = bisect_left(entries, murmur3_64(key.encode()) << ID_BITS)
        at = at if at < len(entries) else 0
        position, end = entries[at] >> ID_BITS, at + 1
        while end < len(entries) and entries[end] >> ID_BITS == position:
            end += 1
        if end - at > 1:  # rare: several share the place, and the key says which
            at += murmur3_64((_TIE_PRIME + key).encode()) % (end - at)
        return self._index[entries[at] & _ID_MASK]


def _entries(ids: Mapping[str, int]) -> list[int]:
    """position << ID_BITS | id, sorted: one integer each, so that they compare quickly."""
    return sorted(at << ID_BITS | number for address, number in ids.items() for at in virtual_positions(address))


def _without(entries: list[int], gone: list[int]) -> list[int]:
    kept: list[int] = []
    start = 0
    for entry in gone:
        at = bisect_left(entries, entry, start)
        kept += entries[start:at]
        start = at + 1
    return kept + entries[start:]


def _with(entries: list[int], new: list[int]) -> list[int]:
    merged: list[int] = []
    start = 0
    for entry in new:
        at = bisect_left(entries, entry, start)
        merged += entries[start:at]
        merged.append(entry)
        start = at
    return merged + entries[start:]


@lru_cache(maxsize=4096)
def virtual_positions(address: str, replicas: int = VIRTUAL_NODES) -> tuple[int, ...]:
    """Kept: a ring that is built again after one change hashes only what is new."""
    return tuple(murmur3_64(f"{address}{number}".encode()) for number in range(replicas))
