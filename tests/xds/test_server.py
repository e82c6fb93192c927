"""Stock grpcio clients, in processes of their own, against the control plane."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from lbdash.config import Tls
from lbdash.live.view import Numbers
from lbdash.xds.plan import Endpoint
from lbdash.xds.resources import encode
from tests.etcd import EtcdServer
from tests.xds.world import SERVICE, Backend, World


async def test_a_drained_backend_gets_no_new_call_and_finishes_those_it_has() -> None:
    async with World() as world:
        one, two = [await world.backend(name) for name in ("one", "two")]
        async with world.stock() as stock:
            assert set(await stock.calls(20)) == {"one", "two"}
            await stock.do("hold", n=6)
            async with asyncio.timeout(10):
                while one.slow + two.slow < 6:
                    await asyncio.sleep(0.01)
            assert one.slow
            await world.followed(await world.say(one, "drain"))
            before = one.started
            assert set(await stock.calls(50)) == {"two"}
            assert one.started == before
            one.release.set()
            two.release.set()
            held = await stock.do("held")
            assert held == {"by": {"one": one.slow, "two": two.slow}, "errors": {}}
            await world.followed(await world.say(one, None))
            assert set(await stock.calls(50)) == {"one", "two"}


async def test_weights_are_followed_exactly_and_at_once() -> None:
    async with World() as world:
        backends = [await world.backend(name) for name in ("one", "two", "seven")]
        for backend, weight in zip(backends, (10, 20, 70), strict=True):
            revision = await world.weigh(backend, weight)
        async with world.stock() as stock:
            await stock.calls(1)
            await world.followed(revision)
            found = await stock.calls(1000)
            assert found["one"] == pytest.approx(100, abs=40)
            assert found["two"] == pytest.approx(200, abs=55)
            assert found["seven"] == pytest.approx(700, abs=60)
            await world.followed(await world.weigh(backends[0], 6000))
            assert (await stock.calls(200))["one"] > 180


async def test_versions_go_by_header_by_rule_and_by_share() -> None:
    async with World() as world:
        await world.backend("old", "v1")
        await world.backend("new", "v2")
        rule = {"header": "x-canary", "exact": "1", "version": "v2"}
        await world.route(shares={"v1": 95, "v2": 5}, rules=[rule])
        async with world.stock() as stock:
            found = await stock.calls(1000)
            assert 15 <= found["new"] <= 100
            assert await stock.calls(20, version="v1") == {"old": 20}
            assert await stock.calls(20, version="v2", **{"x-canary": "1"}) == {"new": 20}
            assert await stock.calls(20, **{"x-canary": "1"}) == {"new": 20}
            assert (await stock.calls(20, **{"x-canary": "2"}))["old"] > 10


async def test_no_call_fails_while_versions_come_and_go_and_shares_move() -> None:
    async with World() as world:
        await world.backend("old", "v1")
        async with world.stock() as stock:
            await stock.calls(1)
            await stock.do("load")
            new = await world.backend("new", "v2")
            for share in (100, 50, 0):
                await world.followed(await world.route(shares={"v1": share, "v2": 100 - share}))
                await world.followed(await world.route())
            await world.followed(await world.route(shares={"v1": 100}))
            await world.unregister(new)
            await world.until(lambda: not world.service.backends[new.address].registered)
            await world.followed(await world.route())
            result = await stock.do("unload")
            assert result["errors"] == {}
            assert result["by"]["new"]


async def test_a_version_nobody_has_is_no_match_unless_on_missing_says_so() -> None:
    async with World() as world:
        await world.backend("old", "v1")
        await world.backend("new", "v2")
        async with world.stock() as stock:
            answer = await stock.do("calls", n=2, metadata=[["version", "v9"]])
            ((error, count),) = answer["errors"].items()
            assert count == 2
            assert error.startswith("UNAVAILABLE: ")
            assert set(await stock.calls(40)) == {"old", "new"}
            await world.followed(await world.route(on_missing={"action": "version", "version": "v1"}))
            assert await stock.calls(10, version="v9") == {"old": 10}
            await world.followed(await world.route(on_missing={"action": "any"}))
            assert set(await stock.calls(40, version="v9")) == {"old", "new"}


async def test_a_drain_of_everything_is_ignored_and_maint_of_everything_is_not() -> None:
    async with World() as world:
        one, two = [await world.backend(name) for name in ("one", "two")]
        async with world.stock() as stock:
            await stock.calls(1)
            await world.say(one, "drain")
            await world.followed(await world.say(two, "drain"))
            assert set(await stock.calls(40)) == {"one", "two"}
            await world.say(one, "maint")
            await world.followed(await world.say(two, "maint"))
            answer = await stock.do("calls", n=3)
            assert answer["by"] == {}
            assert all(error.startswith("UNAVAILABLE") for error in answer["errors"])
            await world.followed(await world.say(two, None))
            assert await stock.calls(10) == {"two": 10}


async def test_no_call_fails_while_the_control_plane_is_away_and_when_it_comes_back() -> None:
    async with World() as world:
        one, two = [await world.backend(name) for name in ("one", "two")]
        async with world.stock() as stock, world.stock() as late:
            await stock.calls(1)
            await stock.do("load")
            await world.stop_dashboard()
            started = one.started + two.started
            await world.say(one, "drain")
            async with asyncio.timeout(20):
                while one.started + two.started < started + 50:
                    await asyncio.sleep(0.01)
            listed = asyncio.Event()
            await world.start_dashboard(ready=listed.is_set)  # serves, but has not listed the registry yet
            await late.ask("calls", n=1)
            async with asyncio.timeout(20):
                while world.xds.plane.waiting < 2:
                    await asyncio.sleep(0.01)
            listed.set()
            assert (await late.answer())["errors"] == {}
            await world.until(lambda: world.clients() and world.clients()[0].applied_revision)
            await stock.calls(5)  # one may have been on its way when the answer came
            before = one.started
            assert set(await stock.calls(50)) == {"two"}
            assert one.started == before
            result = await stock.do("unload")
            assert result["errors"] == {}


async def test_the_last_state_is_served_while_the_registry_is_away_and_registrations_may_all_blink() -> None:
    async with World(grace_s=30) as world:
        one = await world.backend("one")
        async with world.stock() as stock, world.stock() as late:
            await stock.calls(1)
            await stock.do("load")
            world.registry.interrupt("gone")
            await world.until(lambda: any(s.lost_at for s in world.store.view().state.sources.values()))
            assert await late.calls(5) == {"one": 5}
            world.registry.interrupt(None)
            await world.unregister(one)
            await world.until(lambda: not world.service.backends[one.address].registered)
            world.xds.plane.sweep()
            await stock.calls(20)
            await world.register(one)
            await world.until(lambda: world.service.backends[one.address].registered)
            assert (await stock.do("unload"))["errors"] == {}


@pytest.mark.etcd
async def test_no_call_fails_while_etcd_is_killed_and_comes_back(tmp_path: Path) -> None:
    async with EtcdServer(tmp_path) as etcd, World(registry=etcd.registry()) as world:
        one = await world.backend("one")
        await world.backend("two")
        async with world.stock() as stock:
            await stock.calls(1)
            await stock.do("load")
            await etcd.kill()
            await world.until(lambda: any(s.lost_at for s in world.store.view().state.sources.values()))
            assert set(await stock.calls(20)) == {"one", "two"}
            await etcd.start()
            await world.until(lambda: not any(s.lost_at for s in world.store.view().state.sources.values()))
            await world.followed(await world.say(one, "drain"))
            before = one.started
            assert await stock.calls(20) == {"two": 20}
            assert one.started == before
            assert (await stock.do("unload"))["errors"] == {}


async def test_a_service_that_stays_away_is_withdrawn() -> None:
    async with World(grace_s=0.2) as world:
        one = await world.backend("one")
        async with world.stock() as stock:
            await stock.calls(1)
            await world.unregister(one)
            async with asyncio.timeout(20):
                while not (await stock.do("calls", n=1))["errors"]:
                    await asyncio.sleep(0.05)
            await world.register(one)
            async with asyncio.timeout(20):
                while (await stock.do("calls", n=1))["errors"]:
                    await asyncio.sleep(0.05)


async def test_load_reports_tell_picks_errors_and_when_a_drained_backend_is_safe_to_stop() -> None:
    async with World() as world:
        one, two = [await world.backend(name) for name in ("one", "two")]
        async with world.stock() as stock:
            await stock.calls(60)
            await stock.do("hold", n=6)

            def told(backend: Backend) -> Numbers:
                return world.store.view().numbers(SERVICE).backends[backend.address].numbers

            await world.until(lambda: (told(one).inflight or 0) + (told(two).inflight or 0) == 6)
            assert told(one).totals.picks == one.started + one.slow
            assert told(one).totals.ok == one.started
            (client,) = world.clients()
            assert (client.source, client.language, client.name) == ("xds", "C-core", "test-node")
            assert client.can_tell == {"picks", "inflight"}
            await world.followed(await world.say(one, "drain"))
            assert told(one).inflight
            one.release.set()
            await world.until(lambda: told(one).inflight == 0)
            assert told(two).inflight == two.slow


async def test_a_drain_is_effective_when_the_counts_show_it_and_no_call_before_it_is_held_against_the_client() -> None:
    async with World() as world:
        one = await world.backend("one")
        await world.backend("two")
        async with world.stock() as stock:
            await stock.calls(1)
            await stock.do("load")
            numbers = lambda: world.store.view().numbers(SERVICE).backends[one.address]  # noqa: E731
            await world.until(lambda: numbers().numbers.totals.picks)
            await world.followed(await world.say(one, "drain"))
            picks = numbers().numbers.totals.picks
            assert picks == one.started
            more = world.backends[1].started + 200
            await world.until(lambda: world.backends[1].started > more)
            assert numbers().picks_since_override == 0
            assert (numbers().numbers.totals.picks, one.started) == (picks, picks)
            assert (await stock.do("unload"))["errors"] == {}


async def test_a_client_without_calls_can_tell_that_it_has_none() -> None:
    async with World() as world:
        one = await world.backend("one")
        await world.backend("two")
        async with world.stock() as stock:
            answer = await stock.do("calls", n=0, metadata=[])
            assert answer["by"] == {}
            await stock.do("connect")
            await world.until(lambda: world.clients() and world.clients()[0].can_tell)
            await world.followed(await world.say(one, "drain"))


async def test_a_backend_in_maint_leaves_the_endpoints_when_its_last_call_ends() -> None:
    async with World() as world:
        one = await world.backend("one")
        await world.backend("two")
        async with world.stock() as stock:
            await stock.calls(20)
            await world.followed(await world.say(one, "maint"))
            endpoints = lambda: world.xds.plane.snapshot.services[SERVICE].plan.clusters[0].localities  # noqa: E731
            assert one.address in [locality.name for locality in endpoints()]
            await world.until(lambda: one.address not in [locality.name for locality in endpoints()])
            assert await stock.calls(10) == {"two": 10}


async def test_what_a_client_turns_down_is_shown_with_its_reason_and_the_old_configuration_stays() -> None:
    async with World() as world:
        one = await world.backend("one")
        async with world.stock() as stock:
            await stock.calls(1)
            await world.until(lambda: world.clients()[0].applied_revision or world.clients()[0].connectivity)
            plane = world.xds.plane
            served = plane.snapshot.services[SERVICE]
            (cluster,) = served.plan.clusters
            (locality,) = cluster.localities
            wrong = replace(locality, endpoints=(Endpoint("not-an-address", 1, False),))
            plan = replace(served.plan, clusters=(replace(cluster, localities=(wrong,)),))
            plane.snapshot.put(replace(served, plan=plan, resources=encode(plan, 99, served.resources)))
            plane.concern({SERVICE}, world.clock())
            await world.until(lambda: world.clients()[0].rejected)
            ((_, reason),) = world.clients()[0].rejected
            assert reason.startswith("EDS: ")
            assert "not-an-address" in reason
            assert await stock.calls(5) == {"one": 5}
            revision = await world.weigh(one, 50)
            await world.followed(revision)
            assert world.clients()[0].rejected == ()


async def test_tls_asks_for_a_certificate_when_it_has_an_authority(tmp_path: Path) -> None:
    key, cert = await certificate(tmp_path)
    async with World(tls=Tls(ca=cert, cert=cert, key=key)) as world:
        await world.backend("one")
        async with world.stock(tls=Tls(ca=cert, cert=cert, key=key)) as stock:
            assert await stock.calls(5) == {"one": 5}
        async with world.stock(tls=Tls(ca=cert)) as stranger:
            answer = await stranger.do("calls", n=1)
            assert answer["by"] == {}
        assert len(world.service.clients) == 1


async def certificate(folder: Path) -> tuple[str, str]:
    """Self-signed, for 127.0.0.1: (key, certificate), paths."""
    key, cert = str(folder / "key.pem"), str(folder / "cert.pem")
    process = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
        *("-subj", "/CN=lbdash", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    return key, cert


@pytest.mark.parametrize("backends", [20, 1100])
async def test_whatever_registrations_and_rules_hold_clients_turn_nothing_down(backends: int) -> None:
    async with World() as world:
        one = await world.backend("one")
        texts = ["", "v 1", "v1\n", "\x00", "ü", "a:b/c%", "x" * 300, "*"]
        for number in range(backends):
            address = f"127.0.1.{number % 250}:{10_000 + number}" if number % 5 else f"[::1]:{10_000 + number}"
            node = {"address": address, "version": texts[number % len(texts)]}
            await world.registry.put(f"/svc/app/{number}".encode(), json.dumps({"node": node}).encode())
        for address in ("host.example:80", "unix:/x", "0.0.0.0:1", "[fe80::1%lo]:5"):
            value = json.dumps({"node": {"address": address, "version": "v1"}})
            await world.registry.put(f"/svc/app/{address}".encode(), value.encode())
        headers = ["x", ":path", "grpc-x", "content-type", "a b", "ü", "t-bin", "x" * 200]
        rules = [{"header": header, "exact": text, "version": text} for header in headers for text in texts]
        revision = await world.route(shares={"v1": 100, "*": 0, "nobody": 0}, rules=rules)
        async with world.stock() as stock:
            assert await stock.calls(5) == {"one": 5}
            await world.followed(revision)
            (client,) = world.clients()
            assert client.rejected == ()
            assert any("not IP addresses" in problem.text for problem in client.problems)
            await world.followed(await world.say(one, "drain"))
            assert await stock.calls(5, version="v1") == {"one": 5}
