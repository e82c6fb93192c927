"""A fleet as events: clients of one service that report at will. Deterministic; times are given."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lbdash.live.events import (
    Candidate,
    ClientOpened,
    ClientReported,
    CounterColumns,
    Event,
    LatencyColumns,
    PickSample,
    SubConnOpened,
    Ticked,
    Transition,
    VersionCount,
)
from lbdash.model import LATENCY_BOUNDS_US, Connectivity

OBEYS = frozenset({"drain", "maint", "weight", "versions", "policy"})
TELLS = frozenset({"inflight"})


@dataclass
class Load:
    """What one backend is like: share of the picks, median latency, errors."""

    version: str = "v1"
    weight: float = 1.0
    p50_ms: float = 3.2
    error_ratio: float = 0.0
    picked: bool = True
    inflight: int = 1


@dataclass
class Fleet:
    """`rps` of the whole service. Cumulative counters are kept per client."""

    service: str
    convention: str
    loads: dict[str, Load]
    clients: Sequence[str]
    policy: str = "p2c_ewma"
    rps: float = 900.0
    asked: str = ""  # a version that does not exist, asked for by the last client
    rng: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self) -> None:
        self.addresses = list(self.loads)
        n, m = len(self.clients), len(self.addresses)
        self._picks = np.zeros((n, m), np.uint64)
        self._errors = np.zeros((n, m), np.uint64)
        self._missed = 0
        self._noise = np.random.default_rng(1)

    def client_id(self, number: int) -> str:
        return f"{zlib.crc32(f'{self.service} {number}'.encode()):08x}".rjust(32, "0")

    def open(self, at: float) -> list[Event]:
        events: list[Event] = []
        for number, name in enumerate(self.clients):
            events.append(
                ClientOpened(
                    self.client_id(number),
                    name,
                    self.service,
                    self.convention,
                    self.policy,
                    "telemetry",
                    at,
                    target=f"etcd://127.0.0.1:2379/{self.service}",
                    process=name,
                    host=f"node-{number % 7}",
                    pid=4000 + number,
                    language="python",
                    library="lbdash 0.1.0",
                    can_obey=OBEYS,
                    can_tell=TELLS,
                )
            )
            opened = tuple(SubConnOpened(i, a, Connectivity.CONNECTING, at) for i, a in enumerate(self.addresses))
            ready = tuple(Transition(i, Connectivity.READY, at + 0.01) for i in range(len(self.addresses)))
            events.append(
                ClientReported(
                    self.client_id(number),
                    at + 0.01,
                    0.0,
                    opened=opened,
                    transitions=ready,
                    connectivity=Connectivity.READY,
                )
            )
        return events

    def report(self, at: float, step_s: float, applied: int = 0) -> list[Event]:
        """One report of every client: `step_s` of traffic."""
        return [self._report(number, at, step_s, applied) for number in range(len(self.clients))]

    def _report(self, number: int, at: float, step_s: float, applied: int) -> ClientReported:
        loads = [self.loads[address] for address in self.addresses]
        share = np.array([load.weight if load.picked else 0.0 for load in loads])
        total = share.sum() or 1.0
        wobble = self._noise.normal(1, 0.04, len(share)).clip(0.5, 1.5)
        fresh = (
            share / total * self.rps / len(self.clients) * step_s * wobble + self._noise.random(len(share))
        ).astype(np.uint64)
        fresh[share == 0] = 0
        errors = self._noise.binomial(fresh.astype(np.int64), [load.error_ratio for load in loads]).astype(np.uint64)
        self._picks[number] += fresh
        self._errors[number] += errors
        return ClientReported(
            self.client_id(number),
            at,
            0.0,
            counters=self._columns(number, loads),
            latency=self._latency(loads, fresh),
            versions=self._versions(number, step_s),
            samples=self._samples(number, at),
            applied_revision=applied,
            policy=self.policy,
            connectivity=Connectivity.READY,
            picker_build=3,
        )

    def _columns(self, number: int, loads: Sequence[Load]) -> CounterColumns:
        rows = len(loads)
        nothing = np.zeros(rows, np.uint64)
        inflight = np.array([load.inflight if number < 3 else 0 for load in loads], np.uint32)
        done = self._picks[number] - self._errors[number]
        lag = np.array([load.p50_ms * 1000 for load in loads], np.float32)
        one = np.ones(rows, np.float32)
        return CounterColumns(
            index=np.arange(rows, dtype=np.uint32),
            picks=self._picks[number] + inflight.astype(np.uint64),
            ok=done,
            cancelled=nothing,
            infrastructure=self._errors[number].copy(),
            application=nothing,
            inflight=inflight,
            oldest_us=inflight.astype(np.uint64) * np.uint64(2_100_000),
            lag_us=lag,
            success=one,
            load=lag,
            weight=one * 100,
        )

    def _latency(self, loads: Sequence[Load], fresh: np.ndarray) -> LatencyColumns:
        rows = np.flatnonzero(fresh)
        middle = np.array([np.searchsorted(LATENCY_BOUNDS_US, loads[row].p50_ms * 1000) for row in rows])
        slow = fresh[rows] // 20
        return LatencyColumns(
            index=np.concatenate([rows, rows]).astype(np.uint32),
            bucket=np.concatenate([middle, middle + 8]).astype(np.uint8),
            count=np.concatenate([fresh[rows] - slow, slow]).astype(np.uint32),
        )

    def _versions(self, number: int, step_s: float) -> tuple[VersionCount, ...]:
        """Cumulative, as on the wire."""
        totals: dict[str, int] = {}
        for place, address in enumerate(self.addresses):
            version = self.loads[address].version
            totals[version] = totals.get(version, 0) + int(self._picks[number][place])
        counts = [VersionCount("", version, "", "share", total) for version, total in totals.items()]
        if self.asked and number == len(self.clients) - 1:
            self._missed += max(1, round(4 * step_s))
            counts.append(VersionCount(self.asked, "", "no_version", "metadata", self._missed))
        return tuple(counts)

    def _samples(self, number: int, at: float) -> tuple[PickSample, ...]:
        """One pick of every third client; the last client's fail when it asks for what is not there."""
        if number % 3 and number != len(self.clients) - 1:
            return ()
        own, rival = (self._candidate(address) for address in self.rng.sample(self.addresses, 2))
        own, rival = sorted((own, rival), key=lambda candidate: candidate.load)
        failed = bool(self.asked) and number == len(self.clients) - 1
        return (
            PickSample(
                at, self.client_id(number), "/app.App/Get", self.asked if failed else "",
                "" if failed else own.version, "fail" if failed else "complete", "" if failed else own.address,
                "" if failed else self.rng.choice(("lower_load", "lower_load", "probe")), self.policy,
                () if failed else (own, rival), queued_us=0, repicks=0, picker_build=3, ready=len(self.addresses),
                total=len(self.addresses), error="no match found conn" if failed else "", traced=False, detail={},
            ),
        )  # fmt: skip

    def _candidate(self, address: str) -> Candidate:
        load = self.loads[address]
        lag, inflight = load.p50_ms * 1000 * self.rng.uniform(0.8, 1.3), self.rng.randrange(3)
        return Candidate(address, (lag * 1000) ** 0.5 * (inflight + 1), lag, inflight, 1.0, 100.0, load.version)

    def turn(
        self, at: float, address: str, state: Connectivity, clients: Iterable[int], error: str = ""
    ) -> list[Event]:
        """Some clients' SubConns to one backend change state."""
        index = self.addresses.index(address)
        change = (Transition(index, state, at, error),)
        return [
            ClientReported(self.client_id(n), at, 0.0, transitions=change, connectivity=Connectivity.READY)
            for n in clients
        ]


def past(fleets: Sequence[Fleet], until: float, seconds: int) -> Iterable[list[Event]]:
    """History: clients open, then `seconds` of reports and ticks."""
    start = until - seconds
    yield [event for fleet in fleets for event in fleet.open(start)]
    for second in range(1, seconds + 1):
        at = start + second
        yield [*(event for fleet in fleets for event in fleet.report(at, 1.0)), Ticked(at)]
