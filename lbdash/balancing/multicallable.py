"""What stubs call: one class per call kind. A call that can be placed at once is placed synchronously."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import grpc

from lbdash.balancing.balancer import Balancer
from lbdash.balancing.calls import Inner, StreamStreamProxy, StreamUnaryProxy, UnaryStreamProxy, UnaryUnaryProxy
from lbdash.balancing.ended import EndedCall
from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickError, PickInfo, Queue
from lbdash.balancing.placing import place
from lbdash.tasks import spawn

Bind = Callable[[grpc.aio.Channel], Callable[..., Any]]  # the same method on one backend's channel


class MultiCallable:
    """One method of the service. Binds it once per backend connection."""

    def __init__(self, balancer: Balancer, start: Callable[[], None], method: str, bind: Bind) -> None:
        """`start` begins resolving, when the channel was made outside a running loop."""
        self._balancer, self._start, self._method, self._bind = balancer, start, method, bind
        self._bound: dict[grpc.aio.Channel, Callable[..., Any]] = {}

    def _on(self, connection: grpc.aio.Channel) -> Callable[..., Any]:
        try:
            return self._bound[connection]
        except KeyError:
            pass
        subconns = self._balancer.pool.subconns
        if len(self._bound) > len(subconns):  # some are of connections that were closed
            live = {subconn.endpoint.connection for subconn in subconns}
            self._bound = {channel: bound for channel, bound in self._bound.items() if channel in live}
        bound = self._bound[connection] = self._bind(connection)
        return bound

    def _info(self, metadata: Any) -> PickInfo:
        info = PickInfo(self._method, metadata, self._balancer.clock())
        if info.now >= self._balancer.sampler.next_at:
            self._balancer.sample(info)
        return info

    def _hand_over(self, endpoint: Endpoint, info: PickInfo, request: Any, options: dict[str, Any]) -> Inner:
        call = self._on(endpoint.connection)(request, metadata=info.metadata, **options)
        token = self._balancer.begin(endpoint, info, stream=True)
        call.add_done_callback(partial(self._balancer.finish, endpoint, token))
        return call

    def _place(self, info: PickInfo, request: Any, options: dict[str, Any], wait: bool | None) -> Inner:
        """The inner call, or the task that ends with it."""
        try:
            return self._hand_over(self._balancer.pick(info), info, request, options)
        except (Queue, PickError):
            return self._queue(info, request, options, wait)

    def _queue(self, info: PickInfo, request: Any, options: dict[str, Any], wait: bool | None) -> asyncio.Task[Inner]:
        self._start()
        if info.record is not None:
            info.record.wait_for_ready = bool(wait)
        return self._balancer.queued(spawn(self._when_placed(info, request, options, bool(wait)), "queued call"), info)

    async def _when_placed(self, info: PickInfo, request: Any, options: dict[str, Any], wait: bool) -> Inner:
        timeout, began = options["timeout"], info.now
        try:
            endpoint = await place(self._balancer, info, timeout, wait)
        except grpc.aio.AioRpcError as error:
            return EndedCall(error)
        if timeout is not None:
            options["timeout"] = max(0.0, timeout - (info.now - began))
        return self._hand_over(endpoint, info, request, options)


class UnaryUnary(MultiCallable, grpc.aio.UnaryUnaryMultiCallable[Any, Any]):
    """The hot path: the answer is the backend channel's own call object, with a done callback."""

    def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> grpc.aio.UnaryUnaryCall[Any, Any]:
        balancer = self._balancer
        info = PickInfo(self._method, metadata, balancer.clock())
        if info.now >= balancer.sampler.next_at:
            balancer.sample(info)
        try:
            endpoint = balancer.pick(info)
        except (Queue, PickError):
            options = {"timeout": timeout, "credentials": credentials, "compression": compression}
            return UnaryUnaryProxy(self._queue(info, request, options, wait_for_ready), cancel_when_dropped=False)
        connection = endpoint.connection
        bound = self._bound.get(connection) or self._on(connection)
        call: grpc.aio.UnaryUnaryCall[Any, Any] = bound(
            request, timeout=timeout, metadata=metadata, credentials=credentials, compression=compression
        )
        call.add_done_callback(partial(balancer.finish, endpoint, balancer.begin(endpoint, info)))
        return call

    def _hand_over(self, endpoint: Endpoint, info: PickInfo, request: Any, options: dict[str, Any]) -> Inner:
        call = self._on(endpoint.connection)(request, metadata=info.metadata, **options)
        call.add_done_callback(partial(self._balancer.finish, endpoint, self._balancer.begin(endpoint, info)))
        return call


class UnaryStream(MultiCallable, grpc.aio.UnaryStreamMultiCallable[Any, Any]):
    def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> grpc.aio.UnaryStreamCall[Any, Any]:
        options = {"timeout": timeout, "credentials": credentials, "compression": compression}
        inner = self._place(self._info(metadata), request, options, wait_for_ready)
        return UnaryStreamProxy(inner, cancel_when_dropped=True)


# Generic in the stubs and in newer grpcio, but not when grpcio 1.62 runs.
class StreamUnary(MultiCallable, grpc.aio.StreamUnaryMultiCallable):  # type: ignore[type-arg]
    def __call__(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> grpc.aio.StreamUnaryCall[Any, Any]:
        options = {"timeout": timeout, "credentials": credentials, "compression": compression}
        inner = self._place(self._info(metadata), request_iterator, options, wait_for_ready)
        # With an iterator the call ends by itself; without one, only the holder of the proxy can end it.
        return StreamUnaryProxy(inner, cancel_when_dropped=request_iterator is None)


class StreamStream(MultiCallable, grpc.aio.StreamStreamMultiCallable):  # type: ignore[type-arg]
    def __call__(
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        credentials: grpc.CallCredentials | None = None,
        wait_for_ready: bool | None = None,
        compression: grpc.Compression | None = None,
    ) -> grpc.aio.StreamStreamCall[Any, Any]:
        options = {"timeout": timeout, "credentials": credentials, "compression": compression}
        inner = self._place(self._info(metadata), request_iterator, options, wait_for_ready)
        return StreamStreamProxy(inner, cancel_when_dropped=True)
