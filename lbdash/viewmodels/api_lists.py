"""The API's long lists, a page at a time: SubConns, picks, events, commands. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lbdash.balancing.explain import explain
from lbdash.control.audit import AuditEntry
from lbdash.live.events import Candidate, PickSample
from lbdash.live.state import Service
from lbdash.live.view import LiveView, SubConnRow, TimelineEntry
from lbdash.model import Connectivity
from lbdash.viewmodels.api import Json, in_ms, moment, number

_CLIENTS = 20  # looked at for one page: what is rare among 200,000 SubConns must not hold the loop up


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which SubConns; "" and None = any. `after` is the `next` of the page before."""

    client: str = ""
    address: str = ""
    state: Connectivity | None = None
    limit: int = 200
    after: str = ""


def subconns(view: LiveView, service: Service, wanted: Wanted) -> Json:
    """By client id, then index. `next` None = that was all; a page may be short and still have a next."""
    rows: list[SubConnRow] = []
    after, clients = wanted.after, _clients(view, service, wanted)
    for client in clients[:_CLIENTS]:
        room = wanted.limit - len(rows)
        found = _rows(view, service, client, wanted) if room else []
        rows += found[:room]
        if not room or len(found) > room:
            return _page(rows, f"{rows[-1].client}:{rows[-1].index}")
        after = f"{client}:"
    return _page(rows, after if len(clients) > _CLIENTS else None)


def _page(rows: Iterable[SubConnRow], after: str | None) -> Json:
    return {"subconns": [_subconn(row) for row in rows], "next": after}


def _clients(view: LiveView, service: Service, wanted: Wanted) -> list[str]:
    """Those the cursor leaves (`CLIENT:` = all of it was seen, or `CLIENT:INDEX`) and that have what is wanted."""
    client, _, index = wanted.after.partition(":")
    known = view.numbers(service.key).clients
    left = (id for id in known if id > client or (id == client and index))
    return sorted(
        id
        for id in left
        if wanted.client in ("", id) and (wanted.state is None or known[id].connectivity.get(wanted.state))
    )


def _rows(view: LiveView, service: Service, client: str, wanted: Wanted) -> list[SubConnRow]:
    cursor, _, index = wanted.after.partition(":")
    seen = int(index) if client == cursor and index.isascii() and index.isdigit() and len(index) < 10 else -1
    rows = view.subconns(service.key, client=client, address=wanted.address)
    return sorted((r for r in rows if r.index > seen and wanted.state in (None, r.state)), key=lambda row: row.index)


def _subconn(row: SubConnRow) -> Json:
    return {
        "client": row.client,
        "backend": row.address,
        "state": row.state.name,
        "since": moment(row.since),
        "picks_total": row.totals.picks,
        "errors_total": row.totals.errors,
        "inflight": row.inflight,
        "oldest_ms": in_ms(row.oldest_s),
        "lag_ms": number(row.lag_ms),
        "success": number(row.success),
        "load": number(row.load),
        "weight": number(row.weight),
        "last_error": row.last_error,
    }


def picks(samples: Iterable[PickSample]) -> Json:
    return {"picks": [_pick(sample) for sample in samples]}


def _pick(sample: PickSample) -> Json:
    return {
        "at": moment(sample.at),
        "client": sample.client,
        "method": sample.method,
        "policy": sample.policy,
        "requested_version": sample.requested_version or None,
        "chosen_version": sample.chosen_version or None,
        "result": sample.result,
        "chosen": sample.chosen or None,
        "reason": sample.reason,
        "text": explain(sample),
        "error": sample.error,
        "queued_ms": sample.queued_us / 1000,
        "repicks": sample.repicks,
        "candidates": [_candidate(candidate) for candidate in sample.candidates],
    }


def _candidate(candidate: Candidate) -> Json:
    lag_us = number(candidate.lag_us)
    return {
        "backend": candidate.address,
        "version": candidate.version,
        "load": number(candidate.load),
        "lag_ms": None if lag_us is None else lag_us / 1000,
        "inflight": candidate.inflight,
        "success": number(candidate.success),
        "weight": number(candidate.weight),
    }


def events(entries: Sequence[TimelineEntry], limit: int) -> Json:
    """Newest first; `next` is the `before` of the next page."""
    more = len(entries) == limit and limit > 0
    return {"events": [_event(entry) for entry in entries], "next": entries[-1].serial if more else None}


def _event(entry: TimelineEntry) -> Json:
    return {
        "serial": entry.serial,
        "at": moment(entry.at),
        "until": moment(entry.until),
        "count": entry.count,
        "kind": entry.kind,
        "severity": entry.severity,
        "text": entry.text,
        "backend": entry.backend or None,
        "client": entry.client or None,
        "command": entry.command or None,
    }


def commands(entries: Sequence[AuditEntry], limit: int) -> Json:
    """The audit log, newest first; `next` is the `before` of the next page."""
    more = len(entries) == limit and limit > 0
    return {"commands": [audited(entry) for entry in entries], "next": entries[-1].id if more else None}


def audited(entry: AuditEntry) -> Json:
    return {
        "id": entry.id,
        "service": entry.service or None,
        "command": dict(entry.command),
        "by": entry.by,
        "reason": entry.reason,
        "at": moment(entry.at),
        "outcome": entry.outcome,
        "text": entry.text,
        "forced": entry.forced or None,
        "objections": list(entry.objections),
        "generation": entry.generation,
        "revision": entry.revision,
        "before": dict(entry.before),
        "after": dict(entry.after),
    }
