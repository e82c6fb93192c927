"""Requests to etcd: which endpoint gets them, the auth token, and what it all costs.

Nothing here retries a request that may have been applied. It only connects before it sends (so that a
dead endpoint costs nothing but time), and sends again once what etcd refused for a void token.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import grpc

from lbdash.proto import etcd_pb2 as pb
from lbdash.registry.endpoints import Endpoint
from lbdash.registry.etcd_access import Access, connected
from lbdash.registry.etcd_errors import is_void_token
from lbdash.registry.etcd_stream import Message, Reply, Stream, in_our_words
from lbdash.registry.kv import PermissionDenied, RegistryError, RegistryStats, RegistryUnavailable

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Link:
    endpoint: Endpoint
    channel: grpc.aio.Channel


class Wire:
    """`timeout`: seconds for one request, and for connecting before it."""

    def __init__(self, endpoints: Sequence[Endpoint], access: Access, timeout: float) -> None:
        if not endpoints:
            raise ValueError("no etcd endpoint given")
        self.timeout = timeout
        self.closed = asyncio.Event()
        self._endpoints, self._access = tuple(endpoints), access
        self._links: dict[Endpoint, _Link] = {}
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

    async def call(self, method: str, request: Message, reply: type[Reply], what: str) -> Reply:
        """One unary request; `what` names it in errors. Raises RegistryError and its kinds."""
        try:
            return await self._send(method, request, reply, what)
        except PermissionDenied as error:
            if not is_void_token(str(error)) or not self.renew_token():
                raise
        return await self._send(method, request, reply, what)

    async def stream(
        self, method: str, reply: type[Reply], what: str, *metadata: tuple[str, str], deadline: float | None = None
    ) -> Stream[Reply]:
        """Open a stream in both directions on a connected channel."""
        link = await self._connect(what)
        token = await self._credentials(link, what)
        self._count(method)
        call = link.channel.stream_stream(method, self._encode, lambda data: self._decode(data, reply))
        return Stream(call(timeout=deadline, metadata=(*token, *metadata)), what, lambda: self._leave(link))

    def renew_token(self) -> bool:
        """The next request authenticates again. False when there is no user to do it for."""
        self._token = None
        return bool(self._access.user)

    async def close(self) -> None:
        self.closed.set()
        links, self._links = list(self._links.values()), {}
        for link in links:
            await link.channel.close()

    # ---- inside

    async def _send(self, method: str, request: Message, reply: type[Reply], what: str) -> Reply:
        link = await self._connect(what)
        token = await self._credentials(link, what)
        return await self._unary(link, method, request, reply, what, token)

    async def _unary(
        self, link: _Link, method: str, request: Message, reply: type[Reply], what: str, metadata: Metadata = ()
    ) -> Reply:
        self._count(method)
        call = link.channel.unary_unary(method, self._encode, lambda data: self._decode(data, reply))
        with in_our_words(what, lambda: self._leave(link)):
            return await call(request, timeout=self.timeout, metadata=metadata)

    async def _connect(self, what: str) -> _Link:
        """A link that is connected, the current endpoint's first."""
        for _ in self._endpoints:
            if self.closed.is_set():
                raise RegistryUnavailable(f"{what}: the registry is closed")
            link = self._link(self._endpoints[self._current])
            if await connected(link.channel, self.timeout / len(self._endpoints)):
                return link
            self._leave(link)
        how = {"with TLS" if self._access.tls(endpoint) else "without TLS" for endpoint in self._endpoints}
        raise RegistryUnavailable(f"{what}: no etcd endpoint answers ({self}); tried {' and '.join(sorted(how))}")

    def _link(self, endpoint: Endpoint) -> _Link:
        if endpoint not in self._links:
            self._links[endpoint] = _Link(endpoint, self._access.channel(endpoint))
        return self._links[endpoint]

    def _leave(self, link: _Link) -> None:
        """It did not do its job: the next endpoint from now on, unless somebody has moved on already."""
        if self._endpoints[self._current] == link.endpoint:
            self._current = (self._current + 1) % len(self._endpoints)

    async def _credentials(self, link: _Link, what: str) -> Metadata:
        if not self._access.user:
            return ()
        async with self._token_lock:  # many waiting requests, one Authenticate: it costs etcd a bcrypt
            if self._token is None:
                self._token = await self._authenticate(link, what)
        return (("token", self._token),) if self._token else ()

    async def _authenticate(self, link: _Link, what: str) -> str:
        """The token; "" when this etcd asks for none."""
        request = pb.AuthenticateRequest(name=self._access.user, password=self._access.password)
        what = f"{what}: authenticate user {self._access.user!r}"
        try:
            reply = await self._unary(link, "/etcdserverpb.Auth/Authenticate", request, pb.AuthenticateResponse, what)
        except RegistryError as error:
            if "authentication is not enabled" in str(error):
                return ""
            raise
        token: str = reply.token
        return token

    def _count(self, method: str) -> None:
        self._calls[method.rpartition("/")[2]] += 1

    def _encode(self, message: Message) -> bytes:
        data = message.SerializeToString()
        self._bytes_out += len(data)
        return data

    def _decode(self, data: bytes, reply: type[Reply]) -> Reply:
        self._bytes_in += len(data)
        return reply.FromString(data)
