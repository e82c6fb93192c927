"""A call that ended before it began: never placed, or cancelled in the queue. Looks like grpc.aio's calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any, NoReturn

import grpc

CANCELLED_LOCALLY = "Locally cancelled by application!"


def rpc_error(code: grpc.StatusCode, details: str) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details=details)


class EndedCall:
    """`error` None: cancelled by the application, which then sees CancelledError, as with grpc.aio's own calls."""

    def __init__(self, error: grpc.aio.AioRpcError | None = None) -> None:
        self._cancelled = error is None
        self._error = error or rpc_error(grpc.StatusCode.CANCELLED, CANCELLED_LOCALLY)

    def _raise(self) -> NoReturn:
        raise asyncio.CancelledError if self._cancelled else self._error

    def cancelled(self) -> bool:
        return self._cancelled

    def done(self) -> bool:
        return True

    def cancel(self) -> bool:
        return False

    def time_remaining(self) -> float | None:
        return None

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        asyncio.get_running_loop().call_soon(callback, self)

    async def initial_metadata(self) -> grpc.aio.Metadata:
        return grpc.aio.Metadata()

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        return grpc.aio.Metadata()

    async def code(self) -> grpc.StatusCode:
        return self._error.code()

    async def details(self) -> str:
        return self._error.details() or ""

    async def debug_error_string(self) -> str:
        return ""

    async def wait_for_connection(self) -> None:
        self._raise()

    def __await__(self) -> Generator[Any, None, Any]:
        self._raise()
        yield

    async def __aiter__(self) -> AsyncIterator[Any]:
        self._raise()
        yield

    async def read(self) -> Any:
        self._raise()

    async def write(self, request: Any) -> None:
        self._raise()

    async def done_writing(self) -> None:
        return None
