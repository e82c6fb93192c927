"""A client of the telemetry server that says exactly what a test wants."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import grpc
import numpy as np

from lbdash.proto import telemetry_pb2 as pb
from lbdash.sources.telemetry import SERVICE

METHOD = f"/{SERVICE}/Report"
TIMEOUT_S = 20.0  # a test that waits so long has failed


def channel_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def client_id(number: int) -> str:
    return channel_id(number).hex()


def opening(number: int, service: str = "shop", pid: int = 1, **more: Any) -> pb.Open:
    process = pb.Process(host="host", pid=pid, name="app")
    return pb.Open(
        channel_id=channel_id(number),
        name=f"client {number}",
        service=service,
        process=process,
        latency_scheme=1,
        **more,
    )


def batch(number: int, *addresses: str, state: int = 2, **more: Any) -> pb.Batch:
    """With a SubConn table of `addresses`, indexes from 0."""
    rows = [pb.SubConn(index=i, address=address, state=state) for i, address in enumerate(addresses)]
    return pb.Batch(channel_id=channel_id(number), subconns=rows, **more)


def u32(*values: int) -> bytes:
    return np.array(values, "<u4").tobytes()


def u64(*values: int) -> bytes:
    return np.array(values, "<u8").tobytes()


def counters(picks: Sequence[int], index: Sequence[int] | None = None, **more: bytes) -> pb.Counters:
    return pb.Counters(index=u32(*(range(len(picks)) if index is None else index)), picks=u64(*picks), **more)


class Speaker:
    """One Report stream on a connection of its own: `async with Speaker(address) as speaker`."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
        self._call: Any = None
        self._seq = 0

    async def __aenter__(self) -> Speaker:
        call = self._channel.stream_stream(METHOD, pb.ClientReport.SerializeToString, pb.Directive.FromString)
        self._call = call()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()

    async def say(self, *, sent_at: float | None = None, **parts: Any) -> pb.Directive:
        """One report; returns its answer. Raises AioRpcError when the stream ended."""
        self._seq += 1
        sent = time.time() if sent_at is None else sent_at
        report = pb.ClientReport(seq=self._seq, sent_at_us=int(sent * 1e6), **parts)
        async with asyncio.timeout(TIMEOUT_S):
            await self._call.write(report)
            answer = await self._call.read()
        if answer is grpc.aio.EOF:
            raise await self._failure()
        assert answer.ack == self._seq
        return answer

    async def ended(self) -> tuple[grpc.StatusCode, str]:
        """Waits for the other side to end the stream."""
        async with asyncio.timeout(TIMEOUT_S):
            return await self._call.code(), await self._call.details()

    async def hang_up(self) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            await self._call.done_writing()
            await self._call.code()

    async def _failure(self) -> Exception:
        return ConnectionError(f"{await self._call.code()}: {await self._call.details()}")
