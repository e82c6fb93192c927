"""For every test: browsers last, and no deadlines on a machine that others use too."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Playwright's event loop stays in this thread until the session ends, so no async test may come after it."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
