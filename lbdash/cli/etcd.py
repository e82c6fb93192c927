"""The etcd a command talks to itself, when no dashboard is in between."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import AsyncIterator

from lbdash.cli.errors import CliError
from lbdash.cli.options import etcd_overrides
from lbdash.config import Config
from lbdash.registry.kv import PermissionDenied, Registry, RegistryError


@contextlib.asynccontextmanager
async def registry_of(args: argparse.Namespace) -> AsyncIterator[Registry]:
    """From the etcd options and variables. What etcd refuses becomes a CliError."""
    from lbdash.registry.etcd import EtcdRegistry  # gRPC takes a while to load: only where it is needed

    config = Config.from_env(**etcd_overrides(args))
    try:
        registry = EtcdRegistry(
            config.etcd,
            user=config.etcd_user or None,
            password=config.etcd_password or None,
            ca=config.etcd_tls.ca or None,
            cert=config.etcd_tls.cert or None,
            key=config.etcd_tls.key or None,
        )
    except ValueError as error:
        raise CliError(str(error)) from None
    try:
        yield registry
    except PermissionDenied as error:
        raise CliError(str(error), "`lbdash etcd-role` prints the grants it needs.") from None
    except RegistryError as error:
        raise CliError(
            str(error), f"Is etcd at {', '.join(config.etcd)}? Name it with --etcd or LBDASH_ETCD."
        ) from None
    finally:
        await registry.close()
