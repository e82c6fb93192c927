"""Which policy serves best: a fleet in virtual time, one row per trouble. Writes the table of docs/quality.md.

    python -m tests.bench.bench_quality            # prints the table
    python -m tests.bench.bench_quality --write    # and puts it into docs/quality.md

Everything is seeded and nothing depends on the machine, so the table comes out the same everywhere.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lbdash.balancing.policies import make_policy
from tests.balancing.simulation import Fleet, Node, Result, Work, poisson

PAGE = Path(__file__).parents[2] / "docs" / "quality.md"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
POLICIES = ("p2c_ewma", "p2c_ewma_compat", "round_robin", "least_request", "weighted_round_robin")
CLIENTS, DEADLINE_S, SECONDS, RATE = 3, 1.0, 60.0, 300.0


@dataclass(frozen=True)
class Scenario:
    """The first node is the one with the trouble; its share is in the table."""

    name: str
    nodes: Sequence[Node]
    rate: float = RATE


def served(median: float, spread: float = 0.4) -> Work:
    """Lognormal times around `median` seconds, as real services have."""
    return lambda now, rng: (median * rng.lognormvariate(0.0, spread), True)


def changing(usual: Work, other: Work, begin: float, end: float) -> Work:
    return lambda now, rng: (other if begin <= now < end else usual)(now, rng)


def fails_fast(now: float, rng: random.Random) -> tuple[float, bool]:
    return 0.001, False


WELL = served(0.020)
TENFOLD = served(0.200)

SCENARIOS = (
    Scenario("healthy", [Node(WELL, 8) for _ in range(6)]),
    Scenario("slow node: one takes ten times as long", [Node(TENFOLD, 8)] + [Node(WELL, 8)] * 5),
    Scenario(
        "slow for a while: tenfold from 20 s to 40 s", [Node(changing(WELL, TENFOLD, 20, 40), 8)] + [Node(WELL, 8)] * 5
    ),
    Scenario(
        "failing fast: one fails in 1 ms from 20 s to 40 s",
        [Node(changing(WELL, fails_fast, 20, 40), 8)] + [Node(WELL, 8)] * 5,
    ),
    Scenario(
        "cold node: joins at 20 s, tenfold for 5 s",
        [Node(changing(WELL, TENFOLD, 0, 25), 8, [(0, 20)])] + [Node(WELL, 8)] * 5,
    ),
    Scenario(
        "flapping: away 2 s of every 10 s, slow for 1 s after",
        [
            Node(
                lambda now, rng: (TENFOLD if now % 10 < 3 else WELL)(now, rng),
                8,
                [(t, t + 2) for t in range(10, 60, 10)],
            )
        ]
        + [Node(WELL, 8)] * 5,
    ),
    Scenario("uneven capacity: 2, 4, 8, 8 slots, 70 % load", [Node(WELL, slots) for slots in (2, 4, 8, 8)], rate=700.0),
    Scenario(
        "the same, with weights that say so",
        [Node(WELL, slots, weight=12.5 * slots) for slots in (2, 4, 8, 8)],
        rate=700.0,
    ),
)


def run(scenario: Scenario, policy: str, seed: int = 11) -> Result:
    nodes = [replace(node) for node in scenario.nodes]
    policies = [make_policy(policy, {}, random.Random(seed + i)) for i in range(CLIENTS)]
    fleet = Fleet(policies, nodes, seed=seed, deadline=DEADLINE_S)
    return fleet.run(poisson(scenario.rate, SECONDS, seed))


def row(policy: str, result: Result) -> str:
    p50, p99 = result.quantile(0.50) * 1000, result.quantile(0.99) * 1000
    errors, share = result.error_share * 100, result.share(0) * 100
    return f"| {policy} | {p50:.0f} ms | {p99:.0f} ms | {errors:.2f} % | {share:.1f} % |"


def table() -> str:
    lines = []
    for scenario in SCENARIOS:
        lines += [
            "",
            f"**{scenario.name}**",
            "",
            "| policy | p50 | p99 | errors | share of that node |",
            "|---|--:|--:|--:|--:|",
        ]
        lines += [row(policy, run(scenario, policy)) for policy in POLICIES]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/quality.md")
    made = table()
    print(made)
    if parser.parse_args().write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        _, _, after = rest.partition(END)
        PAGE.write_text(f"{before}{BEGIN}\n{made}\n\n{END}{after}")


if __name__ == "__main__":
    main()
