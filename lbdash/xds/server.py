"""ADS and LRS on `grpc.aio`: streams in, streams out. What they mean is `plane`'s.

A stream too many, too silent at its start, or too greedy ends with a status that says so; what it sends otherwise
concerns nobody but itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import grpc

from lbdash.live.events import SourceProven
from lbdash.live.store import Store
from lbdash.proto import xds_pb2 as pb
from lbdash.tasks import spawn
from lbdash.xds.clients import SOURCE, LoadStream, Origin
from lbdash.xds.names import ADS_SERVICE, LRS_SERVICE
from lbdash.xds.plane import Plane
from lbdash.xds.snapshot import GRACE_S
from lbdash.xds.stream import AdsStream
from lbdash.xds.subscriptions import TooMuch

# Half-open connections are noticed: an ADS stream may be silent for days.
OPTIONS = (
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
)
SWEEP_S = 0.5
REPORTS_PER_S = 500  # load reports, of the whole fleet
MAX_SERVICES = 100  # one stream listens for

M = TypeVar("M", pb.DiscoveryRequest, pb.LoadStatsRequest)
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


@dataclass(frozen=True, slots=True)
class Limits:
    """`streams`: of each kind. `first_s`: for a stream's first message."""

    streams: int = 2000
    first_s: float = 10.0


class XdsServer:
    """`add_to` a `grpc.aio.Server`, and `run` beside it."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        ready: Callable[[], bool],
        *,
        grace_s: float = GRACE_S,
        limits: Limits = Limits(),
    ) -> None:
        self._store, self._clock, self._limits = store, clock, limits
        self.plane = Plane(store, clock, ready, grace_s)
        self._ads = self._lrs = 0

    def add_to(self, server: grpc.aio.Server) -> None:
        for service, method, handler, message in (
            (ADS_SERVICE, "StreamAggregatedResources", self._discover, pb.DiscoveryRequest),
            (LRS_SERVICE, "StreamLoadStats", self._load_stats, pb.LoadStatsRequest),
        ):
            # Responses are bytes already: most of them are joined from parts that many streams get.
            rpc: Handler = grpc.stream_stream_rpc_method_handler(handler, request_deserializer=message.FromString)
            server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: rpc}),))
        self._store.apply([SourceProven(SOURCE, SOURCE, self._clock(), synced=True)])

    async def run(self) -> None:
        """Until cancelled: follows the store and the time."""
        async with asyncio.TaskGroup() as group:
            spawn(self._follow(), "xds snapshot", group=group)
            spawn(self._sweep(), "xds sweep", group=group)

    async def _follow(self) -> None:
        changes = self._store.subscribe()
        try:
            self.plane.refresh()
            while True:
                if (await changes.wait()).topology:
                    self.plane.refresh()
        finally:
            changes.close()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            self.plane.sweep()

    # ---- ADS

    async def _discover(self, _: Any, context: Context) -> None:
        if self._ads >= self._limits.streams:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, _full("ADS", self._limits.streams))
        self._ads += 1
        try:
            first = await self._first(context, pb.DiscoveryRequest)
            if first is not None:
                await self._serve(AdsStream(Origin.of(context.peer(), first.node), self._clock()), first, context)
        finally:
            self._ads -= 1

    async def _serve(self, stream: AdsStream, request: Any, context: Context) -> None:
        try:
            async with asyncio.TaskGroup() as group:  # a writer that fails ends the stream
                writer = spawn(self._write(stream, context), "xds writer", group=group)
                refusal = await self._read(stream, request, context)
                writer.cancel()
        finally:
            self.plane.leave(stream, "stream ended")
        if refusal:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, refusal)

    async def _read(self, stream: AdsStream, request: Any, context: Context) -> str:
        """Until the client has no more to say; returns why it is heard no longer, "" = it ended by itself."""
        try:
            while request is not grpc.aio.EOF:
                self._take(stream, request)
                request = await context.read()
        except TooMuch as error:
            return str(error)
        return ""

    def _take(self, stream: AdsStream, request: pb.DiscoveryRequest) -> None:
        answered = stream.subscriptions.hear(request)
        if len(stream.subscriptions.listeners) > MAX_SERVICES:
            raise TooMuch(f"one stream may listen for {MAX_SERVICES} services")
        self.plane.listen(stream)
        if answered is not None:
            self.plane.answered(stream)
        stream.wake.set()

    async def _write(self, stream: AdsStream, context: Context) -> None:
        while True:
            await stream.wake.wait()
            stream.wake.clear()
            if not self.plane.may_answer(stream):
                continue
            snapshot = self.plane.snapshot
            for response in stream.subscriptions.responses(snapshot.resources, snapshot.revision):
                await context.write(response)

    # ---- LRS

    async def _load_stats(self, _: Any, context: Context) -> None:
        if self._lrs >= self._limits.streams:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, _full("LRS", self._limits.streams))
        self._lrs += 1
        try:
            first = await self._first(context, pb.LoadStatsRequest)
            if first is not None:
                await self._listen(LoadStream(Origin.of(context.peer(), first.node)), first, context)
        finally:
            self._lrs -= 1

    async def _listen(self, stream: LoadStream, request: Any, context: Context) -> None:
        await context.write(self._wish())
        self.plane.clients.greet(stream)
        try:
            while request is not grpc.aio.EOF:
                self.plane.loads(stream, request.cluster_stats)
                request = await context.read()
        finally:
            self.plane.clients.fall_silent(stream)

    def _wish(self) -> bytes:
        """All clusters, as often as the fleet can be heard: once a second up to 500 clients."""
        wish = pb.LoadStatsResponse(send_all_clusters=True)
        wish.load_reporting_interval.FromMilliseconds(max(1000, 1000 * self._lrs // REPORTS_PER_S))
        return wish.SerializeToString()

    async def _first(self, context: Context, kind: type[M]) -> M | None:
        """None: the stream ended without a word."""
        try:
            async with asyncio.timeout(self._limits.first_s):
                message = await context.read()
        except TimeoutError:
            await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "no request came for too long")
        return message if isinstance(message, kind) else None


def _full(kind: str, streams: int) -> str:
    return f"this dashboard takes {streams} {kind} streams at once"
