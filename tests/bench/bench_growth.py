"""What a report of ten SubConns costs with 10 and with 1,000 backends, with 10 and with 1,000 clients.

CPU seconds, best of several rounds that alternate. Reads that make the store fold come equally often.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import cycle, islice

import numpy as np

from lbdash.live.events import ClientOpened, ClientReported, LatencyColumns, PackedCounters, SubConnOpened
from lbdash.live.store import Store
from lbdash.model import Connectivity
from tests.bench.lines import report

REPORTS, ROUNDS, FOLD_EVERY = 2000, 9, 10
NOW = 1_000_000.0
INDEX = np.arange(10, dtype=np.uint32)
NOTHING = np.zeros(10, np.uint32)
GAUGES = np.full((4, 10), 0.5, np.float32)
BUCKETS = np.full(10, 30, np.uint8)


def house(clients: int, backends: int) -> Store:
    store = Store(lambda: NOW)
    rows = tuple(SubConnOpened(i, f"10.0.{i >> 8}.{i & 255}:80", Connectivity.READY, NOW) for i in range(backends))
    for number in range(clients):
        store.apply([ClientOpened(str(number), "bench", "bench", "", "p2c_ewma", "telemetry", NOW)])
        store.apply([ClientReported(str(number), NOW, None, opened=rows)])
    return store


def reports(clients: int) -> Iterator[ClientReported]:
    """Of all clients in turn, with totals that rise."""
    latency = LatencyColumns(INDEX, BUCKETS, NOTHING + 1)
    for total, number in enumerate(cycle(range(clients))):
        totals = np.full((6, 10), total, np.int64)
        yield ClientReported(
            str(number), NOW, None, counters=PackedCounters(INDEX, totals, NOTHING, GAUGES), latency=latency
        )


def feeder(clients: int, backends: int) -> Callable[[], float]:
    """One round: CPU seconds per report."""
    store, source = house(clients, backends), reports(clients)

    def feed() -> float:
        batch = list(islice(source, REPORTS))
        start = time.process_time()
        for number, event in enumerate(batch):
            store.apply([event])
            if number % FOLD_EVERY == 0:
                store.view().picks("bench", limit=0)
        return (time.process_time() - start) / REPORTS

    return feed


def compare(name: str, few: Callable[[], float], many: Callable[[], float]) -> None:
    costs = [(few(), many()) for _ in range(ROUNDS)]
    small, large = (min(column) for column in zip(*costs[1:], strict=True))
    report(name, large * 1e6, "us/report", large / small, "<=1.15")


def test_growth() -> None:
    compare("growth_backends_10_to_1000", feeder(10, 10), feeder(10, 1000))
    compare("growth_clients_10_to_1000", feeder(10, 10), feeder(1000, 10))


if __name__ == "__main__":
    test_growth()
