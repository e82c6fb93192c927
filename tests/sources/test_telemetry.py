"""The telemetry server over real gRPC: what it takes, and each thing a client can get wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import pytest

from lbdash.live.state import Client
from lbdash.live.store import Store
from lbdash.live.view import LiveView, ServiceNumbers
from lbdash.model import Connectivity
from lbdash.proto import telemetry_pb2 as pb
from lbdash.sources.clock import Clock
from lbdash.sources.telemetry import MAX_MESSAGE_BYTES, Limits, TelemetrySource
from tests.sources.speaker import TIMEOUT_S, Speaker, batch, channel_id, client_id, counters, opening, u32, u64

A, B = "10.0.0.1:80", "10.0.0.2:80"


@dataclass
class House:
    store: Store
    source: TelemetrySource
    address: str

    def view(self) -> LiveView:
        """With everything that was acknowledged."""
        self.source.flush()
        return self.store.view()

    def client(self, number: int = 1, service: str = "shop") -> Client:
        return self.view().state.services[service].clients[client_id(number)]

    def problems(self, number: int = 1) -> list[str]:
        self.source.flush()
        self.numbers()
        self.store.apply([])  # what was found while reading is told with the next batch
        return [problem.text for problem in self.client(number).problems]

    def numbers(self, service: str = "shop") -> ServiceNumbers:
        return self.view().numbers(service)

    def picks(self) -> dict[str, int]:
        return {address: n.numbers.totals.picks for address, n in self.numbers().backends.items()}

    async def until(self, condition: Callable[[], bool]) -> None:
        subscription = self.store.subscribe()
        async with asyncio.timeout(TIMEOUT_S):
            while not condition():
                await subscription.wait()
        subscription.close()


async def serve(limits: Limits | None = None) -> tuple[House, grpc.aio.Server]:
    clock = Clock()
    store = Store(clock)
    source = TelemetrySource(store, clock, limits or Limits())
    server, address = await source.serve("127.0.0.1:0")
    return House(store, source, address), server


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house, server = await serve()
    yield house
    await server.stop(0)


@pytest.fixture
async def speaker(house: House) -> AsyncIterator[Speaker]:
    """Client 1 has SubConns to A and B, with 10 and 5 picks."""
    async with Speaker(house.address) as speaker:
        await speaker.say(opens=[opening(1)], batches=[batch(1, A, B, counters=counters([10, 5]))])
        yield speaker


# ---- what it takes


async def test_a_client_its_subconns_and_its_counters_are_shown(house: House) -> None:
    group = counters(
        [10, 5],
        ok=u64(8, 5),
        cancelled=u64(0, 0),
        infrastructure=u64(1, 0),
        application=u64(0, 0),
        inflight=u32(1, 0),
        oldest_us=u64(2_000_000, 0),
        lag_us=np.array([1500, np.nan], "<f4").tobytes(),
        weight=np.array([1, 2], "<f4").tobytes(),
    )
    async with Speaker(house.address) as speaker:
        hello = opening(1, convention="etcd", policy="p2c_ewma", can_obey=["drain"], can_tell=["picks"])
        said = batch(1, A, B, counters=group, applied_revision=7, picker_build=3, connectivity=2)
        answer = await speaker.say(opens=[hello], batches=[said])
        assert (answer.interval_ms, answer.samples_per_second > 0, list(answer.refusals)) == (500, True, [])
        client = house.client()
        assert (client.name, client.can_obey, client.applied_revision, client.picker_build) == (
            "client 1",
            {"drain"},
            7,
            3,
        )
        row, other = house.view().subconns("shop")
        assert (row.address, row.state, row.totals.picks, row.totals.errors) == (A, Connectivity.READY, 10, 1)
        assert (row.inflight, row.lag_ms, row.weight, row.load) == (1, 1.5, 1.0, None)
        assert row.oldest_s == pytest.approx(2, abs=TIMEOUT_S)
        assert (other.lag_ms, other.oldest_s) == (None, None)


async def test_samples_transitions_versions_and_rules_arrive(house: House, speaker: Speaker) -> None:
    sample = pb.PickSample(
        age_us=1_000_000,
        method="/m",
        result="complete",
        chosen=A,
        reason="lower_load",
        candidates=[pb.Candidate(address=A, load=3162.0), pb.Candidate(address=B, load=10000.0)],
        detail={"k": "v"},
    )
    said = batch(
        1,
        transitions=[pb.Transition(index=1, state=3, age_us=500_000, error="refused")],
        samples=[sample],
        versions=[pb.VersionCount(requested="v3", reason="no_version", count=4, source="metadata")],
        rule_hits=[pb.RuleHits(header="x", exact="1", version="v2", count=2)],
        rejected=[pb.RejectedKey(key="k", reason="not JSON")],
        override_ignored=6,
    )
    await speaker.say(batches=[said])
    view = house.view()
    [pick] = view.picks("shop")
    assert (pick.reason, [c.load for c in pick.candidates], dict(pick.detail)) == (
        "lower_load",
        [3162.0, 10000.0],
        {"k": "v"},
    )
    assert view.now - pick.at == pytest.approx(1, abs=TIMEOUT_S)
    assert view.numbers("shop").backends[B].connectivity == {Connectivity.TRANSIENT_FAILURE: 1}
    assert view.numbers("shop").matrix[0].no_version == 4
    assert (view.numbers("shop").rule_hits[0].count, view.numbers("shop").override_ignored) == (2, 6)
    assert house.client().rejected == (("k", "not JSON"),)


async def test_a_trace_goes_with_the_next_directive_once(house: House, speaker: Speaker) -> None:
    assert house.source.request_trace(client_id(1), 30.0)
    [trace] = (await speaker.say()).traces
    assert (trace.channel_id, trace.for_ms) == (channel_id(1), 30_000)
    assert not (await speaker.say()).traces
    assert not house.source.request_trace(client_id(2), 30.0)


async def test_a_goodbye_is_a_goodbye_and_a_broken_stream_is_not(house: House, speaker: Speaker) -> None:
    await speaker.say(opens=[opening(2)], batches=[batch(1, counters=counters([11, 5]))])
    await speaker.say(closes=[pb.Close(channel_id=channel_id(1), reason="bye")])
    assert (house.client(1).gone_reason, house.picks()[A]) == ("closed", 11)
    assert house.client(2).gone_at is None
    await speaker.hang_up()
    await house.until(lambda: house.client(2).gone_reason == "stream ended")


async def test_a_reconnect_revives_without_losing_or_counting_twice(house: House, speaker: Speaker) -> None:
    group = pb.Latency(latency_seq=1, index=u32(0, 0), bucket=bytes([5, 6]), count=u32(30, 10))
    await speaker.say(batches=[batch(1, latency=group)])
    await speaker.hang_up()
    await house.until(lambda: house.client().gone_at is not None)
    async with Speaker(house.address) as again:
        said = batch(1, A, B, counters=counters([13, 5]), latency=group)
        assert not (await again.say(opens=[opening(1)], batches=[said])).refusals
        assert house.client().gone_at is None
        assert house.picks() == {A: 13, B: 5}
        assert house.numbers().backends[A].numbers.latency.n == 40
        fresh = pb.Latency(latency_seq=2, index=u32(0), bucket=bytes([5]), count=u32(2))
        await again.say(batches=[batch(1, latency=fresh)])
        assert house.numbers().backends[A].numbers.latency.n == 42


async def test_the_same_process_takes_its_channels_over_from_a_stream_we_think_alive(
    house: House, speaker: Speaker
) -> None:
    async with Speaker(house.address) as again:
        said = batch(1, A, B, counters=counters([12, 5]))
        assert not (await again.say(opens=[opening(1)], batches=[said])).refusals
        await speaker.say(batches=[batch(1, counters=counters([99, 99]))])
        await speaker.hang_up()
        await again.say(batches=[batch(1, counters=counters([14, 5]))])
        assert house.picks() == {A: 14, B: 5}
        assert house.client().gone_at is None


# ---- bad input: refused, shown, and nobody else disturbed

BAD_BATCHES: dict[str, tuple[dict[str, Any], str]] = {
    "index of nobody": ({"counters": counters([1], index=[7])}, "stands for no SubConn"),
    "index out of range": ({"counters": counters([1], index=[2**32 - 1])}, "stands for no SubConn"),
    "indexes that fall": ({"counters": counters([20, 20], index=[1, 0])}, "do not rise strictly"),
    "an index twice": ({"counters": counters([20, 20], index=[0, 0])}, "do not rise strictly"),
    "a column too short": ({"counters": counters([20, 20], ok=u64(1))}, "column ok has 8 bytes, not 16"),
    "a column too long": ({"counters": counters([20, 20], inflight=u32(1, 2, 3))}, "column inflight has 12 bytes"),
    "a gauge too long": ({"counters": counters([20, 20], load=b"1")}, "column load has 1 bytes"),
    "half an index": ({"counters": pb.Counters(index=b"123", picks=u64(1))}, "not a multiple of 4"),
    "a counter that goes back": ({"counters": counters([9, 6])}, "a total went back"),
    "a counter past 2^63": ({"counters": counters([2**63, 6])}, "a total went back"),
    "a counter past 2^53": ({"counters": counters([2**53 + 1, 6])}, "too large"),
    "latency of nobody": (
        {"latency": pb.Latency(latency_seq=1, index=u32(9), bucket=b"\1", count=u32(1))},
        "no SubConn",
    ),
    "latency without buckets": ({"latency": pb.Latency(latency_seq=1, index=u32(0), count=u32(1))}, "bucket has 0"),
    "a bucket too high": (
        {"latency": pb.Latency(latency_seq=1, index=u32(0), bucket=b"\x50", count=u32(1))},
        "no such bucket",
    ),
    "an address that is none": ({"subconns": [pb.SubConn(index=5, address="<b>")]}, "no port"),
    "an index used for another": ({"subconns": [pb.SubConn(index=0, address=B)]}, "not reused"),
    "an index without end": ({"subconns": [pb.SubConn(index=2**31, address=A)]}, "is not in 0"),
    "a state that is none": ({"subconns": [pb.SubConn(index=5, address=A, state=9)]}, "no connectivity state"),
    "a transition of nobody": ({"transitions": [pb.Transition(index=9, state=2)]}, "stands for no SubConn"),
    "a channel state that is none": ({"connectivity": 77}, "no connectivity state"),
}


@pytest.mark.parametrize("case", BAD_BATCHES)
async def test_a_bad_part_is_refused_and_shown_and_the_rest_counts(house: House, speaker: Speaker, case: str) -> None:
    parts, reason = BAD_BATCHES[case]
    bad = batch(1, unplaced=3, applied_revision=9)
    bad.MergeFrom(pb.Batch(**parts))
    await speaker.say(opens=[opening(2)], batches=[bad, batch(2, A, counters=counters([4]))])
    assert house.picks() == {A: 14, B: 5}
    assert [problem for problem in house.problems(1) if reason in problem]
    assert not house.problems(2)
    assert (house.client(1).applied_revision, house.numbers().clients[client_id(1)].unplaced) == (9, 3)
    await speaker.say(batches=[batch(1, counters=counters([11, 5]))])
    assert house.picks() == {A: 15, B: 5}


async def test_unknown_services_and_backends_are_seen_by_clients_only(house: House, speaker: Speaker) -> None:
    service = house.view().state.services["shop"]
    assert (service.convention, service.backends[A].registered) == ("", False)


@pytest.mark.parametrize("skew", [-3600.0, 0.0, 3600.0, 4e9])
async def test_a_clock_that_is_wrong_is_estimated_and_no_time_is_in_the_future(house: House, skew: float) -> None:
    async with Speaker(house.address) as speaker:
        changed = batch(1, A, transitions=[pb.Transition(index=0, state=3, age_us=0)])
        await speaker.say(sent_at=time.time() + skew, opens=[opening(1)], batches=[changed])
        await speaker.say(sent_at=time.time() + skew, batches=[batch(1)])
        view = house.view()
        [span] = view.spans("shop")
        assert view.now - TIMEOUT_S < span.at <= view.now
        told = view.numbers("shop").clients[client_id(1)]
        assert told.offset_s == pytest.approx(skew, abs=2)
        assert told.offset_error_s is not None


async def test_ages_without_end_are_clamped(house: House, speaker: Speaker) -> None:
    await speaker.say(batches=[batch(1, transitions=[pb.Transition(index=0, state=3, age_us=2**63)])])
    [span] = house.view().spans("shop")
    assert house.view().now - span.at < 400 * 86400


async def test_a_live_id_used_by_another_process_is_refused_and_shown(house: House, speaker: Speaker) -> None:
    async with Speaker(house.address) as impostor:
        answer = await impostor.say(opens=[opening(1, pid=2)], batches=[batch(1, A, counters=counters([1000]))])
        [refusal] = answer.refusals
        assert (refusal.channel_id, refusal.reason) == (channel_id(1), "another live stream has this channel id")
        assert (house.picks()[A], house.client().gone_at) == (10, None)
        assert house.problems() == ["another live stream has this channel id"]
        await impostor.hang_up()
    await speaker.say(batches=[batch(1, counters=counters([11, 5]))])
    assert (house.picks()[A], house.client().gone_at) == (11, None)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (pb.Open(channel_id=b"short", service="shop"), "5 bytes, not 16"),
        (opening(9, service=""), "service name is empty"),
        (opening(9, service="x" * 301), "longer than 300"),
        (pb.Open(channel_id=channel_id(9), service="shop", latency_scheme=2), "latency scheme 2"),
    ],
)
async def test_an_opening_that_makes_no_sense_is_refused_with_the_reason(
    house: House, speaker: Speaker, bad: pb.Open, reason: str
) -> None:
    answer = await speaker.say(opens=[bad, opening(2)], batches=[batch(9, A), batch(1, counters=counters([11, 5]))])
    assert [reason in refusal.reason for refusal in answer.refusals] == [True]
    assert house.picks()[A] == 11
    assert house.client(2).gone_at is None


async def test_texts_are_cut_and_kept_as_text(house: House) -> None:
    async with Speaker(house.address) as speaker:
        html = "<script>alert(1)</script>" * 100
        hello = opening(1, target=html, can_obey=[html] * 50)
        hello.name = html
        await speaker.say(opens=[hello], batches=[batch(1, rejected=[pb.RejectedKey(key=html, reason=html)] * 99)])
        client = house.client()
        assert (len(client.name), len(client.target), len(client.rejected)) == (200, 300, 50)
        assert client.name.startswith("<script>")
        assert {len(word) for word in client.can_obey} == {32}


async def test_a_message_too_large_ends_that_stream_with_a_clear_status(house: House, speaker: Speaker) -> None:
    async with Speaker(house.address) as fat:
        with pytest.raises((ConnectionError, grpc.aio.AioRpcError, asyncio.InvalidStateError)):
            await fat.say(opens=[opening(3)], batches=[batch(3, policy="x" * (10 << 20))])
        code, details = await fat.ended()
        assert (code, str(MAX_MESSAGE_BYTES) in details) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)
    await speaker.say(batches=[batch(1, counters=counters([11, 5]))])
    assert house.picks()[A] == 11


async def test_bytes_that_are_no_report_end_that_stream_alone(
    house: House, speaker: Speaker, caplog: pytest.LogCaptureFixture
) -> None:
    async with grpc.aio.insecure_channel(house.address) as channel:
        call = channel.stream_stream("/lbdash.telemetry.v1.Telemetry/Report")()
        await call.write(b"\xff\xff\xff")
        assert (await call.code(), await call.details()) == (
            grpc.StatusCode.INVALID_ARGUMENT,
            "these bytes are no ClientReport",
        )
    assert not caplog.records
    await speaker.say(batches=[batch(1, counters=counters([11, 5]))])
    assert house.picks()[A] == 11


# ---- limits


async def test_a_stream_that_never_speaks_is_closed() -> None:
    house, server = await serve(Limits(first_report_s=0.05))
    async with Speaker(house.address) as silent:
        code, details = await silent.ended()
        assert (code, details) == (grpc.StatusCode.DEADLINE_EXCEEDED, "no report came for too long")
    assert house.source.streams == 0
    await server.stop(0)


async def test_a_stream_that_falls_silent_is_closed_and_its_clients_are_gone() -> None:
    house, server = await serve(Limits(silence_s=0.1))
    async with Speaker(house.address) as silent:
        await silent.say(opens=[opening(1)])
        assert (await silent.ended())[0] is grpc.StatusCode.DEADLINE_EXCEEDED
        await house.until(lambda: house.client().gone_reason == "stream ended")
    await server.stop(0)


async def test_streams_are_capped_and_the_one_too_many_is_told() -> None:
    house, server = await serve(Limits(streams=2))
    async with Speaker(house.address) as one, Speaker(house.address) as two:
        await one.say(opens=[opening(1)])
        await two.say(opens=[opening(2)])
        async with Speaker(house.address) as three:
            code, details = await three.ended()
            assert (code, "2 telemetry streams" in details) == (grpc.StatusCode.RESOURCE_EXHAUSTED, True)
        await one.hang_up()
        async with Speaker(house.address) as four:
            await four.say(opens=[opening(4)])
            assert house.source.streams == 2
    await server.stop(0)


async def test_channels_per_stream_are_capped() -> None:
    house, server = await serve(Limits(channels_per_stream=3))
    async with Speaker(house.address) as speaker:
        answer = await speaker.say(opens=[opening(number) for number in range(1, 6)])
        assert [refusal.channel_id for refusal in answer.refusals] == [channel_id(4), channel_id(5)]
        assert "may carry 3 channels" in answer.refusals[0].reason
        await speaker.say(closes=[pb.Close(channel_id=channel_id(1))])
        assert not (await speaker.say(opens=[opening(4)])).refusals
    await server.stop(0)


async def test_indexes_that_ask_for_much_memory_are_refused_and_small_ones_go_on() -> None:
    house, server = await serve(Limits(index_places=1000))
    async with Speaker(house.address) as speaker:
        await speaker.say(
            opens=[opening(1), opening(2)],
            batches=[
                pb.Batch(channel_id=channel_id(1), subconns=[pb.SubConn(index=2000, address=A)]),
                batch(2, A, counters=counters([4])),
            ],
        )
        assert "too many for this dashboard" in house.problems(1)[0]
        assert (house.problems(2), house.picks()) == ([], {A: 4})
    await server.stop(0)


async def test_a_thousand_streams_at_once_are_all_heard(house: House) -> None:
    async with grpc.aio.insecure_channel(house.address) as channel:
        method = channel.stream_stream(
            "/lbdash.telemetry.v1.Telemetry/Report", pb.ClientReport.SerializeToString, pb.Directive.FromString
        )
        calls = [method() for _ in range(1000)]
        for number, call in enumerate(calls):
            await call.write(pb.ClientReport(seq=1, opens=[opening(number)], batches=[batch(number, A)]))
        answers = [await call.read() for call in calls]
        assert all(answer.ack == 1 and not answer.refusals for answer in answers)
        assert answers[-1].interval_ms >= 500
        assert house.source.streams == 1000
        assert house.numbers().backends[A].connectivity == {Connectivity.READY: 1000}
        for call in calls:
            call.cancel()
        await house.until(lambda: house.source.streams == 0)
    assert house.numbers().backends[A].connectivity == {}
