"""The heat map's cells, its frame, and the page of rows behind it."""

from __future__ import annotations

import json

import numpy as np

from lbdash.live.events import ClientReported, Event, SubConnOpened, Transition
from lbdash.model import Connectivity
from lbdash.viewmodels import heat as model
from lbdash.viewmodels.heat import Filter, build_heat, natural
from lbdash.viewmodels.subconns import PAGE, Query, build_detail, build_page
from lbdash.web.live.heatmap import HEADER, encode
from tests.viewmodels.stage import NOW, control, registered, stage
from tests.web import world
from tests.web.world import ALICE, BACKENDS, BOB, SERVICE

FIRST, SECOND, THIRD = BACKENDS


def broken(client: str, index: int) -> Event:
    return ClientReported(
        client, NOW, 0.0, transitions=(Transition(index, Connectivity.TRANSIENT_FAILURE, NOW - 3, "refused"),)
    )


def test_a_cell_says_state_and_shade_and_a_column_what_operators_said() -> None:
    drain = control({f"backends/{SECOND.replace(':', '%3A')}/admin": {"state": "drain", "by": "", "at": ""}})
    view, service = stage(registered(), world.busy(NOW), [broken(BOB, 2), drain])
    heat = build_heat(view, service, "state", Filter())
    assert heat.addresses == (FIRST, SECOND, THIRD)
    assert list(heat.admin) == [0, 1, 0]
    assert [id for id, _ in heat.clients] == [BOB, ALICE]  # by name: "<script>…" before "orders-1"
    assert (heat.cells & 7).tolist() == [[2, 2, 3], [2, 2, 2]]


def test_a_client_without_a_subconn_to_a_backend_is_not_idle() -> None:
    own = [SubConnOpened(0, FIRST, Connectivity.IDLE, NOW)]
    view, service = stage(registered(), [world.opened(ALICE, "a", NOW, ""), world.opened(BOB, "b", NOW, "")], [
        ClientReported(ALICE, NOW, 0.0, opened=tuple(own)),
        ClientReported(BOB, NOW, 0.0, opened=(SubConnOpened(0, SECOND, Connectivity.IDLE, NOW),)),
    ])  # fmt: skip
    heat = build_heat(view, service, "state", Filter())
    assert (heat.cells & 7).tolist() == [[0, 7, 7], [7, 0, 7]]


def test_shades_are_steps_of_four_and_the_legend_names_each() -> None:
    picks = np.array([[0, 1, 3, 4, 15, 16, 4096, 1e9]], np.float32)
    assert model._steps_of_four(picks).tolist() == [[0, 1, 1, 2, 2, 3, 7, 7]]
    lag = np.array([[-1, 0, 0.5, 1, 5, 1500]], np.float32)
    assert model._steps_of_four(lag, below_one=1).tolist() == [[0, 1, 1, 2, 3, 7]]
    assert len(model.PICK_SHADES) == len(model.LAG_SHADES) == 8


def test_a_frame_needs_nothing_before_it() -> None:
    view, service = stage(registered(), world.busy(NOW))
    frame = encode(build_heat(view, service, "picks", Filter(backend="10.0.0.3")))
    kind, version, rows, columns, _, left_out, size = HEADER.unpack_from(frame)
    labels = json.loads(frame[HEADER.size : HEADER.size + size])
    assert (chr(kind), version, rows, columns, left_out) == ("H", 1, 2, 1, 0)
    assert labels == {"clients": [[BOB, world.HOSTILE], [ALICE, "orders-1"]], "addresses": [THIRD]}
    assert len(frame) == HEADER.size + size + columns + rows * columns


def test_more_cells_than_a_frame_holds_are_left_out_and_counted(monkeypatch) -> None:
    monkeypatch.setattr(model, "MAX_CELLS", 3)
    view, service = stage(registered(), world.busy(NOW))
    heat = build_heat(view, service, "state", Filter())
    assert (len(heat.clients), heat.left_out) == (1, 1)


def test_addresses_sort_as_people_count() -> None:
    assert sorted(["10.0.0.10:1", "10.0.0.9:1", "a"], key=natural) == ["10.0.0.9:1", "10.0.0.10:1", "a"]


def test_the_table_pages_filters_and_sorts_what_needs_eyes_first() -> None:
    view, service = stage(registered(), world.busy(NOW), [broken(ALICE, 1)])
    everything = build_page(view, service, Query.parse({"sort": "state"}))
    assert (everything.total, everything.pages, everything.first, everything.last) == (6, 1, 1, 6)
    assert everything.rows[0].state is Connectivity.TRANSIENT_FAILURE
    assert everything.counts[Connectivity.READY] == 5
    failing = build_page(view, service, Query.parse({"state": "transient_failure", "client": "ORDERS"}))
    assert [(row.client, row.address, row.last_error) for row in failing.rows] == [(ALICE, SECOND, "refused")]
    assert build_page(view, service, Query.parse({"backend": "nowhere"})).total == 0


def test_a_hostile_query_falls_back_to_the_first_page() -> None:
    asked = Query.parse({"state": "<b>", "mode": "x", "sort": "'", "page": "9" * 30})
    assert (asked.filter.state, asked.mode, asked.sort, asked.page) == ("", "state", "client", 1)
    view, service = stage(registered(), world.busy(NOW))
    assert build_page(view, service, Query.parse({"page": "99"})).number == 1
    assert PAGE == 50


def test_one_subconn_tells_its_history_up_to_now() -> None:
    view, service = stage(registered(), world.busy(NOW), [broken(ALICE, 1)])
    detail = build_detail(view, service, ALICE, SECOND)
    assert detail is not None
    assert [stretch.state for stretch in detail.history][-2:] == [Connectivity.READY, Connectivity.TRANSIENT_FAILURE]
    assert detail.history[-1].seconds == 3
    assert detail.history[-1].error == "refused"
    assert build_detail(view, service, ALICE, "10.9.9.9:1") is None
    assert service.key == SERVICE
