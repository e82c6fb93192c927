"""Clients that err, lie or ask for too much: bounded, visible, harmless to the others."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from lbdash.proto import xds_pb2 as pb
from lbdash.xds.names import ADS_SERVICE, CDS, EDS, LDS, LRS_SERVICE, RDS
from tests.xds.world import SERVICE, Limits, World

NODE = pb.Node(id="odd", user_agent_name="gRPC Go", user_agent_version="1.76.0")
METHODS = {"ads": f"/{ADS_SERVICE}/StreamAggregatedResources", "lrs": f"/{LRS_SERVICE}/StreamLoadStats"}
EVERYTHING = {LDS: SERVICE, RDS: SERVICE, CDS: SERVICE, EDS: SERVICE}


class Speaker:
    """Says what a test wants, byte by byte if need be."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel

    def stream(self, kind: str) -> Any:
        return self.channel.stream_stream(METHODS[kind])()

    async def subscribe(self) -> Any:
        """A stream that has asked for everything of the service, and has accepted all of it."""
        call = self.stream("ads")
        for type_url, name in EVERYTHING.items():
            await call.write(ask(type_url, name))
            response = await read(call)
            assert (response.type_url, len(response.resources)) == (type_url, 1)
            await call.write(ask(type_url, name, nonce=response.nonce, version=response.version_info))
        return call


@contextlib.asynccontextmanager
async def speaker(world: World) -> AsyncIterator[Speaker]:
    options = [("grpc.use_local_subchannel_pool", 1)]  # a connection of its own
    async with grpc.aio.insecure_channel(f"127.0.0.1:{world.port}", options=options) as channel:
        yield Speaker(channel)


def ask(type_url: str, *names: str, nonce: str = "", version: str = "", error: str = "") -> bytes:
    request = pb.DiscoveryRequest(
        node=NODE, type_url=type_url, resource_names=names, response_nonce=nonce, version_info=version
    )
    if error:
        request.error_detail.message = error
    return request.SerializeToString()


async def read(call: Any) -> pb.DiscoveryResponse:
    async with asyncio.timeout(15):
        return pb.DiscoveryResponse.FromString(await call.read())


def loads(*rows: pb.UpstreamLocalityStats, cluster: str = SERVICE) -> bytes:
    stats = pb.ClusterStats(cluster_name=cluster, upstream_locality_stats=rows)
    return pb.LoadStatsRequest(node=NODE, cluster_stats=[stats]).SerializeToString()


def row(address: str, issued: int = 1, busy: int = 0) -> pb.UpstreamLocalityStats:
    locality = pb.Locality(region="lbdash", sub_zone=address)
    return pb.UpstreamLocalityStats(
        locality=locality,
        total_issued_requests=issued,
        total_successful_requests=issued,
        total_requests_in_progress=busy,
    )


async def code_of(call: Any) -> grpc.StatusCode:
    async with asyncio.timeout(15):
        code: grpc.StatusCode = await call.code()
        return code


@pytest.mark.parametrize("kind", ["ads", "lrs"])
async def test_bytes_that_are_no_message_end_their_stream_and_no_other(kind: str) -> None:
    async with World() as world, speaker(world) as odd:
        await world.backend("one")
        async with world.stock() as stock:
            await stock.calls(1)
            call = odd.stream(kind)
            await call.write(b"\xff" * 100)
            assert await code_of(call) is not grpc.StatusCode.OK
            assert await stock.calls(3) == {"one": 3}


async def test_ten_thousand_names_are_too_many() -> None:
    async with World() as world, speaker(world) as odd:
        call = odd.stream("ads")
        await call.write(ask(CDS, *map(str, range(10_000))))
        assert await code_of(call) is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_one_stream_listens_for_a_hundred_services_at_most() -> None:
    async with World() as world, speaker(world) as odd:
        call = odd.stream("ads")
        await call.write(ask(LDS, *map(str, range(101))))
        assert await code_of(call) is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert world.store.view().state.services == {}


async def test_a_stream_that_says_nothing_at_first_ends() -> None:
    async with World(limits=Limits(first_s=0.05)) as world, speaker(world) as odd:
        assert await code_of(odd.stream("ads")) is grpc.StatusCode.DEADLINE_EXCEEDED
        assert await code_of(odd.stream("lrs")) is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_streams_beyond_the_limit_are_told_so() -> None:
    async with World(limits=Limits(streams=1)) as world, speaker(world) as odd:
        await world.backend("one")
        first = await odd.subscribe()
        assert await code_of(odd.stream("ads")) is grpc.StatusCode.RESOURCE_EXHAUSTED
        first.cancel()


async def test_unknown_types_and_old_nonces_are_passed_over() -> None:
    async with World() as world, speaker(world) as odd:
        await world.backend("one")
        call = odd.stream("ads")
        await call.write(ask("type.googleapis.com/envoy.no.such.Type", "x"))
        await call.write(ask(EDS, SERVICE))
        response = await read(call)
        await call.write(ask(EDS, "other", nonce="no such nonce", error="not mine"))
        await call.write(ask(EDS, SERVICE, nonce=response.nonce))
        await world.backend("two")
        assert (await read(call)).type_url == EDS
        call.cancel()


async def test_a_name_nobody_has_is_answered_with_nothing() -> None:
    async with World() as world, speaker(world) as odd:
        call = odd.stream("ads")
        await call.write(ask(LDS, "nobody"))
        assert list((await read(call)).resources) == []
        call.cancel()


async def test_a_client_that_does_not_answer_is_sent_no_more_and_follows_nothing() -> None:
    async with World() as world, speaker(world) as odd:
        one = await world.backend("one")
        call = await odd.subscribe()
        for weight in range(1, 30):
            revision = await world.weigh(one, weight)
            if weight == 1:
                unanswered = await read(call)
            await world.until(lambda: weights(world) == [weight])  # noqa: B023
        assert all(client.applied_revision < revision for client in world.clients())
        await call.write(ask(EDS, SERVICE, nonce=unanswered.nonce))
        newest = await read(call)  # all that happened meanwhile
        assert weight_of(newest) == 29
        await call.write(ask(EDS, SERVICE, nonce=newest.nonce))
        await world.followed(revision)
        call.cancel()
        await world.until(lambda: not world.clients())


def weights(world: World) -> list[int]:
    """As they are served."""
    return [locality.weight for locality in world.xds.plane.snapshot.services[SERVICE].plan.clusters[0].localities]


def weight_of(response: pb.DiscoveryResponse) -> int:
    assignment = pb.ClusterLoadAssignment.FromString(response.resources[0].value)
    return assignment.endpoints[0].load_balancing_weight.value


async def test_nodes_with_one_name_are_two_clients_with_their_own_load_reports() -> None:
    async with World() as world, speaker(world) as odd, speaker(world) as twin:
        one = await world.backend("one")
        calls = [await odd.subscribe(), await twin.subscribe()]
        assert len(world.clients()) == 2
        for each, issued in ((odd, 3), (twin, 4)):
            reports = each.stream("lrs")
            await reports.write(loads(row(one.address, issued)))
            calls.append(reports)
        await world.until(lambda: picks(world, one.address) == 7)
        told = world.store.view().numbers(SERVICE).clients
        assert [told[client.id].numbers.totals.picks for client in world.clients()] == [3, 4]
        for call in calls:
            call.cancel()


def picks(world: World, address: str) -> int:
    return world.store.view().numbers(SERVICE).backends[address].numbers.totals.picks


async def test_loads_of_nowhere_and_impossible_counts_are_refused_and_the_rest_counts() -> None:
    async with World() as world, speaker(world) as odd:
        one = await world.backend("one")
        call, reports = await odd.subscribe(), odd.stream("lrs")
        await reports.write(loads(row("10.9.9.9:1"), row(one.address, 5)))
        await reports.write(loads(row(one.address, 2**63)))
        await reports.write(loads(row(one.address, 6), cluster="nobody"))
        await reports.write(loads(row(one.address, 2, busy=1)))
        await world.until(lambda: picks(world, one.address) == 7)
        problems = [problem.text for problem in world.clients()[0].problems]
        assert any("10.9.9.9:1" in text for text in problems)
        assert any("impossible counts" in text for text in problems)
        reports.cancel()
        await world.until(lambda: not world.clients()[0].can_tell)
        call.cancel()


async def test_a_client_that_has_seen_a_newer_revision_is_not_given_an_older_one() -> None:
    async with World() as world, speaker(world) as odd:
        await world.backend("one")
        await world.until(lambda: SERVICE in world.xds.plane.snapshot.services)
        ahead = world.xds.plane.snapshot.revision + 1
        call = odd.stream("ads")
        await call.write(ask(LDS, SERVICE, version=str(ahead)))
        await world.until(lambda: world.xds.plane.waiting)
        await world.backend("two")
        response = await read(call)
        assert int(response.version_info) <= world.xds.plane.snapshot.revision
        assert world.xds.plane.snapshot.revision >= ahead
        call.cancel()
