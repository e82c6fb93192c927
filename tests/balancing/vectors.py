"""The acceptance vectors of the balancers that lbdash models (tests/data)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "data"
POLICIES: dict[str, Any] = json.loads((DATA / "policies.json").read_text())
HASHING: dict[str, Any] = json.loads((DATA / "hashing.json").read_text())


def named(prefix: str, vectors: dict[str, Any] = POLICIES) -> list[tuple[str, Any]]:
    """(rest of the name, vector) of every vector whose name begins with `prefix`."""
    found = [(name.removeprefix(prefix), vector) for name, vector in vectors.items() if name.startswith(prefix)]
    assert found, prefix
    return found
