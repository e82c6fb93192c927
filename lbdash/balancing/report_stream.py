"""One Report stream: one report outstanding, the next after its acknowledgement and the interval, or when due.

The dashboard's directives steer the interval, the sampling and traces; its refusals silence a channel for a while.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import grpc

from lbdash.balancing.ledger import Ledger
from lbdash.proto import telemetry_pb2 as pb
from lbdash.tasks import spawn

log = logging.getLogger(__name__)

METHOD = "/lbdash.telemetry.v1.Telemetry/Report"
DEFAULT_INTERVAL_S = 0.5
MIN_INTERVAL_S, MAX_INTERVAL_S = 0.02, 60.0  # the first is also the gap that immediate reports keep
ACK_TIMEOUT_S = 10.0  # a dashboard that takes longer is hung
REFUSED_S = 10.0  # before a refused channel tries again


class StreamEnded(ConnectionError):
    """The dashboard ended the stream, or does not answer."""


class ReportStream:
    """`ledgers` is the reporter's own list: channels come and go while the stream lives."""

    def __init__(self, channel: grpc.aio.Channel, ledgers: Sequence[Ledger], on_ack: Callable[[], None]) -> None:
        self.due = asyncio.Event()
        self._ledgers, self._on_ack = ledgers, on_ack
        self._call: Any = channel.stream_stream(METHOD, pb.ClientReport.SerializeToString, pb.Directive.FromString)()
        self._interval = DEFAULT_INTERVAL_S
        self._seq = 0
        self._reported: list[Ledger] = []  # in the outstanding report
        self._settled = asyncio.Event()  # set while no report is outstanding
        self._reached = False  # a report went out, so somebody is there

    async def run(self) -> None:
        """Until the stream breaks; raises a group of AioRpcError or StreamEnded."""
        for ledger in self._ledgers:
            ledger.restart()
        try:
            async with asyncio.TaskGroup() as group:
                spawn(self._listen(), "telemetry directives", group=group)
                spawn(self._speak(), "telemetry reports", group=group)
        finally:
            self._call.cancel()
            for ledger in self._ledgers:
                if ledger.closing:
                    ledger.farewell.set()

    async def flush(self, ledger: Ledger, timeout: float) -> None:
        """Returns when the ledger's last report was acknowledged; at once when nobody was ever reached here."""
        if not self._reached:
            return
        self.due.set()
        try:
            await asyncio.wait_for(ledger.farewell.wait(), timeout)
        except TimeoutError:
            log.info("telemetry: the last report of %s was not acknowledged", ledger.subject.name)

    # ---- speaking

    async def _speak(self) -> None:
        while True:
            self.due.clear()
            self._settled.clear()
            await self._send(self._report())
            await self._pause()

    async def _send(self, report: pb.ClientReport) -> None:
        try:
            async with asyncio.timeout(ACK_TIMEOUT_S):
                await self._call.write(report)
                self._reached = True
                await self._settled.wait()
        except TimeoutError:
            raise StreamEnded(f"no acknowledgement for {ACK_TIMEOUT_S:.0f} s") from None

    async def _pause(self) -> None:
        await asyncio.sleep(MIN_INTERVAL_S)
        with suppress(TimeoutError):
            await asyncio.wait_for(self.due.wait(), self._interval - MIN_INTERVAL_S)

    def _report(self) -> pb.ClientReport:
        now = time.monotonic()
        self._seq += 1
        report = pb.ClientReport(seq=self._seq, sent_at_us=time.time_ns() // 1000)
        self._reported = [ledger for ledger in self._ledgers if ledger.wants_to_speak(now)]
        for ledger in self._reported:
            if not ledger.opened:
                report.opens.append(ledger.open(_process()))
                ledger.opened = True
            report.batches.append(ledger.batch(now))
            if ledger.closing:
                ledger.goodbye_said = True
                report.closes.append(pb.Close(channel_id=ledger.subject.id, reason="closed"))
        return report

    # ---- listening

    async def _listen(self) -> None:
        async for directive in self._call:
            self._on_ack()
            self._obey(directive)
        raise StreamEnded("the dashboard ended the stream")

    def _obey(self, directive: pb.Directive) -> None:
        now = time.monotonic()
        by_id = {ledger.subject.id: ledger for ledger in self._ledgers}
        for refusal in directive.refusals:  # before the acknowledgement: what was refused did not arrive
            if (refused := by_id.get(refusal.channel_id)) is not None:
                log.warning("telemetry: %s is refused: %s", refused.subject.name, refusal.reason[:200])
                refused.refuse(now + REFUSED_S)
        if directive.ack >= self._seq > 0:
            self._settle()
        if directive.interval_ms:
            self._interval = min(max(directive.interval_ms / 1000, MIN_INTERVAL_S), MAX_INTERVAL_S)
        for ledger in self._ledgers:
            ledger.subject.balancer.sampler.set_rate(directive.samples_per_second, now)
        for trace in directive.traces:
            if (traced := by_id.get(trace.channel_id)) is not None:
                traced.subject.balancer.sampler.trace(trace.for_ms / 1000, now)

    def _settle(self) -> None:
        for ledger in self._reported:
            ledger.acknowledged()
        self._reported = []
        self._settled.set()


def _process() -> pb.Process:
    return pb.Process(
        host=socket.gethostname(),
        pid=os.getpid(),
        language=f"python {platform.python_version()}",
        library_version=f"lbdash {_library_version()}",
        name=os.path.basename(sys.argv[0]) or "python",
    )


def _library_version() -> str:
    try:
        return version("lbdash")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"
