"""Every route of the url conf, as everybody, armed and not. A route that is not listed here fails."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from lbdash.web.roles import Role
from tests.web.browser import Answer, Browser
from tests.web.conftest import World
from tests.web.world import ALICE, HOSTILE, SERVICE

ONE = f"/api/v1/services/{SERVICE}"
FREEZE = {"on": True, "reason": "test"}
STALE = {"command": "drain", "backends": "10.0.0.2:8089", "generation": "0", "reason": "test"}
SVC, PAGE = f"/services/{SERVICE}", "services/<name:svc>"
OK, REFUSED = (200,), (422,)
DRAIN = {"command": "drain", "backends": ["10.0.0.1:8089"], "generation": 0, "reason": "test"}


@dataclass(frozen=True)
class Route:
    """`need` "" = public. `ok`: the statuses when the caller may; `unarmed`: when this dashboard is read-only."""

    pattern: str
    path: str
    need: str = "viewer"
    method: str = "GET"
    ok: tuple[int, ...] = (200,)
    unarmed: tuple[int, ...] = ()
    json: object = None
    form: dict[str, str] | None = None


ROUTES = (
    Route("api/v1/services", "/api/v1/services"),
    Route("api/v1/services/<name:name>", ONE),
    Route("api/v1/services/<name:name>/subconns", ONE + "/subconns"),
    Route("api/v1/services/<name:name>/picks", ONE + "/picks"),
    Route("api/v1/services/<name:name>/events", ONE + "/events"),
    Route("api/v1/services/<name:name>/commands", ONE + "/commands", "operator", "POST", OK, REFUSED, DRAIN),
    Route("api/v1/freeze", "/api/v1/freeze", "operator", "POST", OK, REFUSED, FREEZE),
    Route("api/v1/commands", "/api/v1/commands"),
    Route("api/v1/commands/<str:id>", "/api/v1/commands/none", ok=(404,)),
    Route("api/v1/status", "/api/v1/status"),
    Route("api/v1/openapi.json", "/api/v1/openapi.json", ""),
    Route("healthz", "/healthz", ""),
    Route("readyz", "/readyz", ""),
    Route("metrics", "/metrics"),
    Route("login", "/login", ""),
    Route("logout", "/logout", "", ok=(405,)),
    Route("", "/"),
    Route("search", "/search?q=app"),
    Route("activity", "/activity"),
    Route("status", "/status"),
    Route(PAGE, SVC),
    Route(PAGE, SVC + "?tab=subconns"),
    Route(PAGE, SVC + "?tab=routing"),
    Route(PAGE, SVC + "?tab=picks"),
    Route(PAGE, SVC + "?tab=timeline"),
    Route(PAGE + "/subconn", f"{SVC}/subconn?client={ALICE}&address=10.0.0.1:8089"),
    Route(PAGE + "/routing-form", SVC + "/routing-form"),
    Route(PAGE + "/series", SVC + "/series"),
    Route(PAGE + "/confirm", SVC + "/confirm?command=drain&backends=10.0.0.2:8089"),
    Route(PAGE + "/impact", SVC + "/impact?command=drain&backends=10.0.0.2:8089&generation=0"),
    Route(PAGE + "/actions", SVC + "/actions", "operator", "POST", (409, 422), REFUSED, form=STALE),
    Route(PAGE + "/trace", SVC + "/trace", "operator", "POST", (302,), form={"client": ALICE}),
    Route(PAGE + "/backends/<name:address>", SVC + "/backends/10.0.0.1:8089"),
    Route(PAGE + "/backends/<name:address>/lease", SVC + "/backends/10.0.0.1:8089/lease"),
    Route(PAGE + "/clients/<name:client>", f"{SVC}/clients/{ALICE}"),
    Route("freeze/confirm", "/freeze/confirm?command=freeze&on=1"),
    Route("freeze/impact", "/freeze/impact?command=freeze&on=1"),
    # The API froze above. Whether the watch has told so already decides between these.
    Route("freeze", "/freeze", "operator", "POST", (302, 409, 422), REFUSED, form={"command": "freeze", "on": "1"}),
)
WHO = ("", *(role.value for role in Role))


def patterns(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for found in resolver.url_patterns:
        path = prefix + str(found.pattern)
        if isinstance(found, URLPattern):
            yield path
        else:
            yield from patterns(found, path)


def test_every_route_is_listed_here() -> None:
    assert set(patterns(get_resolver())) == {route.pattern for route in ROUTES}


def may(who: str, need: str) -> bool:
    return not need or (bool(who) and Role(who).covers(Role(need)))


def refusal(who: str, route: Route) -> int:
    if who:
        return 403
    return 401 if is_api(route) else 302


def is_api(route: Route) -> bool:
    return route.path.startswith("/api/") or route.path == "/metrics"


async def send(browser: Browser, route: Route) -> Answer:
    if route.method == "GET":
        return await browser.get(route.path)
    if route.form is not None:
        return await browser.post(route.path, route.form)
    return await browser.post_json(route.path, route.json)


async def walk(world: World, who: str, unarmed: bool) -> None:
    browser = await world.browser(who)
    for route in ROUTES:
        answer = await send(browser, route)
        allowed = route.unarmed if unarmed and route.unarmed else route.ok
        expected = allowed if may(who, route.need) else (refusal(who, route),)
        assert answer.status in expected, f"{route.method} {route.path} as {who or 'anonymous'}: {answer.text}"
        if not may(who, route.need) and is_api(route):
            assert set(answer.json()["error"]) == {"code", "message", "hint"}


@pytest.mark.parametrize("who", WHO)
async def test_each_route_answers_as_its_role_says_when_armed(armed: World, who: str) -> None:
    await walk(armed, who, unarmed=False)


@pytest.mark.parametrize("who", WHO)
async def test_each_route_answers_as_its_role_says_when_read_only(read_only: World, who: str) -> None:
    await walk(read_only, who, unarmed=True)


@pytest.mark.parametrize("who", [role.value for role in Role])
async def test_a_token_opens_what_its_role_opens(armed: World, who: str) -> None:
    script = await armed.script(who)
    for route in ROUTES:
        answer = await send(script, route)
        assert answer.status in (route.ok if may(who, route.need) else (403,)), f"{route.path}: {answer.text}"


async def test_a_wrong_token_does_not_fall_back_to_the_session(armed: World) -> None:
    admin = await armed.browser("admin")
    assert (await admin.get("/api/v1/services")).status == 200
    for header in ("Bearer wrong", "Basic YTpi", "Bearer", ""):
        assert (await admin.get("/api/v1/services", authorization=header)).status == 401, header
    answer = await admin.post_json(ONE + "/commands", DRAIN, authorization="Bearer wrong", x_csrftoken="")
    assert answer.status == 401


async def test_a_session_needs_the_csrf_token_and_our_origin_and_a_token_needs_neither(armed: World) -> None:
    operator = await armed.browser("operator")
    path = ONE + "/commands"
    for headers in ({"x_csrftoken": ""}, {"x_csrftoken": "x" * 64}, {"origin": "http://127.0.0.1:9000"}):
        answer = await operator.post_json(path, DRAIN, **headers)
        assert (answer.status, answer.json()["error"]["code"]) == (403, "csrf"), headers
    script = await armed.script("operator")
    assert (await script.post_json(path, DRAIN, origin="http://elsewhere.example")).status == 200


async def test_a_role_that_is_taken_away_is_gone_at_the_next_request(armed: World) -> None:
    from lbdash.web.models import User

    operator = await armed.browser("operator")
    await User.objects.aupdate(role="viewer")
    assert (await operator.post_json("/api/v1/freeze", FREEZE)).status == 403
    await User.objects.aupdate(is_active=False)
    assert (await operator.get("/api/v1/services")).status == 401


async def test_unknown_methods_are_answered_in_the_one_shape(armed: World) -> None:
    script = await armed.script("admin")
    answer = await script.send("DELETE", "/api/v1/services")
    assert (answer.status, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"


async def test_where_nothing_is_the_api_says_so_in_json_and_pages_in_html(armed: World) -> None:
    browser = await armed.browser("")
    assert (await browser.get("/api/v1/nothing")).json()["error"]["code"] == "not_found"
    page = await browser.get("/nothing")
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")


async def test_a_fragment_without_a_session_sends_the_whole_page_to_the_login(armed: World) -> None:
    answer = await (await armed.browser("")).get("/", hx_request="true")
    assert (answer.status, answer.headers["hx-redirect"]) == (401, "/login")


async def test_no_page_lets_a_hostile_name_become_markup(armed: World) -> None:
    viewer = await armed.browser("viewer")
    shown = 0
    for route in ROUTES:
        if route.method == "GET" and not is_api(route):
            text = (await viewer.get(route.path)).text
            assert HOSTILE not in text, route.path
            shown += html.escape(HOSTILE) in text
    assert shown > 3
