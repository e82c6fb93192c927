"""Call objects of our own, where grpc.aio's will not do: calls that queue for a picker, and streams.

grpc.aio never ends a stream that was abandoned (`break`, never read): its runtime keeps the call alive, so the done
callback never fires and the backend would count it as in flight for ever. So the user holds our proxy, and nothing
else does: when it is dropped, the stream is cancelled and its done callback fires.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

import grpc

from lbdash.balancing.ended import EndedCall

Inner = Any  # one of grpc.aio's call objects, or an EndedCall


class ProxyCall:
    """What all four kinds share. Given is the inner call, or the task whose result it will be.

    `cancel_when_dropped`: nobody can read the answer once the proxy is gone, so the call ends then.
    """

    def __init__(self, inner: Inner | asyncio.Task[Inner], *, cancel_when_dropped: bool) -> None:
        self._placing = inner if isinstance(inner, asyncio.Task) else None
        self._inner = None if self._placing is not None else inner
        self._cancel_when_dropped = cancel_when_dropped
        self._loop = asyncio.get_running_loop()

    def __del__(self) -> None:
        if getattr(self, "_cancel_when_dropped", False) and not self._loop.is_closed() and not self.done():
            self.cancel()

    def _now(self) -> Inner | None:
        """The inner call, None while it queues."""
        if self._inner is None and self._placing is not None and self._placing.done():
            self._inner = EndedCall() if self._placing.cancelled() else self._placing.result()
        return self._inner

    async def _settled(self) -> Inner:
        if self._now() is None and self._placing is not None:
            await asyncio.wait([self._placing])
        return self._now()

    # ---- grpc.aio.RpcContext

    def cancelled(self) -> bool:
        inner = self._now()
        return inner is not None and bool(inner.cancelled())

    def done(self) -> bool:
        inner = self._now()
        return inner is not None and bool(inner.done())

    def cancel(self) -> bool:
        inner = self._now()
        if inner is None:
            return self._placing is not None and self._placing.cancel()
        return bool(inner.cancel())

    def time_remaining(self) -> float | None:
        """None also while the call queues."""
        inner = self._now()
        return None if inner is None else inner.time_remaining()

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        """`callback(call)`, once. It does not keep an abandoned stream alive."""
        me = weakref.ref(self)
        if (inner := self._now()) is not None:
            inner.add_done_callback(lambda call: callback(me() or call))
        elif self._placing is not None:
            self._placing.add_done_callback(lambda task: _forward(task, me, callback))

    # ---- grpc.aio.Call

    async def initial_metadata(self) -> grpc.aio.Metadata:
        metadata: grpc.aio.Metadata = await (await self._settled()).initial_metadata()
        return metadata

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        metadata: grpc.aio.Metadata = await (await self._settled()).trailing_metadata()
        return metadata

    async def code(self) -> grpc.StatusCode:
        code: grpc.StatusCode = await (await self._settled()).code()
        return code

    async def details(self) -> str:
        details: str = await (await self._settled()).details()
        return details

    async def debug_error_string(self) -> str:
        text: str = await (await self._settled()).debug_error_string()
        return text

    async def wait_for_connection(self) -> None:
        await (await self._settled()).wait_for_connection()

    def __repr__(self) -> str:
        inner = self._now()
        return f"<{type(self).__name__} {'queued' if inner is None else inner!r}>"


def _forward(task: asyncio.Task[Inner], me: weakref.ref[ProxyCall], callback: Callable[[Any], Any]) -> None:
    inner = EndedCall() if task.cancelled() else task.result()
    inner.add_done_callback(lambda call: callback(me() or call))


class _OneResponse(ProxyCall):
    def __await__(self) -> Generator[Any, None, Any]:
        return self._response().__await__()

    async def _response(self) -> Any:
        try:
            return await (await self._settled())
        except asyncio.CancelledError:
            self.cancel()
            raise


class _ManyResponses(ProxyCall):
    _responses: AsyncIterator[Any] | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        # The proxy itself, not the inner iterator: whoever iterates must hold the proxy.
        return self

    async def __anext__(self) -> Any:
        if self._responses is None:
            self._responses = (await self._cancelling(self._settled())).__aiter__()
        assert self._responses is not None
        return await self._responses.__anext__()

    async def read(self) -> Any:
        return await (await self._cancelling(self._settled())).read()

    async def _cancelling(self, waiting: Any) -> Any:
        """Cancelling whoever waits for the stream cancels the stream, as with grpc.aio's own."""
        try:
            return await waiting
        except asyncio.CancelledError:
            self.cancel()
            raise


class _ManyRequests(ProxyCall):
    async def write(self, request: Any) -> None:
        await (await self._settled()).write(request)

    async def done_writing(self) -> None:
        await (await self._settled()).done_writing()


class UnaryUnaryProxy(_OneResponse, grpc.aio.UnaryUnaryCall[Any, Any]):
    pass


class UnaryStreamProxy(_ManyResponses, grpc.aio.UnaryStreamCall[Any, Any]):
    pass


class StreamUnaryProxy(_ManyRequests, _OneResponse, grpc.aio.StreamUnaryCall[Any, Any]):
    async def done_writing(self) -> None:
        await super().done_writing()
        self._cancel_when_dropped = False  # from here on it ends by itself


class StreamStreamProxy(_ManyRequests, _ManyResponses, grpc.aio.StreamStreamCall[Any, Any]):
    pass
