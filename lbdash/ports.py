"""What we listen on: sockets and gRPC servers, bound so that a taken port is an error that names its option."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence

import grpc

from lbdash.config import ConfigError, Tls, host_port


def http_socket(bind: str) -> socket.socket:
    host, port = host_port(bind, "--http")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise _taken("--http", bind, error) from None
    return sock


def _taken(option: str, bind: str, error: object) -> ConfigError:
    port = bind.rpartition(":")[2]
    return ConfigError(f"{option} {bind}: port {port} cannot be used ({error}); choose another, or 0 for any free one")


def spell(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextlib.asynccontextmanager
async def grpc_server(
    option: str, bind: str, tls: Tls, add_to: Callable[[grpc.aio.Server], None], options: Sequence[tuple[str, int]]
) -> AsyncIterator[str]:
    """A server with what `add_to` adds to it; yields where it listens. A taken port is an error, not shared."""
    host, _ = host_port(bind, option)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0), *options])
    add_to(server)
    try:
        port = _add_port(server, bind, tls)
    except RuntimeError as error:
        raise _taken(option, bind, str(error).splitlines()[0]) from None
    await server.start()
    try:
        yield f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    finally:
        await server.stop(0.5)


def _add_port(server: grpc.aio.Server, bind: str, tls: Tls) -> int:
    if not tls:
        return server.add_insecure_port(bind)
    with open(tls.key, "rb") as key, open(tls.cert, "rb") as cert:
        pair = (key.read(), cert.read())
    ca = None
    if tls.ca:
        with open(tls.ca, "rb") as file:
            ca = file.read()
    credentials = grpc.ssl_server_credentials([pair], root_certificates=ca, require_client_auth=ca is not None)
    return server.add_secure_port(bind, credentials)
