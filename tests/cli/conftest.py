from collections.abc import Iterator

import pytest

from tests.cli.dashboard import Dashboard, running


@pytest.fixture
def dashboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dashboard]:
    with running() as dashboard:
        monkeypatch.setenv("LBDASH_URL", dashboard.url)
        monkeypatch.setenv("LBDASH_TOKEN", "secret")
        yield dashboard
