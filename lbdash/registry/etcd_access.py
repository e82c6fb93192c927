"""Who we are to etcd, and how channels to it are set up."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from lbdash.registry.endpoints import Endpoint
from lbdash.registry.kv import RegistryUnavailable

OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.keepalive_time_ms", 10_000),  # etcd answers pings more often than every 5 s with GOAWAY
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),  # without it a frozen server is noticed after a minute
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),  # two registries must not share one broken connection
)


@dataclass(frozen=True, slots=True)
class Access:
    """`ca`, `cert`, `key` are paths of PEM files; `cert` and `key` together make mTLS."""

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

    def tls(self, endpoint: Endpoint) -> bool:
        return endpoint.tls if endpoint.tls is not None else bool(self.ca or self.cert)

    def channel(self, endpoint: Endpoint) -> grpc.aio.Channel:
        """Raises RegistryUnavailable when a certificate has gone since."""
        if not self.tls(endpoint):
            return grpc.aio.insecure_channel(endpoint.address, options=OPTIONS)
        credentials = grpc.ssl_channel_credentials(_pem(self.ca), _pem(self.key), _pem(self.cert))
        return grpc.aio.secure_channel(endpoint.address, credentials, options=OPTIONS)


async def connected(channel: grpc.aio.Channel, timeout: float) -> bool:
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


def _pem(path: str | None) -> bytes | None:
    try:
        return Path(path).read_bytes() if path else None
    except OSError as error:
        raise RegistryUnavailable(f"etcd: cannot read {path}: {error.strerror}") from None
