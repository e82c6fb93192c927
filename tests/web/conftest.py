"""Django set up once for all web tests, a database that each test finds empty, and browsers of the ASGI app."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lbdash.config import Config
from lbdash.web.conf import setup

_DATA = Path(tempfile.mkdtemp(prefix="lbdash-test-"))
atexit.register(shutil.rmtree, _DATA, ignore_errors=True)
setup(Config(data=_DATA))

from django.contrib.sessions.models import Session  # noqa: E402
from django.core.management import call_command  # noqa: E402

from lbdash.web.models import ApiToken, AuditRecord, LoginLink, User  # noqa: E402


@pytest.fixture(scope="session")
def data_dir() -> Path:
    return _DATA


@pytest.fixture(scope="session")
def _migrated() -> None:
    call_command("migrate", verbosity=0, interactive=False)


@pytest.fixture
def db(_migrated: None) -> Iterator[None]:
    """An empty database."""
    yield
    for model in (Session, LoginLink, ApiToken, AuditRecord, User):
        model.objects.all().delete()
