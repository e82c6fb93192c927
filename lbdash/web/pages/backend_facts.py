"""What a backend registered, what operators said of it, and what results: three facts, never one badge."""

from __future__ import annotations

import json

from lbdash.model import Problem, Registration
from lbdash.registry.routing import AdminOverride, Stamp, WeightOverride
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.backend import BackendPage, weight_text
from lbdash.viewmodels.cells import pill
from lbdash.viewmodels.header import notice
from lbdash.viewmodels.html import Html, esc, join, tag
from lbdash.viewmodels.marks import admin_mark, facts


def three_facts(page: BackendPage) -> Html:
    """What it registered, what operators said, what results: never one badge."""
    head = join(tag("th", esc(text), scope="col") for text in ("", "registered", "operator said", "what results"))
    online = all(registration.online for registration in page.registrations)
    registered = ("online" if online else "offline") if page.registrations else "not registered"
    rows = (
        ("Admin", esc(registered), _said_admin(page.admin), admin_mark(page.effective.admin)),
        ("Weight", esc(weight_text(page)), _said_weight(page.weight), esc(fmt.count(page.effective.weight))),
        (
            "Version",
            esc(page.backend.version or "none"),
            esc("cannot be changed"),
            esc(page.effective.version or "none"),
        ),
    )
    body = join(_fact_row(*row) for row in rows)
    why = tag("p", esc(page.effective.why[:1].upper() + page.effective.why[1:] + "."), class_="ink-2")
    return join((tag("table", join((tag("thead", tag("tr", head)), tag("tbody", body))), class_="facts-table"), why))


def _fact_row(name: str, registered: Html, said: Html, effective: Html) -> Html:
    cells = join(tag("td", cell) for cell in (registered, said, effective))
    return tag("tr", join((tag("th", esc(name), scope="row"), cells)))


def _said_admin(admin: AdminOverride | None) -> Html:
    if admin is None:
        return tag("span", esc("nothing"), class_="muted")
    end = f"returns no earlier than {admin.until}" if admin.until and admin.lease else "until ended"
    return join(
        (admin_mark(admin.state), tag("span", esc(end), class_="small"), _stamp(admin.stamp, admin.registration)), " "
    )


def _said_weight(weight: WeightOverride | None) -> Html:
    if weight is None:
        return tag("span", esc("nothing"), class_="muted")
    return join((tag("b", esc(weight.weight)), _stamp(weight.stamp, weight.registration)), " ")


def _stamp(stamp: Stamp, registration: str) -> Html:
    words = [f"by {stamp.by}" if stamp.by else "", f"“{stamp.reason}”" if stamp.reason else "", stamp.at]
    words.append(f"written for {registration}" if registration else "")
    return tag("span", esc(", ".join(word for word in words if word)), class_="small muted")


def problems(page: BackendPage) -> Html:
    found = list(map(_problem, page.problems))
    if page.other_instance:
        text = "An override was written for another registration than this one: say it again to keep it, or clear it."
        found.append(notice("wait", "Other instance", text))
    return join(found)


def _problem(problem: Problem) -> Html:
    css = {"error": "down", "warning": "wait"}.get(problem.severity, "idle")
    return notice(css, problem.code.replace("_", " ").capitalize(), problem.text)


def registration(found: Registration) -> Html:
    pairs = [
        ("Key", tag("code", esc(found.key))),
        ("Id", tag("code", esc(found.id))),
        ("Convention", esc(found.convention)),
        ("Version", esc(found.version or "none")),
        ("Weight", esc(found.weight)),
        (
            "Lease",
            tag("code", esc(f"{found.lease:x}")) if found.lease else pill("no lease", "wait", "bang"),
        ),
        ("Revision", esc(f"created {found.create_revision}, changed {found.mod_revision}")),
        ("Metadata", _metadata(found)),
    ]
    return tag("div", facts(pairs), class_="registration")


def _metadata(found: Registration) -> Html:
    if not found.metadata:
        return tag("span", esc("none"), class_="muted")
    text = json.dumps(dict(found.metadata), ensure_ascii=False, indent=1, sort_keys=True)
    return tag("pre", esc(text[:4000]))
