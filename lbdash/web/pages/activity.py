"""`/activity`: the audit log is in the database, so it is loaded beside the hub's loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from lbdash.control.audit import AuditEntry, AuditError
from lbdash.viewmodels import activity as model
from lbdash.viewmodels.header import notice
from lbdash.viewmodels.html import EMPTY
from lbdash.viewmodels.marks import freeze_link
from lbdash.viewmodels.progress_steps import banners
from lbdash.viewmodels.screen import Screen
from lbdash.web.audit import DatabaseAudit
from lbdash.web.live.page import Ask, live_page

if TYPE_CHECKING:
    from lbdash.runtime import Runtime

Loaded = Sequence[AuditEntry] | AuditError


async def load(_runtime: Runtime, query: Mapping[str, str]) -> Loaded:
    try:
        return await DatabaseAudit().recent(model.PAGE, query.get("before", "")[:100])
    except AuditError as error:
        return error


@live_page("activity.html", load=load)
def activity(ask: Ask) -> Screen:
    loaded = cast(Loaded, ask.loaded)
    entries, trouble = ((), str(loaded)) if isinstance(loaded, AuditError) else (loaded, "")
    screen = model.build(entries, ask.may_steer, ask.query.get("before", ""))
    regions = {
        "trouble": notice("down", "The audit log cannot be read", trouble) if trouble else EMPTY,
        "freeze": freeze_link(frozen=ask.view.state.freeze is not None) if ask.may_steer else EMPTY,
        "commands": banners(ask.runtime.executor.active(), ask.view.now, ask.may_steer),
    }
    return replace(screen, regions=regions)
