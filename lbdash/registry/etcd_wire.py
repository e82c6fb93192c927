"""Channels to etcd's endpoints: which one is used, the auth token, and what it all costs.

Nothing here retries a request that may have been applied. It only connects before it sends (so that a
dead endpoint costs nothing but time), and sends again once what etcd refused for a void token.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import grpc

from lbdash.proto import etcd_pb2 as pb
from lbdash.registry.endpoints import Endpoint
from lbdash.registry.etcd_errors import is_void_token, translate
from lbdash.registry.kv import RegistryError, RegistryStats, RegistryUnavailable

OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.keepalive_time_ms", 10_000),  # etcd answers pings more often than every 5 s with GOAWAY
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),  # without it a frozen server is noticed after a minute
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),  # two registries must not share one broken connection
)


class Message(Protocol):
    """A protobuf message, as far as the wire cares."""

    def SerializeToString(self) -> bytes: ...
    @classmethod
    def FromString(cls, data: bytes, /) -> Self: ...


Reply = TypeVar("Reply", bound=Message)
Call = grpc.aio.StreamStreamCall[Any, Any]


@dataclass(frozen=True, slots=True)
class Access:
    """Who we are to etcd. `ca`, `cert`, `key` are paths of PEM files; `cert` and `key` together make mTLS."""

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    def __post_init__(self) -> None:
        if (self.cert is None) != (self.key is None):
            raise ValueError("etcd: a client certificate needs its key, and the other way round")
        if self.user and self.password is None:
            raise ValueError(f"etcd: user {self.user!r} needs a password")
        for path in filter(None, (self.ca, self.cert, self.key)):
            if not os.access(path, os.R_OK):
                raise ValueError(f"etcd: cannot read {path}")

    def channel(self, endpoint: Endpoint) -> grpc.aio.Channel:
        tls = endpoint.tls if endpoint.tls is not None else bool(self.ca or self.cert)
        if not tls:
            return grpc.aio.insecure_channel(endpoint.address, options=OPTIONS)
        credentials = grpc.ssl_channel_credentials(*map(_pem, (self.ca, self.key, self.cert)))
        return grpc.aio.secure_channel(endpoint.address, credentials, options=OPTIONS)


def _pem(path: str | None) -> bytes | None:
    """Read when a channel is made, so that a renewed certificate is taken up."""
    return Path(path).read_bytes() if path else None


class Wire:
    """`timeout`: seconds for one request, and for connecting before it."""

    def __init__(self, endpoints: Sequence[Endpoint], access: Access, timeout: float) -> None:
        if not endpoints:
            raise ValueError("no etcd endpoint given")
        self.timeout = timeout
        self.closed = asyncio.Event()
        self._endpoints, self._access = tuple(endpoints), access
        self._channels: dict[Endpoint, grpc.aio.Channel] = {}
        self._current = 0
        self._token: str | None = None
        self._token_lock = asyncio.Lock()
        self._calls: Counter[str] = Counter()
        self._bytes_in = self._bytes_out = 0

    def __str__(self) -> str:
        return ",".join(map(str, self._endpoints))

    def stats(self, watches: int) -> RegistryStats:
        calls = tuple(sorted(self._calls.items()))
        return RegistryStats(self._calls.total(), watches, self._bytes_in, self._bytes_out, calls)

    # ---- requests

    async def call(self, method: str, request: Message, reply: type[Reply], what: str) -> Reply:
        """One unary request; `what` names it in errors. Raises RegistryError and its kinds."""
        try:
            return await self._send(method, request, reply, what)
        except grpc.aio.AioRpcError as error:
            if not is_void_token(error.details() or "") or not self.renew_token():
                raise self.failed(error, what) from error
        try:
            return await self._send(method, request, reply, what)
        except grpc.aio.AioRpcError as error:
            raise self.failed(error, what) from error

    async def stream(
        self, method: str, reply: type[Reply], what: str, *metadata: tuple[str, str], deadline: float | None = None
    ) -> Call:
        """Open a stream in both directions on a connected channel. Its errors go through `failed`."""
        channel = await self._connected(what)
        token = await self._metadata(channel, what)
        self._calls[method.rpartition("/")[2]] += 1
        stream = channel.stream_stream(method, self._encode, lambda data: self._decode(data, reply))
        return stream(timeout=deadline, metadata=(*token, *metadata))

    def failed(self, error: grpc.aio.AioRpcError, what: str) -> RegistryError:
        """The error to raise; an endpoint that did not answer is left for the next one."""
        translated = translate(error, what)
        if isinstance(translated, RegistryUnavailable):
            self.next_endpoint()
        return translated

    def renew_token(self) -> bool:
        """The next request authenticates again. False when there is no user to do it for."""
        self._token = None
        return bool(self._access.user)

    def next_endpoint(self) -> None:
        """The current endpoint did not do its job: others first, from now on."""
        self._current = (self._current + 1) % len(self._endpoints)

    async def close(self) -> None:
        self.closed.set()
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            await channel.close()

    # ---- inside

    async def _send(self, method: str, request: Message, reply: type[Reply], what: str) -> Reply:
        channel = await self._connected(what)
        metadata = await self._metadata(channel, what)
        return await self._unary(channel, method, request, reply, metadata, what)

    async def _unary(
        self,
        channel: grpc.aio.Channel,
        method: str,
        request: Message,
        reply: type[Reply],
        metadata: tuple[tuple[str, str], ...],
        what: str,
    ) -> Reply:
        self._calls[method.rpartition("/")[2]] += 1
        call = channel.unary_unary(method, self._encode, lambda data: self._decode(data, reply))
        try:
            return await call(request, timeout=self.timeout, metadata=metadata)
        except asyncio.CancelledError:
            if task_cancelled():
                raise
            raise RegistryUnavailable(f"{what}: the connection was closed") from None

    async def _connected(self, what: str) -> grpc.aio.Channel:
        """A channel that is connected, the current endpoint first."""
        for _ in self._endpoints:
            if self.closed.is_set():
                raise RegistryUnavailable(f"{what}: the registry is closed")
            channel = self._channel(self._endpoints[self._current])
            if await _ready(channel, self.timeout / len(self._endpoints)):
                return channel
            self.next_endpoint()
        raise RegistryUnavailable(f"{what}: no etcd endpoint answers ({self})")

    def _channel(self, endpoint: Endpoint) -> grpc.aio.Channel:
        if endpoint not in self._channels:
            self._channels[endpoint] = self._access.channel(endpoint)
        return self._channels[endpoint]

    async def _metadata(self, channel: grpc.aio.Channel, what: str) -> tuple[tuple[str, str], ...]:
        if not self._access.user:
            return ()
        async with self._token_lock:  # many waiting requests, one Authenticate: it costs etcd a bcrypt
            if self._token is None:
                self._token = await self._authenticate(channel)
        return (("token", self._token),) if self._token else ()

    async def _authenticate(self, channel: grpc.aio.Channel) -> str:
        request = pb.AuthenticateRequest(name=self._access.user, password=self._access.password)
        what = f"authenticate user {self._access.user!r}"
        path = "/etcdserverpb.Auth/Authenticate"
        try:
            return (await self._unary(channel, path, request, pb.AuthenticateResponse, (), what)).token
        except grpc.aio.AioRpcError as error:
            if "authentication is not enabled" in (error.details() or ""):
                return ""
            raise self.failed(error, what) from error

    def _encode(self, message: Message) -> bytes:
        data = message.SerializeToString()
        self._bytes_out += len(data)
        return data

    def _decode(self, data: bytes, reply: type[Reply]) -> Reply:
        self._bytes_in += len(data)
        return reply.FromString(data)


async def _ready(channel: grpc.aio.Channel, timeout: float) -> bool:
    """Wait until `channel` is READY. False at once when it cannot connect, or after `timeout` seconds."""
    try:
        async with asyncio.timeout(timeout):
            state = channel.get_state(try_to_connect=True)
            while state in (grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING):
                await channel.wait_for_state_change(state)
                state = channel.get_state(try_to_connect=True)
    except TimeoutError:
        return False
    return state is grpc.ChannelConnectivity.READY


def task_cancelled() -> bool:
    """In `except CancelledError`: is it our task that is cancelled? Else it was only the call (its channel closed)."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
