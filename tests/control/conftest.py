from collections.abc import AsyncIterator

import pytest

from tests.control.house import A, B, C, D, House, house


@pytest.fixture
async def fleet() -> AsyncIterator[House]:
    """Four v1 backends, all READY at two clients that obey everything."""
    async with house() as built:
        built.register(A, B, C, D)
        for name in ("web-01", "web-02"):
            built.connect(name, A, B, C, D)
        yield built
