"""The telemetry server: `Report` streams of clients, turned into checked events.

Everything a client can get wrong is answered here, visibly, and disturbs nobody else: a refused channel is told why by
a Directive, a refused part of a batch becomes `TelemetryRejected`, a stream too many or too silent ends with a status.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from lbdash.live.events import ClientClosed, Event, SourceProven, TelemetryRejected
from lbdash.live.store import Store
from lbdash.proto import telemetry_pb2 as pb
from lbdash.sources import words
from lbdash.sources.channels import Channels
from lbdash.sources.offset import Offset

log = logging.getLogger(__name__)

SERVICE = "lbdash.telemetry.v1.Telemetry"
MAX_MESSAGE_BYTES = 8 << 20  # a first report of 10,000 SubConns is under 1 MB
PROOF_EVERY_S = 1.0
GATHER_S, GATHER = 0.005, 256  # reports are taken in together: after so long, or when so many wait

# What clients are asked for in each directive: the whole fleet stays under these, however many there are.
INTERVAL_MS = 500
REPORTS_PER_S = 2000
SAMPLES_PER_S = 400
SAMPLES_PER_CHANNEL = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """A stream more than `streams` is RESOURCE_EXHAUSTED; one that does not speak for so long DEADLINE_EXCEEDED.

    `index_places`: how far the SubConn indexes of all clients may reach together, at about 12 bytes each.
    """

    streams: int = 2000
    channels_per_stream: int = 256
    index_places: int = 16_000_000
    first_report_s: float = 10.0
    silence_s: float = 90.0  # clients report every 60 s at the least


@dataclass(slots=True, eq=False)
class _Stream:
    offset: Offset = field(default_factory=Offset)
    channels: set[str] = field(default_factory=set)
    reports: int = 0
    silent: bool = False
    heard_at: float = 0.0


class TelemetrySource:
    """`add_to` a `grpc.aio.Server`, or let `serve` make one."""

    def __init__(self, store: Store, clock: Callable[[], float], limits: Limits = Limits()) -> None:
        self._store, self._clock, self._limits = store, clock, limits
        self._streams: set[_Stream] = set()
        self._channels = Channels(limits.channels_per_stream, limits.index_places)
        self._traces: dict[str, float] = {}  # channel id -> seconds, to go with its next directive
        self._proven_at = float("-inf")
        self._reports = 0  # since then
        self._inbox: list[tuple[_Stream, pb.ClientReport, float]] = []  # acknowledged, not looked at yet

    @property
    def streams(self) -> int:
        return len(self._streams)

    def request_trace(self, client_id: str, seconds: float) -> bool:
        """Ask a client to sample every pick for a while, from its next report on. False = it has no stream here."""
        channel = self._channels.get(client_id)
        if channel is None or channel.owner is None:
            return False
        self._traces[client_id] = seconds
        return True

    # ---- serving

    def add_to(self, server: grpc.aio.Server) -> None:
        """The server should be made with `grpc.max_receive_message_length` = MAX_MESSAGE_BYTES."""
        report = grpc.stream_stream_rpc_method_handler(
            self._report, request_deserializer=pb.ClientReport.FromString, response_serializer=_serialize
        )
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Report": report}),))
        self._store.apply([SourceProven(words.SOURCE, words.SOURCE, self._clock(), synced=True)])

    async def serve(self, bind: str, credentials: grpc.ServerCredentials | None = None) -> tuple[grpc.aio.Server, str]:
        """Returns the started server, which the caller stops, and where it listens. RuntimeError when it cannot."""
        server = grpc.aio.server(
            options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
        )
        self.add_to(server)
        port = server.add_secure_port(bind, credentials) if credentials else server.add_insecure_port(bind)
        await server.start()
        return server, f"{bind.rpartition(':')[0]}:{port}"

    async def _report(self, _: Any, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        if len(self._streams) >= self._limits.streams:
            text = f"this dashboard takes {self._limits.streams} telemetry streams at once"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
        stream = _Stream(heard_at=self._clock())
        self._streams.add(stream)
        watchdog = _Watchdog(stream, self._limits, self._clock)
        try:
            await self._converse(stream, context)
        except asyncio.CancelledError:
            if not stream.silent:
                raise
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "no report came for too long")
        except DecodeError:  # not logged: anyone may send bytes, and as often as they like
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "these bytes are no ClientReport")
        finally:
            watchdog.stop()
            self._streams.discard(stream)
            self._end(stream)

    async def _converse(self, stream: _Stream, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        while (report := await context.read()) is not grpc.aio.EOF:
            await context.write(self._receive(stream, report))

    def _end(self, stream: _Stream) -> None:
        self._take_in()
        at = self._clock()
        released = self._channels.release(stream, stream.channels, at)
        if released:
            self._store.apply([ClientClosed(id, at, "stream ended") for id in released])

    # ---- reports

    def _receive(self, stream: _Stream, report: pb.ClientReport) -> pb.Directive:
        """Acknowledge at once; only what opens or closes channels is looked at first, for its answer says so.

        The rest waits a few milliseconds for company: looked at in one go, a report costs half.
        """
        at = stream.heard_at = self._clock()
        stream.reports += 1
        directive = pb.Directive(
            ack=report.seq,
            interval_ms=max(INTERVAL_MS, 1000 * len(self._streams) // REPORTS_PER_S),
            samples_per_second=min(SAMPLES_PER_CHANNEL, SAMPLES_PER_S / max(1, self._channels.live)),
        )
        if self._traces:
            self._trace(stream, directive)
        if not self._inbox:
            asyncio.get_running_loop().call_later(GATHER_S, self._take_in)
        self._inbox.append((stream, report, at))
        if report.opens or report.closes or len(self._inbox) >= GATHER:
            self._take_in(directive)
        return directive

    def flush(self) -> None:
        """Take in now what was acknowledged and still waits."""
        self._take_in()

    def _take_in(self, directive: pb.Directive | None = None) -> None:
        """`directive` answers the newest report, the only one that may open channels."""
        inbox, self._inbox = self._inbox, []
        events: list[Event] = []
        for stream, report, at in inbox:
            try:
                self._read(stream, report, at, events, directive)
            except Exception:  # a mistake of ours in one report must not cost the others theirs
                log.exception("telemetry: a report could not be read")
        if inbox:
            self._prove(len(inbox), inbox[-1][2], events)
            self._store.apply(events)

    def _read(
        self, stream: _Stream, report: pb.ClientReport, at: float, events: list[Event], directive: pb.Directive | None
    ) -> None:
        sent = stream.offset.heard(report.sent_at_us * 1e-6, at)
        for message in report.opens:
            self._open(stream, message, at, events, directive)
        for batch in report.batches:
            self._batch(stream, batch, at, sent, events)
        for close in report.closes:
            self._close(stream, close, at, events)

    def _open(
        self, stream: _Stream, message: pb.Open, at: float, events: list[Event], directive: pb.Directive | None
    ) -> None:
        id = message.channel_id.hex()
        refusal = self._channels.claim(stream, stream.channels, message, at)
        if refusal:
            log.info("telemetry: channel %s refused: %s", id[:32], refusal)
            if directive is not None:
                directive.refusals.add(channel_id=message.channel_id, reason=refusal)
            events.append(TelemetryRejected(id, at, refusal))
        else:
            stream.channels.add(id)
            events.append(words.opened(message, id, at))

    def _batch(self, stream: _Stream, batch: pb.Batch, at: float, sent: float, events: list[Event]) -> None:
        """A batch of a channel that this stream did not open, or that was refused, is passed over."""
        channel = self._channels.get(batch.channel_id.hex())
        if channel is None or channel.owner is not stream:
            return
        event, refused = channel.read(batch, at, stream.offset, sent)
        events.append(event)
        events += [TelemetryRejected(channel.id, at, reason) for reason in refused]

    def _close(self, stream: _Stream, close: pb.Close, at: float, events: list[Event]) -> None:
        id = close.channel_id.hex()
        if self._channels.close(stream, id, at):
            stream.channels.discard(id)
            events.append(ClientClosed(id, at, "closed"))

    def _prove(self, reports: int, at: float, events: list[Event]) -> None:
        self._reports += reports
        if at - self._proven_at >= PROOF_EVERY_S:
            events.append(SourceProven(words.SOURCE, words.SOURCE, at, events=self._reports))
            self._proven_at, self._reports = at, 0

    def _trace(self, stream: _Stream, directive: pb.Directive) -> None:
        for id in stream.channels & self._traces.keys():
            directive.traces.add(channel_id=bytes.fromhex(id), for_ms=int(self._traces.pop(id) * 1000))


def _serialize(directive: pb.Directive) -> bytes:
    return directive.SerializeToString()


class _Watchdog:
    """Cancels a stream's handler that heard nothing for too long. A timer per stream costs less than one per read."""

    def __init__(self, stream: _Stream, limits: Limits, clock: Callable[[], float]) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._stream, self._limits, self._clock = task, stream, limits, clock
        self._timer = asyncio.get_running_loop().call_later(limits.first_report_s, self._look)

    def _look(self) -> None:
        limit = self._limits.silence_s if self._stream.reports else self._limits.first_report_s
        left = self._stream.heard_at + limit - self._clock()
        if left <= 0:
            self._stream.silent = True
            self._task.cancel()
        else:
            self._timer = asyncio.get_running_loop().call_later(left, self._look)

    def stop(self) -> None:
        self._timer.cancel()
