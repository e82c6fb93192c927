"""Telemetry: one stream per process and dashboard, shared by its channels.

A dashboard that is away, slow or hung costs a newer, larger difference later and nothing now: no call waits for
anything in here, and nothing here grows (see `ledger`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable

import grpc

from lbdash.balancing.ledger import Ledger
from lbdash.balancing.report_stream import ReportStream, StreamEnded
from lbdash.tasks import Backoff, spawn, stop

log = logging.getLogger(__name__)

FLUSH_S = 1.0  # how long a closing channel waits for its last report to arrive
_OPTIONS = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 5000)]


class Reporter:
    """Keeps a stream up, with backoff and jitter, as long as it has ledgers."""

    def __init__(self, address: str, credentials: grpc.ChannelCredentials | None) -> None:
        self._address, self._credentials = address, credentials
        self._ledgers: list[Ledger] = []
        self._stream: ReportStream | None = None
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def shared(cls, address: str, credentials: grpc.ChannelCredentials | None) -> Reporter:
        """The process's reporter to `address`, in this loop."""
        key: Hashable = (asyncio.get_running_loop(), address, credentials)
        reporter = _reporters.get(key)
        if reporter is None:
            reporter = _reporters[key] = cls(address, credentials)
        return reporter

    def add(self, ledger: Ledger) -> None:
        self._ledgers.append(ledger)
        self.report_now()
        if self._task is None:
            self._task = spawn(self._run(), f"telemetry to {self._address}")

    def report_now(self) -> None:
        """Something must not wait for the interval."""
        if self._stream is not None:
            self._stream.due.set()

    async def remove(self, ledger: Ledger) -> None:
        """Send its last report, if somebody listens, and forget it."""
        ledger.closing = True
        if self._stream is not None:
            await self._stream.flush(ledger, FLUSH_S)
        self._ledgers.remove(ledger)
        if not self._ledgers:
            await self._end()

    async def _end(self) -> None:
        for key in [key for key, reporter in _reporters.items() if reporter is self]:
            del _reporters[key]
        task, self._task = self._task, None
        await stop(task)

    async def _run(self) -> None:
        backoff = Backoff(first=0.2, limit=10.0)
        while True:
            async with self._channel() as channel:
                self._stream = ReportStream(channel, self._ledgers, on_ack=backoff.reset)
                try:
                    await self._stream.run()
                except* (grpc.aio.AioRpcError, StreamEnded) as errors:
                    log.debug("telemetry to %s: %s", self._address, errors.exceptions[0])
                finally:
                    self._stream = None
            await backoff.sleep()

    def _channel(self) -> grpc.aio.Channel:
        if self._credentials is None:
            return grpc.aio.insecure_channel(self._address, _OPTIONS)
        return grpc.aio.secure_channel(self._address, self._credentials, _OPTIONS)


_reporters: dict[Hashable, Reporter] = {}
