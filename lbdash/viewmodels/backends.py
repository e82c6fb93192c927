"""The Backends tab: one row per backend, three facts apart: what clients see, what operators said, what it registered.

Pure. Rows are built again only where something they show has changed.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import lru_cache

from lbdash.live.state import Backend, Service
from lbdash.live.view import LiveView, ServiceNumbers
from lbdash.viewmodels import format as fmt
from lbdash.viewmodels.attention import left, minutes
from lbdash.viewmodels.backend_cells import Moving, Standfast, css, fixed_cells, moving_cells
from lbdash.viewmodels.heat import natural
from lbdash.viewmodels.html import EMPTY, Html, esc, join, tag
from lbdash.viewmodels.marks import service_url
from lbdash.viewmodels.screen import Column, Memo, Row, Screen, Table
from lbdash.viewmodels.shares import effective_weight, expected
from lbdash.viewmodels.standing import connected, version_order

MAX_ROWS = 3000  # 2 kB of HTML each; beyond them a page takes seconds to make, and a browser longer

PICK_ALL = Html('<input type="checkbox" data-pick-all aria-label="Select all that are shown">')


def columns(biased: bool, may_steer: bool) -> tuple[Column, ...]:
    """`biased`: no share can be configured under the policy in use, so the fair one is shown."""
    weight = "effective / registered" + ("; a bias under this policy, not a share" if biased else "")
    wanted = "fair" if biased else "configured"
    return (
        Column("pick", PICK_ALL if may_steer else EMPTY),
        Column("backend", Html("Backend"), "main"),
        Column("version", Html("Version"), "fine"),
        Column("subconns", Html("SubConns"), "", "READY of all, as connected clients see it"),
        Column("admin", Html("Admin"), "", "what an operator said"),
        Column("registry", Html("Registry"), "fine", "what the registry has"),
        Column("since", Html("known for"), "num alone", "since this lbdash first saw it"),
        Column("key", Html("Key"), "alone"),
        Column("weight", Html("Weight"), "num fine", weight),
        Column("share", Html(f'Share % <span class="muted">/ {wanted}</span>'), "fine", "measured in the window"),
        Column("rps", Html("rps"), "num"),
        Column("spark", Html("10 min"), "fine"),
        Column("inflight", Html("in flight"), "num fine"),
        Column("latency", Html("P50 / P99 ms"), "num fine"),
        Column("errors", Html("err %"), "num"),
        Column("acts", Html('<span class="visually-hidden">Actions</span>'), "acts fine"),
    )


def build(view: LiveView, service: Service, memo: Memo, may_steer: bool) -> Screen:
    biased, wanted = memo.keep("wanted", (service,), lambda: _wanted(service))
    rows = _rows(view, service, memo, wanted, may_steer)
    table = Table("backends", f"Backends of {service.key}", columns(biased, may_steer), rows, _empty(service))
    return Screen("", {"see-more": _see_more(service)}, {"backends": table}, _bar(service, may_steer))


def _wanted(service: Service) -> tuple[bool, Mapping[str, float]]:
    """Whether only a fair share can be given, and the share (0..1) that each backend should have.

    Rounded to what is shown, as one backend more changes a thousand fair shares a little.
    """
    shares = expected(service)
    biased = any(share.configured is None for share in shares.values())
    exact = ((a, share.fair if share.configured is None else share.configured) for a, share in shares.items())
    return biased, {address: round(share, 4) for address, share in exact}


def _rows(
    view: LiveView, service: Service, memo: Memo, wanted: Mapping[str, float], may_steer: bool
) -> tuple[Row, ...]:
    numbers = view.numbers(service.key)
    top, reported = _top(numbers, wanted), connected(service) > 0
    order = tuple(memo.keep("order", (service,), lambda: version_order(service)))
    addresses = memo.keep("addresses", (service.backends, service.routing), lambda: _addresses(service))
    # A point is 10 s wide: looking every 2 s is soon enough, and reading all of them is not cheap.
    sparks = memo.keep("sparks", (int(view.now / 2),), lambda: view.sparklines(service.key))
    minute = int(view.now // 60)

    def row(address: str) -> Row:
        backend, found, share = service.backends[address], numbers.backends.get(address), wanted.get(address)
        spark, override = sparks.get(address, ()), service.routing.admin.get(address)
        weight = service.routing.weight.get(address)

        def build() -> Row:
            fixed = _fixed(view.now, service, backend, order, may_steer)
            return _row(memo, address, fixed, Moving.of(found, share, top, spark, reported))

        # Looked at with what costs nothing to get: most of the time nothing of it is another object than before.
        inputs = (backend, found, share, spark, override, weight, order, minute, top, reported)
        return memo.keep(f"quick {address}", inputs, build)

    return tuple(row(address) for address in addresses)


def _addresses(service: Service) -> list[str]:
    """What is drawn, in order; when there is too much, what operators have changed goes first."""
    routing, addresses = service.routing, sorted(service.backends, key=_place)
    if len(addresses) > MAX_ROWS:
        changed = routing.admin.keys() | routing.weight.keys()
        first = sorted(addresses, key=lambda address: address not in changed)
        addresses = sorted(first[:MAX_ROWS], key=_place)
    return addresses


@lru_cache(maxsize=20_000)
def _place(address: str) -> tuple[str | int, ...]:
    return tuple(natural(address))


def _fixed(now: float, service: Service, backend: Backend, order: tuple[str, ...], may_steer: bool) -> Standfast:
    override = service.routing.admin.get(backend.address)
    remaining = left(override.until, now) if override else None
    return Standfast(
        service.key,
        backend,
        override,
        effective_weight(service, backend),
        "" if remaining is None else minutes(remaining),
        minutes(now - backend.first_seen),
        may_steer,
        order,
    )


def _row(memo: Memo, address: str, fixed: Standfast, moving: Moving) -> Row:
    def build() -> Row:
        still = memo.keep(f"still {address}", (fixed,), lambda: fixed_cells(fixed))
        return Row(address, {**still, **moving_cells(moving)}, css(fixed, moving))

    return memo.row("backends", address, (fixed, moving), build)


def _top(numbers: ServiceNumbers, wanted: Mapping[str, float]) -> float:
    """One scale for all bars, a power of two, so that bars do not breathe."""
    measured = [found.numbers.share or 0.0 for found in numbers.backends.values()]
    highest = max([*measured, *wanted.values()], default=0.0)
    top = 1.0
    while top / 2 > highest and top > 1e-4:
        top /= 2
    return top


# ---- around the table


def _bar(service: Service, may_steer: bool) -> Mapping[str, object]:
    """For the bar of bulk actions: where they are confirmed, and the first words of the same on a command line."""
    cli = f"lbdash drain {shlex.quote(service.key)}"
    return {"may_steer": may_steer, "confirm": service_url(service.key) + "/confirm", "cli": cli}


def _empty(service: Service) -> Html:
    text = "The registry has no usable registration of this service."
    if service.invalid:
        text += f" {fmt.plural(len(service.invalid), 'registration')} of it cannot be read: see above."
    return tag("div", join((tag("h2", esc("No backend")), tag("p", esc(text)))), class_="empty")


def _see_more(service: Service) -> Html:
    """A service nobody reports to: what the registry alone knows is the table; these are the ways to know more."""
    return join((_left_out(service), EMPTY if connected(service) else _SEE_MORE))


def _left_out(service: Service) -> Html:
    more = len(service.backends) - MAX_ROWS
    if more <= 0:
        return EMPTY
    few = f"{fmt.plural(more, 'backend')} of {fmt.count(len(service.backends))} not drawn here"
    return tag("p", esc(f"{few}; the API lists all, and each has its page."), class_="muted")


_SEE_MORE = Html("""<section class="panel see-more"><header><h2>Seen through the registry alone</h2>
<p class="muted">No client of this service reports, so picks, connections and latency are unknown, and nothing here is
counted as 0. Three ways to see more, the least effort first:</p></header>
<ol><li><h3>channelz</h3><p>Clients that serve channelz (kratos does by default) are polled as they are. Put
<code>{"service": "…", "channelz": "host:port"}</code> under <code>/lbdash/v1/clients/&lt;id&gt;</code>.</p></li>
<li><h3>xDS</h3><p>Stock gRPC clients that dial <code>xds:///…</code> with <code>lbdash bootstrap</code>'s file report
load and obey overrides.</p></li>
<li><h3>Our library</h3><p><code>lbdash.balancing.Channel("etcd://…", telemetry="…")</code> tells every SubConn and
every pick, and obeys everything.</p></li></ol></section>""")
