"""A telemetry server that takes reports and folds them, with faults on demand. The real one has its own tests."""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from typing import Any

import grpc

from lbdash.proto import telemetry_pb2 as pb

TOTALS = ("picks", "ok", "cancelled", "infrastructure", "application")


class Client:
    """What one channel told, folded."""

    def __init__(self, opened: pb.Open) -> None:
        self.opened = opened
        self.addresses: dict[int, str] = {}
        self.rows: dict[int, dict[str, int]] = {}
        self.gone: set[int] = set()
        self.states: dict[int, list[int]] = {}
        self.latency = 0
        self.latency_seq = 0
        self.samples: list[pb.PickSample] = []
        self.resolver: list[str] = []  # kinds of events
        self.last = pb.Batch()
        self.closed = False

    def fold(self, batch: pb.Batch) -> None:
        self.last = batch
        self.addresses.update((row.index, row.address) for row in batch.subconns)
        self.gone.update(batch.gone)
        for move in batch.transitions:
            self.states.setdefault(move.index, []).append(move.state)
        self.samples.extend(batch.samples)
        self.resolver.extend(event.kind for event in batch.resolver)
        indexes = _column("I", batch.counters.index)
        assert list(indexes) == sorted(set(indexes))
        for name in TOTALS:
            values = _column("Q", getattr(batch.counters, name))
            assert len(values) == len(indexes)
            for index, value in zip(indexes, values, strict=True):
                assert index in self.addresses
                assert value >= self.rows.setdefault(index, Counter())[name]
                self.rows[index][name] = value
        if batch.latency.latency_seq > self.latency_seq:
            self.latency_seq = batch.latency.latency_seq
            self.latency += sum(_column("I", batch.latency.count))

    def total(self, name: str) -> int:
        return sum(row[name] for row in self.rows.values())

    def by_address(self, name: str = "picks") -> dict[str, int]:
        totals: Counter[str] = Counter()
        for index, row in self.rows.items():
            totals[self.addresses[index]] += row[name]
        return dict(totals)


def _column(code: str, data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data)


class Dashboard:
    """`hang`: take reports, never acknowledge. `directive`: merged into the next acknowledgement."""

    def __init__(self, *, hang: bool = False) -> None:
        self.clients: dict[bytes, Client] = {}
        self.reports = 0
        self.streams = 0
        self.hang = hang
        self.directive = pb.Directive(samples_per_second=-1, interval_ms=20)
        self.news = asyncio.Condition()
        self.address = ""
        self._server: grpc.aio.Server | None = None

    async def __aenter__(self) -> Dashboard:
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        handler = grpc.stream_stream_rpc_method_handler(
            self._report, pb.ClientReport.FromString, pb.Directive.SerializeToString
        )
        self._server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("lbdash.telemetry.v1.Telemetry", {"Report": handler}),)
        )
        self.address = f"127.0.0.1:{self._server.add_insecure_port(self.address or '127.0.0.1:0')}"
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        await self._server.stop(None)

    async def _report(self, reports: Any, context: Any) -> Any:
        self.streams += 1
        async for report in reports:
            self._fold(report)
            async with self.news:
                self.news.notify_all()
            if not self.hang:
                directive, self.directive = self.directive, pb.Directive(samples_per_second=-1)
                directive.ack = report.seq
                yield directive

    def _fold(self, report: pb.ClientReport) -> None:
        self.reports += 1
        for opened in report.opens:
            self.clients.setdefault(opened.channel_id, Client(opened))
        for batch in report.batches:
            self.clients[batch.channel_id].fold(batch)
        for close in report.closes:
            self.clients[close.channel_id].closed = True

    async def until(self, condition: Any) -> None:
        async with self.news:
            await asyncio.wait_for(self.news.wait_for(condition), 10)

    @property
    def client(self) -> Client:
        (client,) = self.clients.values()
        return client
