"""Calls that cannot be placed at once: wait for a picker that can, or end with the right status (SPEC 1.1)."""

from __future__ import annotations

import asyncio

import grpc

from lbdash.balancing.balancer import Balancer
from lbdash.balancing.ended import rpc_error
from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import Drop, PickError, PickInfo, Queue

CLOSING = "the client connection is closing"


async def place(balancer: Balancer, info: PickInfo, timeout: float | None, wait_for_ready: bool) -> Endpoint:
    """Repick at each new picker until an endpoint is found; `timeout` in seconds.

    Raises AioRpcError: UNAVAILABLE (fail-fast and nothing left), DEADLINE_EXCEEDED, CANCELLED (channel closed), or the
    status of a call that was dropped.
    A fail-fast call waits only while something may still become READY.
    """
    last: PickError | None = None
    try:
        async with asyncio.timeout(timeout):
            while not balancer.closed:
                try:
                    return _again(balancer, info)
                except Queue:
                    pass
                except Drop as error:
                    raise _failed(balancer, error, info, grpc.StatusCode[error.code]) from None
                except PickError as error:
                    if not wait_for_ready:
                        raise _failed(balancer, error, info, grpc.StatusCode.UNAVAILABLE) from None
                    last = error
                await balancer.next_build()
    except TimeoutError:
        text = f"latest balancer error: {last}" if last else "Deadline Exceeded"
        raise _failed(balancer, last or PickError(text), info, grpc.StatusCode.DEADLINE_EXCEEDED, text) from None
    raise _failed(balancer, PickError(CLOSING), info, grpc.StatusCode.CANCELLED)


def _again(balancer: Balancer, info: PickInfo) -> Endpoint:
    waited = balancer.clock() - info.now
    info.now += waited
    if info.record is not None:
        info.record.queued_us += int(waited * 1e6)
    return balancer.pick(info)


def _failed(
    balancer: Balancer, error: PickError, info: PickInfo, code: grpc.StatusCode, text: str = ""
) -> grpc.aio.AioRpcError:
    balancer.reject(error, info.record)
    return rpc_error(code, text or str(error))
