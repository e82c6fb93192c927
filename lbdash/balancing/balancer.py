"""The heart of a channel: addresses and routing in, endpoints for calls out. Owns the pool, the policy, the picker."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isfinite
from typing import Any

import grpc

from lbdash.balancing.endpoint import Backend, Endpoint
from lbdash.balancing.picker import Drop, PickError, PickInfo, PickRecord, Policy, Queue, Subsetting, Timed
from lbdash.balancing.policies import make_policy
from lbdash.balancing.pool import Pool, aggregate
from lbdash.balancing.router import Rejected, Route, Router
from lbdash.balancing.samples import Sampler
from lbdash.balancing.subconn import Dial
from lbdash.balancing.tally import Tally
from lbdash.model import Connectivity, Outcome, outcome_of
from lbdash.registry.control_keys import policy_key
from lbdash.registry.routing import PolicyChoice, Routing

log = logging.getLogger(__name__)

_READY = grpc.ChannelConnectivity.READY
_OUTCOMES = {code: outcome_of(code.name) for code in grpc.StatusCode}
BUILD_DELAY_PER_BACKEND_S = 10e-6  # state changes wait this long for company: 1,000 backends rebuild in one go


class Balancer:
    """Single-threaded: everything runs on the event loop. Nothing here waits except `place` and `close`."""

    def __init__(
        self,
        service: str,
        dial: Dial,
        policy: str,
        config: Mapping[str, Any],
        *,
        probe: bool = True,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self._rng = rng or random.Random()
        self._own_policy = PolicyChoice(policy, config)
        self.policy: Policy = make_policy(policy, config, self._rng)
        self._policy_in_use = self._own_policy
        self.routing = Routing(service)
        self.policy_problem = ""
        self.pool = Pool(dial, self._subconn_changed, probe=probe, clock=clock)
        self.tally = Tally()
        self.sampler = Sampler()
        self.state = Connectivity.IDLE
        self.build = 0
        self.ready = self.total = 0  # backends, as the picker in use knows them
        self.on_build: Callable[[], None] = lambda: None
        self.closed = False
        self._router: Router | None = None
        self._empty_waits = False  # the newest list is empty and not obeyed yet
        self._resolver_error: PickError | None = None
        self._rebuild: asyncio.TimerHandle | None = None
        self._listed: Sequence[Backend] = ()  # what the resolver said; a policy may connect to some of it only
        self._tick: asyncio.TimerHandle | None = None
        self._queued: set[asyncio.Task[Any]] = set()
        self._changed = asyncio.Event()  # set and replaced at each build

    # ---- what the resolver says

    def set_backends(self, backends: Sequence[Backend]) -> bool:
        """False: the list is empty and the last good one stays in force while any SubConn is READY."""
        if self.closed:
            return True
        self._empty_waits = not backends and self.state is Connectivity.READY
        if not self._empty_waits:
            self._resolver_error = None
            self._listed = backends
            self.pool.replace(self._connected_to())
            self.rebuild()
        return not self._empty_waits

    def _connected_to(self) -> Sequence[Backend]:
        return self.policy.subset(self._listed) if isinstance(self.policy, Subsetting) else self._listed

    def set_routing(self, routing: Routing) -> None:
        """Obey at once: when this returns, the next pick follows `routing`."""
        self.routing = routing
        choice = PolicyChoice(routing.policy.name, routing.policy.config) if routing.policy else self._own_policy
        if choice == self._policy_in_use:
            self.policy_problem = ""
        else:
            self._switch(choice)
        if self._router is not None:
            self.rebuild()

    def _switch(self, choice: PolicyChoice) -> None:
        """An unknown policy, or unknown settings, keep the current one and are reported."""
        try:
            self.policy = make_policy(choice.name, choice.config, self._rng)
        except ValueError as error:
            self.policy_problem = f"{error}; keeping {self.policy.name}"
            log.warning("%s: %s", self.routing.service, self.policy_problem)
        else:
            self._policy_in_use, self.policy_problem = choice, ""
            self._policy_changed()

    def _policy_changed(self) -> None:
        for subconn in self.pool.subconns:
            subconn.endpoint.listener = None
        self.pool.replace(self._connected_to())
        self._schedule_tick()

    def resolver_failed(self, text: str) -> None:
        """No list could be had. A list we have stays in force."""
        if self._router is None:
            self._resolver_error = PickError(f"name resolver error: {text}")
            self.state = Connectivity.TRANSIENT_FAILURE
            self._wake()

    @property
    def problems(self) -> dict[str, str]:
        """Control keys refused at present: key -> why."""
        own = {policy_key(self.routing.service): self.policy_problem} if self.policy_problem else {}
        return {**self.routing.problems, **own}

    # ---- building pickers

    def _subconn_changed(self) -> None:
        if self._rebuild is None and not self.closed:
            delay = len(self.pool.subconns) * BUILD_DELAY_PER_BACKEND_S
            self._rebuild = asyncio.get_running_loop().call_later(delay, self.rebuild)

    def rebuild(self) -> None:
        if self._rebuild is not None:
            self._rebuild.cancel()
            self._rebuild = None
        if self.closed:
            return
        members = self.pool.apply(self.routing, self.policy.eager)
        self.build += 1
        self._router = Router(members, self.routing.versions, self.policy, self._rng, self.clock())
        self.state = aggregate(members)
        self.total = len(members)
        self.ready = sum(member.state is Connectivity.READY for member in members)
        self._wake()
        self.on_build()
        if self._tick is None:
            self._schedule_tick()
        if self._empty_waits and self.state is not Connectivity.READY:
            self.set_backends(())

    def _schedule_tick(self) -> None:
        """What the policy does from time to time runs beside the calls, never on their path."""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        if isinstance(self.policy, Timed) and isfinite(self.policy.period) and not self.closed:
            self._tick = asyncio.get_running_loop().call_later(self.policy.period, self._ticked, self.policy)

    def _ticked(self, policy: Timed) -> None:
        self._schedule_tick()
        if policy.tick(self.clock()) and self._router is not None:
            self.rebuild()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def next_build(self) -> None:
        """Returns after the next picker (or resolver error, or close)."""
        await self._changed.wait()

    # ---- picking

    def pick(self, info: PickInfo) -> Endpoint:
        """Raises PickError, Queue, or UsageError when closed. A SubConn that left READY before the hand-off is
        picked over."""
        while True:
            if self._router is None:
                raise self._no_router()
            chosen = self._router.pick(info)
            # C-core may know of a loss before the watching task does.
            if chosen.connection is not None and chosen.connection.get_state() is _READY:
                return chosen
            info.route = None
            self.pool.lost(chosen)
            self.rebuild()
            if info.record is not None:
                info.record.repicks += 1

    def _no_router(self) -> Exception:
        return grpc.aio.UsageError("Channel is closed.") if self.closed else self._resolver_error or Queue()

    def begin(self, endpoint: Endpoint, info: PickInfo, *, stream: bool = False) -> int:
        """The call was handed to `endpoint`: count it. The token goes to `finish`."""
        if info.route is None:
            self.tally.count("", endpoint.version, "", "any")
        else:
            self._placed(info, endpoint)
        if info.record is not None:
            self._complete(info.record, endpoint)
        return endpoint.begin_stream(info.now) if stream else endpoint.begin(info.now)

    def finish(self, endpoint: Endpoint, token: int, call: Any) -> None:
        """A call's done callback."""
        endpoint.done(token, self.clock(), outcome(call))
        if endpoint.leaving and not endpoint.inflight:
            self.pool.release(endpoint)

    def _placed(self, info: PickInfo, endpoint: Endpoint) -> None:
        route: Route = info.route
        self.tally.count_route(route.ask, endpoint.version, "")
        if route.drains_ignored:
            self.tally.override_ignored += 1
            if info.record is not None:
                info.record.detail["drains_ignored"] = "true"

    def reject(self, error: PickError, record: PickRecord | None) -> None:
        """A call ended without an endpoint."""
        self.tally.unplaced += 1
        if isinstance(error, Rejected):
            self.tally.count_route(error.ask, "", error.reason)
        if record is not None:
            record.result, record.error = "drop" if isinstance(error, Drop) else "fail", str(error)
            self._keep(record)

    def queued(self, task: asyncio.Task[Any], info: PickInfo) -> asyncio.Task[Any]:
        """Own a task that waits for a picker: the loop alone would not keep it alive."""
        self._queued.add(task)
        task.add_done_callback(partial(self._unqueued, info))
        return task

    def _unqueued(self, info: PickInfo, task: asyncio.Task[Any]) -> None:
        self._queued.discard(task)
        if task.cancelled():
            self.reject(PickError("cancelled while queued"), info.record)

    # ---- records of sampled picks

    def sample(self, info: PickInfo) -> None:
        info.record = self.sampler.start(info.method, info.now)

    def _complete(self, record: PickRecord, endpoint: Endpoint) -> None:
        record.result, record.chosen, record.chosen_version = "complete", endpoint.address, endpoint.version
        record.pick_us = (self.clock() - record.at) * 1e6 - record.queued_us
        self._keep(record)

    def _keep(self, record: PickRecord) -> None:
        record.policy, record.picker_build = self.policy.name, self.build
        record.ready, record.total = self.ready, self.total
        self.sampler.keep(record)

    # ---- the end

    async def close(self, grace: float | None) -> None:
        self.closed = True
        self._router = None
        if self._rebuild is not None:
            self._rebuild.cancel()
        self._schedule_tick()
        self.state = Connectivity.SHUTDOWN
        self._wake()
        await self.pool.close(grace)
        if self._queued:
            await asyncio.wait(self._queued)


def outcome(call: Any) -> Outcome:
    """Of a call that is done: its status is there, so the coroutine ends at its first step."""
    try:
        # Not public, hence the way out; it spares the common case two coroutines, a fifth of what we add to a call.
        if call._cython_call.is_ok():
            return Outcome.OK
    except AttributeError:
        pass
    code = call.code()
    try:
        code.send(None)
    except StopIteration as done:
        return _OUTCOMES.get(done.value, Outcome.APPLICATION)
    code.close()
    return Outcome.APPLICATION
