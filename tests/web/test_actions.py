"""Operators' forms through the whole app: access, CSRF, conflict, force, and what a page without scripts gets."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lbdash.model import Admin
from lbdash.registry.routing import Routing
from lbdash.web.models import AuditRecord
from tests.web.browser import Answer, Browser
from tests.web.conftest import World
from tests.web.world import ALICE, BACKENDS, HOSTILE, SERVICE

FIRST, SECOND, THIRD = BACKENDS
SVC = f"/services/{SERVICE}"
HTMX = {"hx_request": "true"}


def drain(address: str = FIRST, **more: str) -> dict[str, str]:
    return {"command": "drain", "backends": address, "for": "900", "generation": "0", "reason": "test", **more}


async def apply(browser: Browser, form: dict[str, str], path: str = SVC + "/actions") -> Answer:
    return await browser.post(path, form, **HTMX)


def routing(found: World) -> Routing:
    return found.runtime.store.view().state.services[SERVICE].routing


async def settled(found: World, generation: int) -> Routing:
    changes = found.runtime.store.subscribe()
    while routing(found).generation.number < generation:
        await changes.wait()
    changes.close()
    return routing(found)


async def test_a_drawer_says_what_would_happen_and_writes_nothing(armed: World) -> None:
    operator = await armed.browser("operator")
    answer = await operator.get(f"{SVC}/confirm?command=drain&backends={FIRST}", **HTMX)
    assert answer.status == 200
    assert "2 of 3 backends would be in rotation" in answer.text
    assert f"lbdash drain {SERVICE} {FIRST} --for 14400s" in answer.text
    assert "<html" not in answer.text
    assert routing(armed).generation.number == 0


async def test_applying_says_written_and_never_done(armed: World) -> None:
    operator = await armed.browser("operator")
    answer = await apply(operator, drain())
    assert (answer.status, answer.headers["hx-trigger"]) == (200, "lbdash:written")
    assert "Written as generation 1" in answer.text
    assert "done" not in answer.text.lower()
    found = await settled(armed, 1)
    assert found.admin_of(FIRST) is Admin.DRAIN
    assert found.admin[FIRST].lease
    record = await AuditRecord.objects.aget()
    assert re.fullmatch(r"operator-\d+@192\.0\.2\.7", record.by)


async def test_without_scripts_a_form_is_a_page_and_its_answer_a_redirect(armed: World) -> None:
    operator = await armed.browser("operator")
    page = await operator.get(f"{SVC}/confirm?command=drain&backends={FIRST}")
    assert "<html" in page.text
    assert 'method="post"' in page.text
    answer = await operator.post(SVC + "/actions", drain())
    assert (answer.status, answer.headers["location"]) == (302, SVC)


async def test_a_viewer_sees_the_form_switched_off_with_the_reason(armed: World) -> None:
    viewer = await armed.browser("viewer")
    answer = await viewer.get(f"{SVC}/confirm?command=drain&backends={FIRST}", **HTMX)
    assert re.search(r'<button class="btn primary" type="submit" disabled', answer.text)
    assert "Your role is viewer" in answer.text
    assert (await apply(viewer, drain())).status == 403


async def test_a_read_only_dashboard_says_so_and_refuses(read_only: World) -> None:
    operator = await read_only.browser("operator")
    answer = await operator.get(f"{SVC}/confirm?command=drain&backends={FIRST}", **HTMX)
    assert "read-only" in answer.text
    refused = await apply(operator, drain())
    assert refused.status == 422
    assert routing(read_only).admin_of(FIRST) is Admin.READY


async def test_a_form_of_another_site_is_refused(armed: World) -> None:
    operator = await armed.browser("operator")
    operator.csrf = "x" * 64
    assert (await apply(operator, drain())).status == 403
    assert await AuditRecord.objects.acount() == 0


async def test_who_comes_second_sees_both_sides_and_can_look_again(armed: World) -> None:
    operator = await armed.browser("operator")
    await apply(operator, drain(FIRST))
    await settled(armed, 1)
    answer = await apply(operator, drain(SECOND))
    assert answer.status == 409
    assert "Somebody was faster" in answer.text
    for side in ("generation 0", "generation 1", f"drain {SECOND} for 15 min"):
        assert side in answer.text
    link = re.search(r'data-drawer href="([^"]+)"', answer.text)
    assert link is not None
    again = await operator.get(link[1].replace("&amp;", "&"), **HTMX)
    assert 'name="generation" value="1"' in again.text


async def test_a_guard_asks_for_the_services_name_and_takes_nothing_else(armed: World) -> None:
    operator = await armed.browser("operator")
    shares = {"command": "versions", "version": "v2", "share": "100", "generation": "0", "reason": "all in"}
    overload = await apply(operator, shares)
    assert (overload.status, 'data-code="overload"' in overload.text) == (422, True)
    assert (await apply(operator, {**shares, "force_service": SERVICE})).status == 200
    await settled(armed, 1)
    form = drain(THIRD, generation="1")  # the only backend of v2, which has all the traffic now
    refused = await apply(operator, form)
    assert refused.status == 422
    assert 'data-code="last_of_version"' in refused.text
    assert 'name="force_service"' in refused.text
    wrong = await apply(operator, {**form, "id": "w", "force_service": "another.service"})
    assert wrong.status == 422
    assert (await apply(operator, {**form, "id": "r", "force_service": SERVICE})).status == 200


@pytest.mark.parametrize(
    "form",
    [
        {"command": "drain", "generation": "0"},
        {"command": "drain", "backends": "not an address", "generation": "0"},
        {"command": "weight", "backends": FIRST, "weight": "0", "generation": "0"},
        {"command": "weight", "backends": FIRST, "weight": "1" * 40, "generation": "0"},
        {"command": "versions", "version": "v1", "share": "90", "generation": "0"},
        {"command": "policy", "policy": "x", "config": "[", "generation": "0"},
        {"command": "freeze", "on": "true"},
        {"command": HOSTILE},
        {"command": "drain", "backends": FIRST, "generation": "x"},
        {"command": "drain", "backends": FIRST},
        {},
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(armed: World, form: dict[str, str]) -> None:
    operator = await armed.browser("operator")
    answer = await apply(operator, form)
    assert answer.status == 422
    assert "<script>" not in answer.text
    look = await operator.get(
        f"{SVC}/impact?" + "&".join(f"{k}={v}" for k, v in form.items()).replace("<", "%3C"), **HTMX
    )
    assert look.status == 200
    assert routing(armed).generation.number == 0


async def test_undo_puts_back_what_was_there(armed: World) -> None:
    operator = await armed.browser("operator")
    await apply(operator, drain(FIRST, id="c-1"))
    await settled(armed, 1)
    look = await operator.get(f"{SVC}/confirm?command=undo&of=c-1", **HTMX)
    assert "3 of 3 backends would be in rotation" in look.text
    assert (await apply(operator, {"command": "undo", "of": "c-1", "generation": "1"})).status == 200
    assert (await settled(armed, 2)).admin_of(FIRST) is Admin.READY


async def test_a_freeze_stops_the_next_command(armed: World) -> None:
    operator = await armed.browser("operator")
    assert "/freeze/confirm?command=freeze&amp;on=true" in (await operator.get("/activity")).text
    page = await operator.get("/freeze/confirm?command=freeze&on=true", **HTMX)
    assert "Freeze all commands" in page.text
    assert (await apply(operator, {"command": "freeze", "on": "true", "reason": "x"}, "/freeze")).status == 200
    changes = armed.runtime.store.subscribe()
    while armed.runtime.store.view().state.freeze is None:
        await changes.wait()
    changes.close()
    assert "All commands are frozen" in (await apply(operator, drain())).text
    assert "/freeze/confirm?command=freeze&amp;on=false" in (await operator.get("/activity")).text
    assert "/freeze/confirm" not in (await (await armed.browser("viewer")).get("/activity")).text


async def test_a_client_is_traced_when_it_is_there(armed: World) -> None:
    operator = await armed.browser("operator")
    assert (await operator.post(SVC + "/trace", {"client": ALICE}, **HTMX)).status == 200
    assert (await operator.post(SVC + "/trace", {"client": "f" * 32}, **HTMX)).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "?tab=subconns", "?tab=subconns&mode=lag&state=x&page=-1", "?tab=routing", "?tab=picks&text=p2c",
        "?tab=timeline&before=x",
        f"/backends/{FIRST}", f"/clients/{ALICE}", f"/clients/{'b' * 32}", f"/subconn?client={ALICE}&address={FIRST}",
        "/subconn?client=x&address=y", "/routing-form", f"/backends/{FIRST}/lease",
    ],
)  # fmt: skip
async def test_hostile_names_and_metadata_are_only_ever_text(armed: World, path: str) -> None:
    viewer = await armed.browser("viewer")
    answer = await viewer.get(SVC + path)
    assert answer.status == 200
    assert HOSTILE not in answer.text
    assert " style=" not in answer.text


@pytest.mark.parametrize("path", ["/backends/10.9.9.9:1", "/clients/nobody", "/series?address=10.9.9.9:1", "/nothing"])
async def test_what_is_not_there_is_a_404(armed: World, path: str) -> None:
    assert (await (await armed.browser("viewer")).get(SVC + path)).status == 404


async def test_charts_get_columns_of_one_length_with_null_for_unknown(armed: World) -> None:
    viewer = await armed.browser("viewer")
    columns: dict[str, Any] = (await viewer.get(f"{SVC}/series?address={FIRST}&span=60")).json()
    assert {len(columns[name]) for name in ("t", "rps", "p50", "p99", "error_ratio")} == {len(columns["t"])}
    assert columns["t"] == sorted(columns["t"])
    assert None in columns["p99"]
