"""Which backends one client connects to when it shall not connect to all: three rules (SPEC 6.4, 8.4, 9.6). Pure.

`stable_subset` is gRFC A68's and ours: one backend more or less changes at most one member. go-zero draws anew at every
update, which at 32 of 100 replaces two thirds of the connections each time; kratos walks a ring and is stable too.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence

from lbdash.balancing.hashing import fnv1a_32, xxh64

GO_ZERO_SIZE, KRATOS_SIZE, KRATOS_NODES = 32, 25, 160


def stable_subset(addresses: Sequence[str], size: int, seed: int) -> list[str]:
    """The `size` addresses with the smallest XXH64(address, seed); `seed` is drawn once per client. Keeps the order of
    the hashes, so that clients do not all begin with the same backend."""
    if len(addresses) <= size:
        return list(addresses)
    return sorted(addresses, key=lambda address: xxh64(address.encode(), seed))[:size]


def shuffled_subset(addresses: Sequence[str], size: int, rng: random.Random) -> list[str]:
    """go-zero's: a fresh shuffle, the first `size`."""
    return rng.sample(list(addresses), min(size, len(addresses)))


def ring_subset(addresses: Sequence[str], size: int, client: str) -> list[str]:
    """kratos': from the client's own place on a ring of fnv1a-32, the next `size` addresses."""
    if len(addresses) <= size:
        return list(addresses)
    nodes = sorted((fnv1a_32(f"{n}{address}".encode()), address) for address in addresses for n in range(KRATOS_NODES))
    start = bisect_right([position for position, _ in nodes], fnv1a_32(client.encode()))
    around = dict.fromkeys(address for _, address in nodes[start:] + nodes[:start])
    return list(around)[:size]
