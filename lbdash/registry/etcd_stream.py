"""Calls on a channel, with errors in the registry's words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, Self, TypeVar

import grpc

from lbdash.registry.etcd_errors import translate
from lbdash.registry.kv import RegistryUnavailable


class Message(Protocol):
    """A protobuf message, as far as the wire cares."""

    def SerializeToString(self) -> bytes: ...
    @classmethod
    def FromString(cls, data: bytes, /) -> Self: ...


Reply = TypeVar("Reply", bound=Message)


class Stream(Generic[Reply]):
    """A stream in both directions. `leave()` says that its endpoint did not do its job."""

    def __init__(self, call: grpc.aio.StreamStreamCall[Any, Reply], what: str, leave: Callable[[], None]) -> None:
        self._call, self._what, self.leave = call, what, leave

    async def write(self, message: Message) -> None:
        with in_our_words(self._what, self.leave):
            await self._call.write(message)

    async def read(self) -> Reply:
        """Raises RegistryUnavailable when the stream has ended, `cancel` included."""
        with in_our_words(self._what, self.leave):
            answer = await self._call.read()
        if answer is grpc.aio.EOF:
            raise RegistryUnavailable(f"{self._what}: the stream ended")
        return answer  # type: ignore[return-value]  # EOF is out, but its type is not told apart

    def cancel(self) -> None:
        self._call.cancel()


@contextmanager
def in_our_words(what: str, leave: Callable[[], None]) -> Iterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        translated = translate(error, what)
        if isinstance(translated, RegistryUnavailable):
            leave()
        raise translated from error
    except asyncio.InvalidStateError:
        raise RegistryUnavailable(f"{what}: the stream ended") from None
    except asyncio.CancelledError:
        if _task_cancelled():
            raise
        raise RegistryUnavailable(f"{what}: the connection was closed") from None


def _task_cancelled() -> bool:
    """Is it our task that is cancelled? Else it was only the call: gRPC says both with one exception."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
