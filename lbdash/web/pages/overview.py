"""`/`"""

from __future__ import annotations

from lbdash.viewmodels import overview as model
from lbdash.viewmodels.screen import Screen
from lbdash.web.live.page import Ask, live_page


@live_page("overview.html")
def overview(ask: Ask) -> Screen:
    return model.build(ask.view, ask.query, ask.memo)
