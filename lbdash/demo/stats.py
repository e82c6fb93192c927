"""Ask backends for their own counters: `python -m lbdash.demo.stats HOST:PORT...` prints one JSON line for each."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

import grpc

from lbdash.demo.wire import STATS, pack, unpack


async def read(address: str, timeout: float = 5.0) -> dict[str, Any]:
    """{"address","service","version","pid","calls","ok","failed","cancelled","inflight"}; `calls` counts from the
    process's start, streams included. Raises grpc.aio.AioRpcError when nobody answers."""
    async with grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        ask = channel.unary_unary(STATS, request_serializer=pack, response_deserializer=unpack)
        answer: dict[str, Any] = await ask({}, timeout=timeout, wait_for_ready=True)
        return answer


async def _print(addresses: Sequence[str]) -> None:
    for stats in await asyncio.gather(*map(read, addresses)):
        print(json.dumps(stats))


if __name__ == "__main__":
    asyncio.run(_print(sys.argv[1:]))
