"""The file that tells a stock gRPC client where its control plane is (gRFC A27)."""

from __future__ import annotations

import json
import shlex
from typing import Any

from lbdash.config import Tls

VARIABLE, FILE_VARIABLE = "GRPC_XDS_BOOTSTRAP_CONFIG", "GRPC_XDS_BOOTSTRAP"

# A service that is withdrawn by mistake is followed no further, instead of failing at once (gRFC A53).
_FEATURES = ["xds_v3", "ignore_resource_deletion"]


def bootstrap(server: str, node: str, tls: Tls | None = None) -> dict[str, Any]:
    """`server` HOST:PORT. `tls` None: plain text; else the authority that the client trusts ("" = the system's), and
    its own certificate where the server asks for one."""
    credentials: dict[str, Any] = {"type": "insecure"}
    if tls is not None:
        named = {"ca_certificate_file": tls.ca, "certificate_file": tls.cert, "private_key_file": tls.key}
        credentials = {"type": "tls", "config": {name: path for name, path in named.items() if path}}
    return {
        "xds_servers": [{"server_uri": server, "channel_creds": [credentials], "server_features": _FEATURES}],
        "node": {"id": node},
    }


def environment_line(document: dict[str, Any]) -> str:
    """For a shell; clients take the document itself as well as a file's name."""
    return f"export {VARIABLE}={shlex.quote(json.dumps(document, separators=(',', ':')))}"
