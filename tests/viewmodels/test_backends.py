from __future__ import annotations

from collections.abc import Mapping

import pytest

from lbdash.viewmodels import backends
from lbdash.viewmodels.screen import Memo, Screen
from tests.viewmodels.stage import control, registered, stage


def drawn(values: Mapping[str, object]) -> Screen:
    view, service = stage(registered({f"10.0.0.{n}:80": "v1" for n in range(1, 9)}), [control(values)])
    return backends.build(view, service, Memo(), may_steer=False)


def test_of_too_many_backends_those_an_operator_changed_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = {"backends/10.0.0.7%3A80/admin": {"state": "drain"}}
    assert "not drawn" not in drawn(changed).regions["see-more"]
    monkeypatch.setattr(backends, "MAX_ROWS", 3)
    screen = drawn(changed)
    assert [row.key for row in screen.tables["backends"].rows] == ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.7:80"]
    assert "5 backends of 8 not drawn here" in screen.regions["see-more"]
