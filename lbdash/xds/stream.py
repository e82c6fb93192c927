"""What is kept of one ADS stream."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from lbdash.xds.clients import Origin, XdsClient
from lbdash.xds.subscriptions import Subscriptions


@dataclass(slots=True, eq=False)
class AdsStream:
    """`watching`: services that its names belong to. `clients`: by service, of its listeners. `wake`: there may be
    something to write."""

    origin: Origin
    opened_at: float
    subscriptions: Subscriptions = field(default_factory=Subscriptions)
    watching: frozenset[str] = frozenset()
    clients: dict[str, XdsClient] = field(default_factory=dict)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
