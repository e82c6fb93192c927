"""Reading through the API, over a fleet that reports."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lbdash.web.api.endpoint import openapi_path
from lbdash.web.api.openapi import document
from lbdash.web.api.routes import ENDPOINTS
from tests.web import world
from tests.web.api_schema import ALL, check
from tests.web.conftest import World
from tests.web.test_access import patterns
from tests.web.world import ALICE, BOB, HOSTILE, SERVICE

ONE = f"/api/v1/services/{SERVICE}"
READS = {
    "/api/v1/services": "Services",
    ONE: "Service",
    f"{ONE}/subconns": "SubConns",
    f"{ONE}/picks": "Picks",
    f"{ONE}/events": "Events",
    "/api/v1/commands": "Commands",
    "/api/v1/status": "Status",
    "/healthz": "Health",
    "/readyz": "Health",
}


async def read(found: World, path: str) -> Any:
    answer = await (await found.script("viewer")).get(path)
    assert answer.status == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(("path", "schema"), READS.items())
async def test_answers_are_what_the_document_says(read_only: World, path: str, schema: str) -> None:
    check(await read(read_only, path), ALL[schema])


async def test_the_document_and_the_routes_agree(read_only: World) -> None:
    from django.urls import get_resolver

    paths = (await read(read_only, "/api/v1/openapi.json"))["paths"]
    served = {openapi_path(found) for found in patterns(get_resolver())}
    api = {path for path in served if path.startswith("/api/") or path in ("/healthz", "/readyz", "/metrics")}
    assert set(paths) == api
    methods = {(openapi_path(e.path), e.method.lower()) for e in ENDPOINTS}
    assert {(path, method) for path, found in paths.items() for method in found} == methods


def test_the_document_refers_to_schemas_it_has() -> None:
    text = json.dumps(document(ENDPOINTS))
    named = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(ALL)


async def test_a_service_says_what_its_registry_and_its_clients_know(read_only: World) -> None:
    (summary,) = (await read(read_only, "/api/v1/services"))["services"]
    assert summary["name"] == SERVICE
    assert summary["backends"] == {"total": 3, "ready": 3}
    assert summary["clients"] == 2
    found = await read(read_only, ONE)
    backend = found["backends"][0]
    assert backend["address"] == "10.0.0.1:8089"
    assert backend["connectivity"]["READY"] == 2
    assert backend["picks_total"] == 200
    assert backend["share"] == {"configured": pytest.approx(1 / 3), "measured": pytest.approx(1 / 3), "fair": 1 / 3}
    assert backend["latency_ms"]["p99"] is None
    assert found["coverage"] is None
    assert {problem["subject"] for problem in found["problems"]} >= {"/hwholiday/srv/app/app-broken"}


async def test_hostile_names_stay_text_in_json(read_only: World) -> None:
    answer = await (await read_only.script("viewer")).get(ONE)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert HOSTILE in {client["name"] for client in answer.json()["clients"]}


async def test_subconns_are_paged_without_gap_or_repeat(read_only: World) -> None:
    seen, after = [], ""
    while True:
        page = await read(read_only, f"{ONE}/subconns?limit=2&after={after}")
        seen += [(row["client"], row["backend"]) for row in page["subconns"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert seen == [(client, address) for client in (ALICE, BOB) for address in world.BACKENDS]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        (f"client={ALICE}", 3),
        ("backend=10.0.0.2:8089", 2),
        ("backend=ipv4:10.0.0.2:8089", 2),
        (f"client={BOB}&backend=10.0.0.2:8089", 1),
        ("state=ready", 6),
        ("state=TRANSIENT_FAILURE", 0),
        ("client=nobody", 0),
    ],
)
async def test_subconns_are_filtered(read_only: World, query: str, count: int) -> None:
    page = await read(read_only, f"{ONE}/subconns?{query}")
    assert (len(page["subconns"]), page["next"]) == (count, None)


async def test_picks_come_with_their_reason_in_words(read_only: World) -> None:
    picks = (await read(read_only, f"{ONE}/picks?limit=1&client={ALICE}"))["picks"]
    assert len(picks) == 1
    assert picks[0]["text"].startswith("p2c: 10.0.0.1:8089 load 3 162 against 10.0.0.2:8089")
    assert picks[0]["candidates"][0]["lag_ms"] is None


async def test_events_are_paged_back_from_the_newest(read_only: World) -> None:
    everything = [event["serial"] for event in (await read(read_only, f"{ONE}/events"))["events"]]
    serials, before = [], 0
    while before is not None:
        page = await read(read_only, f"{ONE}/events?limit=1&before={before}")
        serials += [event["serial"] for event in page["events"]]
        before = page["next"]
    assert serials == everything == sorted(everything, reverse=True)
    assert len(serials) >= 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("subconns?limit=0", "limit"),
        ("subconns?limit=x", "limit"),
        ("subconns?limit=1001", "limit"),
        ("subconns?limit=%D9%A1", "limit"),
        ("subconns?state=WELL", "state"),
        ("subconns?backend=nowhere", "backend"),
        ("subconns?client=%00", "client"),
        ("picks?limit=-1", "limit"),
        ("events?before=1e3", "before"),
    ],
)
async def test_a_parameter_that_makes_no_sense_is_named(read_only: World, query: str, field: str) -> None:
    answer = await (await read_only.script("viewer")).get(f"{ONE}/{query}")
    assert answer.status == 400
    assert answer.json()["error"]["message"].startswith(f"{field}:")


async def test_an_odd_cursor_gives_a_page_and_not_an_error(read_only: World) -> None:
    for after in ("x", ":", "b:b", f"{ALICE}:-1", "%F0%9F%98%80"):
        await read(read_only, f"{ONE}/subconns?after={after}")


@pytest.mark.parametrize("name", ["nobody", "a~b~~c", "%3Cscript%3E", "~~~~", "..%2f.."])
async def test_a_service_that_is_not_there_is_a_404_in_the_one_shape(read_only: World, name: str) -> None:
    answer = await (await read_only.script("viewer")).get(f"/api/v1/services/{name}")
    assert answer.status == 404
    check(answer.json(), ALL["Error"])


async def test_metrics_have_the_counters_of_the_backends(read_only: World) -> None:
    answer = await (await read_only.script("viewer")).get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    assert f'lbdash_backend_picks_total{{backend="10.0.0.1:8089",service="{SERVICE}"}} 200.0' in lines
    assert f'lbdash_service_clients{{service="{SERVICE}"}} 2.0' in lines
    assert "lbdash_ready 1.0" in lines


async def test_it_is_not_ready_until_the_first_list_is_in(read_only: World) -> None:
    from lbdash.live.store import Store

    read_only.runtime.store = Store(read_only.runtime.clock)
    script = await read_only.script("viewer")
    assert (await script.get("/readyz")).json()["error"]["code"] == "not_ready"
    assert (await script.get("/readyz")).status == 503
    assert (await script.get("/healthz")).status == 200
    assert (await script.get("/api/v1/services")).json() == {"services": []}


async def test_status_tells_nothing_secret(read_only: World) -> None:
    text = json.dumps(await read(read_only, "/api/v1/status"))
    assert "password" not in text
    assert "secret" not in text
