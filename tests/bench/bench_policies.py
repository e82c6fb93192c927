"""What each policy costs at 3 to 3,000 backends: a pick with its begin and done, a build after one change, memory.

Prints `name value unit ratio budget` lines. The ratio is to the same policy at three backends: about 1 means flat.
The best of many short runs counts: whatever else runs on the machine only makes a run slower.
"""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable, Sequence

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickInfo
from lbdash.balancing.policies import POLICY_NAMES, make_policy
from lbdash.model import Outcome
from tests.bench.lines import report

SIZES = (3, 30, 300, 3000)
PICKS, RUNS, KEYS = 1000, 20, 64
PICK_BUDGETS_NS = {"p2c_ewma": "<=3000"}
REBUILD_SIZE, REBUILD_BUDGET_MS = 1000, "<=5.00"


def endpoints(n: int) -> list[Endpoint]:
    """Warm ones: a fleet is cold once."""
    made = [Endpoint(f"10.{i // 65536}.{i // 256 % 256}.{i % 256}:80", i) for i in range(n)]
    for endpoint in made:
        endpoint.done(endpoint.begin(0.0), 0.01, Outcome.OK)
    return made


def best(run: Callable[[], None], runs: int = RUNS) -> float:
    """Seconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def pick_and_done(name: str, backends: Sequence[Endpoint]) -> float:
    """Nanoseconds a call."""
    picker = make_policy(name, {}, random.Random(1)).build(backends, 1.0)
    infos = [PickInfo("/s/M", (("hash-key", f"user_{i}"),), 1.0) for i in range(KEYS)]
    now = 1.0

    def run() -> None:
        nonlocal now
        for number in range(PICKS):
            now += 1e-4
            info = infos[number % KEYS]
            info.now = now
            endpoint = picker.pick(info)
            endpoint.done(endpoint.begin(now), now + 5e-5, Outcome.OK)

    return best(run) / PICKS * 1e9


def rebuild(name: str, backends: Sequence[Endpoint]) -> float:
    """Milliseconds to build again when one of `backends` left or came."""
    policy = make_policy(name, {}, random.Random(1))
    policy.build(backends, 0.0)
    number = 0

    def run() -> None:
        nonlocal number
        number += 1
        policy.build([*backends[:number], *backends[number + 1 :]], float(number))

    return best(run) * 1e3


def bytes_per_endpoint(name: str, n: int = REBUILD_SIZE) -> float:
    """Of an endpoint, its statistics and its part of a picker."""
    tracemalloc.start()
    try:
        policy = make_policy(name, {}, random.Random(1))
        backends = endpoints(n)
        picker = policy.build(backends, 0.0)
        size, _ = tracemalloc.get_traced_memory()
        del picker
    finally:
        tracemalloc.stop()
    return size / n


def main() -> None:
    for name in POLICY_NAMES:
        base = pick_and_done(name, endpoints(SIZES[0]))
        for n in SIZES:
            cost = pick_and_done(name, endpoints(n))
            report(f"pick_and_done_{name}_{n}", cost, "ns", cost / base, PICK_BUDGETS_NS.get(name, "-"))
    thousand = endpoints(REBUILD_SIZE)
    for name in POLICY_NAMES:
        report(f"rebuild_{name}_{REBUILD_SIZE}", rebuild(name, thousand), "ms", None, REBUILD_BUDGET_MS)
        report(f"memory_{name}", bytes_per_endpoint(name), "B/endpoint", None, "-")


if __name__ == "__main__":
    main()
