"""One connection to one address: a grpc.aio channel of its own, its state watched by one task.

grpc.aio has no load balancing API, so each address gets a whole channel (in effect pick_first over one address),
with `grpc.use_local_subchannel_pool`: otherwise equal channels would share one connection.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import grpc

from lbdash.balancing.endpoint import Backend, Endpoint
from lbdash.model import Connectivity
from lbdash.tasks import spawn, stop

_STATES = {
    grpc.ChannelConnectivity.IDLE: Connectivity.IDLE,
    grpc.ChannelConnectivity.CONNECTING: Connectivity.CONNECTING,
    grpc.ChannelConnectivity.READY: Connectivity.READY,
    grpc.ChannelConnectivity.TRANSIENT_FAILURE: Connectivity.TRANSIENT_FAILURE,
    grpc.ChannelConnectivity.SHUTDOWN: Connectivity.SHUTDOWN,
}
_STICKY = (Connectivity.IDLE, Connectivity.CONNECTING)
PROBE_METHOD = "/lbdash.Diagnosis/LastError"

Dial = Callable[[str], grpc.aio.Channel]  # a channel to one canonical address


class SubConn:
    """State machine of SPEC 3.1 with sticky TRANSIENT_FAILURE: only READY (or SHUTDOWN) leaves it.

    `on_change(subconn)` runs on the loop after each change. `since` is monotonic seconds. `probe` True: on failure
    ask C-core for the connection error (see `_diagnose`).
    """

    def __init__(
        self,
        endpoint: Endpoint,
        dial: Dial,
        on_change: Callable[[SubConn], None],
        *,
        probe: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.endpoint = endpoint
        self.backend = Backend(endpoint.address)  # as the list in force has it
        self.removed = False  # its address left the list
        self.state = Connectivity.IDLE
        self.since = clock()
        self.error = ""  # of the last failed connection attempt
        self.wanted = False  # reconnect when the connection is lost
        self._dial, self._on_change, self._probe, self._clock = dial, on_change, probe, clock
        self._channel: grpc.aio.Channel | None = None
        self._task: asyncio.Task[None] | None = None

    def connect(self) -> None:
        """Connect, and reconnect whenever the connection is lost."""
        if self._channel is None:
            self.wanted = True
            self._channel = self.endpoint.connection = self._dial(self.endpoint.address)
            self._task = spawn(self._watch(self._channel), f"subconn {self.endpoint.address}")
        elif not self.wanted:
            self.wanted = True
            self._channel.get_state(try_to_connect=True)

    def lost(self) -> None:
        """The connection turned out not to be READY; the watching task will say what it is."""
        if self.state is Connectivity.READY:
            self._move(Connectivity.IDLE)

    @property
    def dialled(self) -> bool:
        """It has a connection, or tries to get one."""
        return self._channel is not None

    def hang_up(self, state: Connectivity, grace: float | None = None) -> Coroutine[Any, Any, None]:
        """IDLE (until `connect`) or SHUTDOWN (for good) at once; the coroutine does the rest and must be awaited.

        Running calls have `grace` seconds; None cancels them, so callers wait for in-flight 0 first.
        """
        task, channel = self._task, self._channel
        self._task = self._channel = self.endpoint.connection = None
        self.wanted = False
        self._move(state)
        return _finish(task, channel, grace)

    async def _watch(self, channel: grpc.aio.Channel) -> None:
        while True:
            state = channel.get_state(try_to_connect=self.wanted)
            if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE and self._probe:
                self.error = await _diagnose(channel)
            self._observe(_STATES[state])
            await channel.wait_for_state_change(state)

    def _observe(self, state: Connectivity) -> None:
        if self.state is not Connectivity.TRANSIENT_FAILURE or state not in _STICKY:
            self._move(state)

    def _move(self, state: Connectivity) -> None:
        if state is not self.state:
            self.state, self.since = state, self._clock()
            if state is Connectivity.READY and self.endpoint.reported is not None:
                self.endpoint.reported.connected()
            self._on_change(self)

    def __repr__(self) -> str:
        return f"<SubConn {self.endpoint.address} {self.state.name}>"


async def _finish(task: asyncio.Task[None] | None, channel: grpc.aio.Channel | None, grace: float | None) -> None:
    await stop(task)
    if channel is not None:
        await channel.close(grace)


async def _diagnose(channel: grpc.aio.Channel) -> str:
    """Why the connection failed: a fail-fast call on a failed channel ends in place with C-core's own words.

    There is no other way to hear them. Nothing goes over the wire, unless the backend comes back this very moment;
    then it answers UNIMPLEMENTED.
    """
    call: Any = channel.unary_unary(PROBE_METHOD)
    try:
        await call(b"", timeout=1.0)
    except grpc.aio.AioRpcError as error:
        return (error.details() or error.code().name)[:200]
    return ""
