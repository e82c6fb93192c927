"""The Picks tab: samples in words, candidates with their loads, reasons as a histogram; tracing one client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lbdash.live.state import Service
from lbdash.live.view import LiveView
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.cells import version_tag
from lbdash.viewmodels.html import EMPTY, Html, esc, join, tag
from lbdash.viewmodels.marks import bar, client_link, moment
from lbdash.viewmodels.picks import CandidateLine, PickLine, PicksTab, Reason, build
from lbdash.viewmodels.screen import Column, Memo, Row, Screen, Table

_COLUMNS = (
    Column("at", Html("Time, UTC")),
    Column("call", Html("Client and call")),
    Column("why", Html("What happened"), "wrap"),
    Column("candidates", Html("Candidates: load, and what it is made of"), "fine"),
)
_MOST = 3  # candidates shown of one pick; the chosen one is among them


def tab(view: LiveView, service: Service, query: Mapping[str, str], memo: Memo) -> Screen:
    """The tab's part of the service's screen. `client`: an id; `text`: what a sample must say."""
    found = build(view, service, client=query.get("client", ""), text=query.get("text", "")[:200])
    rows = tuple(_row(service, line, memo) for line in found.lines)
    return Screen(
        "",
        regions={"picks-reasons": _reasons(found), "picks-note": esc(_note(found))},
        tables={"picks": Table("picks", "Pick samples, newest first", _COLUMNS, rows, _nothing(service, found))},
        facts={"clients": found.clients, "client": query.get("client", ""), "text": query.get("text", "")[:200]},
    )


def _note(found: PicksTab) -> str:
    dropped = f"; {fmt.count(found.dropped)} more could not be sent" if found.dropped else ""
    return f"{fmt.plural(found.samples, 'sample')} at hand; not every pick is sampled{dropped}"


def _reasons(found: PicksTab) -> Html:
    if not found.reasons:
        return tag("p", esc("No sample yet."), class_="muted")
    return tag("ul", join(tag("li", _reason(reason)) for reason in found.reasons), class_="histogram")


def _reason(reason: Reason) -> Html:
    name = tag("span", esc(reason.name.replace("_", " ")))
    text = tag("span", esc(f"{fmt.count(reason.count)} · {fmt.percent(reason.ratio)} %"), class_="num")
    return join((name, bar(reason.ratio), text))


def _row(service: Service, line: PickLine, memo: Memo) -> Row:
    # A sample never changes, so its identity is all there is to compare.
    return memo.row("picks", line.key, (line.sample, line.client), lambda: _pick_row(service, line))


def _pick_row(service: Service, line: PickLine) -> Row:
    sample = line.sample
    cells = {
        "at": moment(sample.at, millis=True),
        "call": _call(service, line),
        "why": tag("span", _emphasised(line), title=line.sentence),
        "candidates": join(_candidate(candidate) for candidate in _shown(line.candidates)),
    }
    css = "is-down is-problem" if line.failed else "is-probe" if line.probe else ""
    return Row(line.key, cells, css)


def _call(service: Service, line: PickLine) -> Html:
    sample = line.sample
    traced = tag("span", esc("traced"), class_="tag") if sample.traced else EMPTY
    who = join(
        (client_link(service.key, sample.client, line.client), version_tag(sample.requested_version), traced), " "
    )
    return join((who, tag("span", esc(sample.method.strip("/")), class_="sub", title=sample.method)))


def _emphasised(line: PickLine) -> Html:
    """The sentence, the chosen address in bold."""
    chosen = line.sample.chosen
    before, found, after = line.sentence.partition(chosen) if chosen else (line.sentence, "", "")
    return join((esc(before), tag("b", esc(found)) if found else EMPTY, esc(after)))


def _shown(candidates: Iterable[CandidateLine]) -> list[CandidateLine]:
    return sorted(candidates, key=lambda candidate: not candidate.chosen)[:_MOST]


def _candidate(candidate: CandidateLine) -> Html:
    css = "candidate is-chosen" if candidate.chosen else "candidate"
    words = tag("span", esc("chosen"), class_="visually-hidden") if candidate.chosen else EMPTY
    parts = (
        join((tag("span", esc(candidate.address), class_="mono clip"), words)),
        bar(candidate.bar),
        tag("span", esc(f"load {candidate.load}"), class_="load"),
        tag("span", esc(candidate.facts), class_="muted clip"),
    )
    return tag("div", join(parts), class_=css)


def _nothing(service: Service, found: PicksTab) -> Html:
    if found.samples:
        text = "No sample matches the filter."
    elif any(client.gone_at is None for client in service.clients.values()):
        text = "No pick was sampled yet. Samples come with the clients' next reports."
    else:
        text = "No client of this service reports, so nobody tells why a backend was picked."
    return tag("p", esc(text), class_="no-match")
