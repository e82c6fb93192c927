"""The other process of `bench_ingest`: clients that report as fast as they are acknowledged.

Reads `port streams rows reports` lines. CPU time is for the other side to measure.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import grpc
import numpy as np

from lbdash.proto import telemetry_pb2 as pb

METHOD = "/lbdash.telemetry.v1.Telemetry/Report"


class Client:
    """One channel whose counters all rise with each report, a call per SubConn in one latency bucket."""

    def __init__(self, number: int, rows: int) -> None:
        self.id = number.to_bytes(16, "big")
        self.rows = rows
        self.seq = 0
        self._index = np.arange(rows, dtype="<u4").tobytes()
        self._totals = np.zeros(rows, "<u8")
        self._nothing = np.zeros(rows, "<u8").tobytes()
        self._gauge = np.full(rows, 0.5, "<f4").tobytes()
        self._bucket = np.full(rows, 30, "u1").tobytes()
        self._one = np.ones(rows, "<u4").tobytes()

    def first(self) -> pb.ClientReport:
        report = self._report()
        process = pb.Process(pid=int.from_bytes(self.id, "big"))
        report.opens.add(channel_id=self.id, name="bench", service="bench", latency_scheme=1, process=process)
        batch = report.batches.add(channel_id=self.id)
        for i in range(self.rows):
            batch.subconns.add(index=i, address=f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}:80", state=2)
        return report

    def next(self) -> pb.ClientReport:
        self._totals += 1
        totals, report = self._totals.tobytes(), self._report()
        batch = report.batches.add(channel_id=self.id, connectivity=2, picker_build=1, policy="p2c_ewma")
        c = batch.counters
        c.index, c.picks, c.ok = self._index, totals, totals
        c.cancelled = c.infrastructure = c.application = c.oldest_us = self._nothing
        c.inflight, c.lag_us, c.success, c.load, c.weight = self._one, *[self._gauge] * 4
        latency = batch.latency
        latency.latency_seq, latency.index, latency.bucket, latency.count = (
            self.seq,
            self._index,
            self._bucket,
            self._one,
        )
        batch.versions.add(requested="v1", chosen="v1", source="metadata", count=self.seq)
        batch.versions.add(chosen="v2", source="share", count=self.seq)
        return report

    def _report(self) -> pb.ClientReport:
        self.seq += 1
        return pb.ClientReport(seq=self.seq, sent_at_us=time.time_ns() // 1000)


async def begin(channel: grpc.aio.Channel, client: Client) -> Any:
    call: Any = channel.stream_stream(METHOD, pb.ClientReport.SerializeToString, pb.Directive.FromString)()
    await call.write(client.first())
    await call.read()
    return call


async def speak(call: Any, client: Client, reports: int) -> None:
    for _ in range(reports):
        await call.write(client.next())
        await call.read()


async def finish(call: Any) -> None:
    await call.done_writing()
    await call.read()


async def run(port: int, streams: int, rows: int, reports: int, serial: int) -> None:
    """Says "open" when all SubConns are told, reports after the next line of input, says "done"."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        clients = [Client(serial * 10_000 + n, rows) for n in range(streams)]
        calls = [await begin(channel, client) for client in clients]
        print("open", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        pairs = zip(calls, clients, strict=True)
        await asyncio.gather(*(speak(call, client, reports // streams) for call, client in pairs))
        print("done", flush=True)
        await asyncio.gather(*map(finish, calls))


def main() -> None:
    serial = 0
    while line := sys.stdin.readline():
        serial += 1
        asyncio.run(run(*map(int, line.split()), serial))


if __name__ == "__main__":
    main()
