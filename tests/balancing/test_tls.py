"""TLS between client and backends: the certificate is checked against the service's name, not the address."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from lbdash.balancing import Channel
from tests.balancing.fleet import Backend, Stub


async def certificate(folder, name):
    """A self-signed certificate for `name`: (key, certificate), PEM."""
    process = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
        *("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
        *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    return (folder / "key.pem").read_bytes(), (folder / "cert.pem").read_bytes()


@pytest.mark.parametrize(
    "options", [{"service": "app.internal"}, {"service": "x", "default_authority": "app.internal"}]
)
async def test_the_certificate_must_be_the_services(tmp_path, options):
    key, cert = await certificate(tmp_path, "app.internal")
    backend = await Backend().start(grpc.ssl_server_credentials([(key, cert)]))
    credentials = grpc.ssl_channel_credentials(cert)
    async with Channel(f"static:///{backend.address}", credentials=credentials, **options) as channel:
        assert (await Stub(channel).echo(b"hi", timeout=10)).endswith(b"hi")
    async with Channel(f"static:///{backend.address}", credentials=credentials, service="other") as channel:
        with pytest.raises(grpc.aio.AioRpcError, match="none READY"):
            await Stub(channel).echo(b"hi", timeout=10)
    await backend.stop()
