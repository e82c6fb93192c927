"""The demo's calls: JSON as bytes, so that no generated code is needed to make or to serve them."""

from __future__ import annotations

import json
from typing import Any

API = "demo.Api"
CALL, WATCH = f"/{API}/Call", f"/{API}/Watch"
BACKEND = "lbdash.demo.Backend"
STATS = f"/{BACKEND}/Stats"  # a backend's own counters; asking is not counted


def pack(message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def unpack(data: bytes) -> Any:
    return json.loads(data) if data else {}
