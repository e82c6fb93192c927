"""How the sub-channels are made: one per address, with the user's credentials, options and interceptors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import grpc

from lbdash.balancing.subconn import Dial

Authority = str | Callable[[str], str] | None  # of every backend, or by address; None = the service's name

DEFAULT_OPTIONS: dict[str, Any] = {
    # Else two channels with equal arguments share one connection, and closing one backend's would close the other's.
    "grpc.use_local_subchannel_pool": 1,
    # A backend that returns is noticed within 10 s; C-core's own limit is two minutes.
    "grpc.initial_reconnect_backoff_ms": 500,
    "grpc.min_reconnect_backoff_ms": 500,
    "grpc.max_reconnect_backoff_ms": 10_000,
}


def dialer(
    service: str,
    *,
    credentials: grpc.ChannelCredentials | None,
    options: Sequence[tuple[str, Any]],
    compression: grpc.Compression | None,
    interceptors: Sequence[grpc.aio.ClientInterceptor],
    authority: Authority,
) -> Dial:
    """The user's `options` win over ours. TLS is verified against the authority, not against the address."""
    # A slash would end an HTTP authority.
    name = service.strip("/").replace("/", ".")

    def dial(address: str) -> grpc.aio.Channel:
        of_address = authority(address) if callable(authority) else authority or name
        merged = list({**DEFAULT_OPTIONS, "grpc.default_authority": of_address, **dict(options)}.items())
        if credentials is None:
            return grpc.aio.insecure_channel(address, merged, compression, interceptors)
        return grpc.aio.secure_channel(address, credentials, merged, compression, interceptors)

    return dial
