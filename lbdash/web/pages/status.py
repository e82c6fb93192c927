"""`/status`"""

from __future__ import annotations

from importlib.metadata import version

from lbdash.viewmodels import status as model
from lbdash.viewmodels.header import cluster_text
from lbdash.viewmodels.screen import Screen
from lbdash.web.live.page import Ask, live_page


@live_page("status.html")
def status(ask: Ask) -> Screen:
    return model.build(ask.view, ask.runtime.registry.stats(), _process(ask), ask.memo.rates)


def _process(ask: Ask) -> model.Process:
    runtime, config = ask.runtime, ask.runtime.config
    return model.Process(
        version=version("lbdash"),
        started_at=runtime.started_at,
        etcd=config.etcd,
        cluster=cluster_text(runtime.facts.cluster_id),
        alarms=runtime.facts.alarms,
        telemetry=runtime.telemetry_address,
        xds=runtime.xds_address,
        watches=tuple(str(watch) for watch in config.watch),
        control=config.control,
        viewers=ask.hub.viewers,
        pages=ask.hub.pages,
    )
