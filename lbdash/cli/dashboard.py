"""The dashboard as `serve` and `demo` run it: Django set up, its database migrated, the first login made possible."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from lbdash.cli.errors import CliError
from lbdash.cli.output import note
from lbdash.config import Config

if TYPE_CHECKING:
    from lbdash.runtime import Web

_EXTRA = ("channels", "dj_database_url", "django", "jinja2", "numpy", "prometheus_client", "uvicorn", "whitenoise")

Announce = Callable[[str], None]
Serve = Callable[[Config, Announce], Awaitable[None]]


def require_extra() -> None:
    """CliError with the pip command when Django and the rest are not installed."""
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise CliError(
            f"the dashboard needs {', '.join(missing)}: not installed",
            "pip install 'lbdash[dashboard]'   (the client library and the other commands work without it)",
        )


def prepare(config: Config) -> tuple[Web, str]:
    """Set Django up and migrate. Returns the web floor and the secret of a login link, "" when nobody needs one."""
    require_extra()
    logging.basicConfig(level=logging.WARNING, format="lbdash: %(levelname)s %(name)s: %(message)s")
    setup_database(config)
    import lbdash.urls  # noqa: F401 (what cannot be served must fail here, not at the first click)
    from lbdash.asgi import application
    from lbdash.runtime import Web
    from lbdash.web.audit import DatabaseAudit
    from lbdash.web.tokens import create_login_link, needs_login_link

    return Web(DatabaseAudit(), application), create_login_link() if needs_login_link() else ""


def setup_database(config: Config) -> None:
    """Django configured, every migration applied. Raises CliError when the database cannot be used."""
    from lbdash.web.conf import setup

    setup(config)
    from django.core.management import call_command
    from django.db import Error, connections

    try:
        call_command("migrate", verbosity=0, interactive=False)
    except Error as error:
        raise CliError(f"the database cannot be used: {error}", f"See --data {config.data} and DATABASE_URL.") from None
    connections.close_all()


async def serve(config: Config, announce: Announce) -> None:
    """Run until SIGINT or SIGTERM. `announce` gets the ready line; the login URL follows on stderr."""
    from lbdash import runtime

    web, secret = await asyncio.to_thread(prepare, config)

    def ready(line: str) -> None:
        announce(line)
        if secret and (found := re.search(r"http=(\S+)", line)):
            note(f"Log in once, within 10 minutes: {found[1]}/login#{secret}")

    await runtime.serve(config, web, ready)
