"""The channel that users hold: a `grpc.aio.Channel` to generated stubs, with our balancing inside."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import grpc

from lbdash.balancing.balancer import Balancer
from lbdash.balancing.dialing import Authority, dialer
from lbdash.balancing.intake import Intake
from lbdash.balancing.ledger import Ledger, Subject
from lbdash.balancing.multicallable import StreamStream, StreamUnary, UnaryStream, UnaryUnary
from lbdash.balancing.reporter import Reporter
from lbdash.balancing.sharing import Resolution
from lbdash.balancing.target import parse_target
from lbdash.model import Connectivity
from lbdash.registry.kv import Registry

_STATES = {
    Connectivity.IDLE: grpc.ChannelConnectivity.IDLE,
    Connectivity.CONNECTING: grpc.ChannelConnectivity.CONNECTING,
    Connectivity.READY: grpc.ChannelConnectivity.READY,
    Connectivity.TRANSIENT_FAILURE: grpc.ChannelConnectivity.TRANSIENT_FAILURE,
    Connectivity.SHUTDOWN: grpc.ChannelConnectivity.SHUTDOWN,
}


class Channel(grpc.aio.Channel):
    """A client of one service, balanced over its backends, steerable by operators, visible in the dashboard.

        async with Channel("etcd://127.0.0.1:2379/hwholiday.srv.app?convention=hwholiday") as channel:
            reply = await AppStub(channel).Call(request, metadata=(("version", "v1"),), timeout=1.0)

    target: `etcd://h1,h2/<service>?convention=hwholiday|etcd|gozero|plain`, `static:///host:port,host:port` (with
        `service=`), or a foreign spelling (see `parse_target`).
    policy: "p2c_ewma", "round_robin", "weighted_round_robin", "pick_first" or "version", with `policy_config`;
        an operator's choice, while there is one, wins.
    registry: where to look instead of the target's etcd hosts (it is not closed); for `static` targets, where the
        operators' words are.
    telemetry: `host:port` of a dashboard, with `telemetry_credentials` over TLS. Never slows or fails a call.
    credentials, options, compression, interceptors: of every backend's channel, as in grpc.aio.
    default_authority: of every backend, or a function of the address; else the service's name, slashes as dots.
    name: stable, groups restarts on the dashboard; else the program's name.

    Made outside a running loop, it starts at its first use inside one. Raises ValueError for a target, policy or
    setting that cannot be. Calls raise what grpc.aio's do: AioRpcError (UNAVAILABLE "no match found conn: ..." when
    no backend is left), CancelledError, and UsageError once the channel is closed.
    """

    def __init__(
        self,
        target: str,
        *,
        policy: str = "p2c_ewma",
        policy_config: Mapping[str, Any] | None = None,
        service: str | None = None,
        registry: Registry | None = None,
        telemetry: str | None = None,
        telemetry_credentials: grpc.ChannelCredentials | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        options: Sequence[tuple[str, Any]] = (),
        compression: grpc.Compression | None = None,
        interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
        default_authority: Authority = None,
        name: str | None = None,
    ) -> None:
        parsed = parse_target(target, service)
        self.id = secrets.token_bytes(16)
        self.name = name or os.path.basename(sys.argv[0]) or "python"
        self.target, self.service, self.convention = target, parsed.service, parsed.convention
        self.steerable = registry is not None or bool(parsed.etcd)
        dial = dialer(
            parsed.service,
            credentials=credentials,
            options=options,
            compression=compression,
            interceptors=interceptors,
            authority=default_authority,
        )
        # The probe for connection errors would pass through the users' interceptors, so they do without it.
        self._balancer = Balancer(parsed.service, dial, policy, policy_config or {}, probe=not interceptors)
        self._balancer.on_build = self._must_report
        self._intake = Intake(self._balancer, self._must_report)
        self._resolution = Resolution(parsed, registry)
        self._telemetry, self._telemetry_credentials = telemetry, telemetry_credentials
        self._reporter: Reporter | None = None
        self._ledger: Ledger | None = None
        self._started = False
        self._start_if_running()

    # ---- life

    def _start_if_running(self) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return
        self._start()

    def _start(self) -> None:
        if not self._started and not self._balancer.closed:
            self._started = True
            self._resolution.start(self._intake)
            self._start_reporting()

    def _start_reporting(self) -> None:
        if not self._telemetry:
            return
        balancer = self._balancer
        balancer.sampler.listen(balancer.clock())
        subject = Subject(
            id=self.id,
            name=self.name,
            service=self.service,
            convention=self.convention,
            target=self.target,
            steerable=self.steerable,
            balancer=balancer,
            intake=self._intake,
        )
        self._ledger = Ledger(subject)
        self._reporter = Reporter.shared(self._telemetry, self._telemetry_credentials)
        self._reporter.add(self._ledger)

    def _must_report(self) -> None:
        """A routing change was obeyed, or a SubConn moved: the dashboard hears at once."""
        if self._reporter is not None:
            self._reporter.report_now()

    async def close(self, grace: float | None = None) -> None:
        """No new calls; running ones have `grace` seconds, None cancels them. Then the last report is sent."""
        if self._balancer.closed:
            return
        await self._balancer.close(grace)
        await self._resolution.close()
        if self._reporter is not None and self._ledger is not None:
            await self._reporter.remove(self._ledger)

    async def __aenter__(self) -> Channel:
        self._start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close(None)

    def __repr__(self) -> str:
        balancer = self._balancer
        backends = f"{balancer.ready} of {balancer.total} READY"
        return f"<Channel {self.service} {balancer.policy.name} {balancer.state.name} [{backends}]>"

    # ---- connectivity

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """READY if any backend is, else CONNECTING, else IDLE, else TRANSIENT_FAILURE."""
        if try_to_connect:
            self._start()
        return _STATES[self._balancer.state]

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        self._start()
        while self.get_state() is last_observed_state:
            await self._balancer.next_build()

    async def channel_ready(self) -> None:
        """Returns once a backend is READY; waits for ever if none ever is."""
        self._start()
        while self._balancer.state is not Connectivity.READY:
            if self._balancer.closed:
                raise grpc.aio.UsageError("Channel is closed.")
            await self._balancer.next_build()

    # ---- multi-callables; `_registered_method` is passed by generated code

    def unary_unary(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,
    ) -> UnaryUnary:
        return UnaryUnary(
            self._balancer,
            self._start,
            method,
            lambda channel: channel.unary_unary(method, request_serializer, response_deserializer),
        )

    def unary_stream(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,
    ) -> UnaryStream:
        return UnaryStream(
            self._balancer,
            self._start,
            method,
            lambda channel: channel.unary_stream(method, request_serializer, response_deserializer),
        )

    def stream_unary(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,
    ) -> StreamUnary:
        return StreamUnary(
            self._balancer,
            self._start,
            method,
            lambda channel: channel.stream_unary(method, request_serializer, response_deserializer),
        )

    def stream_stream(
        self,
        method: str,
        request_serializer: Any = None,
        response_deserializer: Any = None,
        _registered_method: bool | None = False,
    ) -> StreamStream:
        return StreamStream(
            self._balancer,
            self._start,
            method,
            lambda channel: channel.stream_stream(method, request_serializer, response_deserializer),
        )
