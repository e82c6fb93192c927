"""What a pick costs, without a network: each policy's pick, and p2c's pick with its begin and done.

Prints `name value unit ratio budget` lines; the ratio is to round_robin's pick. The best of many short runs counts:
whatever else runs on the machine only makes a run slower.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import Picker, PickInfo
from lbdash.balancing.policies import POLICY_NAMES, make_policy
from lbdash.model import Outcome

BACKENDS, PICKS, RUNS = 10, 2000, 100
KEY = (("hash-key", "user_1"),)  # for the policies that place calls by one
BUDGETS_US = {"round_robin": "<=0.30"}


def picker(name: str) -> Picker:
    backends = [Endpoint(f"10.0.0.{i}:80", i) for i in range(BACKENDS)]
    return make_policy(name, {}, random.Random(1)).build(backends, 0.0)


def best(run: Callable[[], None]) -> float:
    """Microseconds a pick."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times) / PICKS * 1e6


def pick_only(name: str) -> float:
    made, info = picker(name), PickInfo("/s/M", KEY, 0.0)

    def run() -> None:
        for _ in range(PICKS):
            made.pick(info)

    return best(run)


def pick_and_done(name: str) -> float:
    made, info = picker(name), PickInfo("/s/M", KEY, 0.0)

    def run() -> None:
        for _ in range(PICKS):
            info.now += 1e-4
            endpoint = made.pick(info)
            endpoint.done(endpoint.begin(info.now), info.now + 5e-5, Outcome.OK)

    return best(run)


def main() -> None:
    unit = pick_only("round_robin")
    for name in POLICY_NAMES:
        cost = pick_only(name)
        print(f"pick_{name} {cost:.2f} us {cost / unit:.2f} {BUDGETS_US.get(name, '-')}")
    cost = pick_and_done("p2c_ewma")
    print(f"pick_and_done_p2c_ewma {cost:.2f} us {cost / unit:.2f} <=3.00")


if __name__ == "__main__":
    main()
