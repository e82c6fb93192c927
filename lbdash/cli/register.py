"""`register`: keep a registration in etcd for a server that does not register itself, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from typing import TYPE_CHECKING

from lbdash.cli.etcd import registry_of
from lbdash.cli.options import Commands, add_etcd, command, duration, usage
from lbdash.cli.output import note, say
from lbdash.model import DEFAULT_WEIGHT

if TYPE_CHECKING:
    from lbdash.registry.kv import Registry
    from lbdash.registry.registrar import Registrar

_EXAMPLES = """\
  lbdash register hwholiday.srv.app 10.0.0.7:8089 --convention hwholiday --version v1
  lbdash register user.rpc 10.0.0.7:8080 --convention gozero

The key lives on a lease: it is renewed while this command runs, written again when etcd lost it, removed on Ctrl-C,
and gone after --ttl should this command be killed."""


def add(commands: Commands) -> None:
    parser = command(commands, "register", _run, "keep a backend registered until Ctrl-C", _EXAMPLES)
    parser.add_argument("service")
    parser.add_argument("address", metavar="HOST:PORT", help="what clients dial")
    parser.add_argument("--convention", default="hwholiday", help="hwholiday (default), etcd, gozero or plain")
    parser.add_argument("--version", default="", help="where the convention has one")
    parser.add_argument("--weight", type=int, default=DEFAULT_WEIGHT, metavar="N", help="default 100")
    parser.add_argument("--metadata", action="append", default=[], metavar="KEY=VALUE", help="repeatable")
    parser.add_argument("--ttl", type=duration, default=10, metavar="TIME", help="of the lease (default 10s)")
    add_etcd(parser)


def _run(args: argparse.Namespace) -> int:
    asyncio.run(_register(args))
    return 0


async def _register(args: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with registry_of(args) as registry, _registrar(registry, args) as registrar:
        await _stay(registrar, stopped)


def _registrar(registry: Registry, args: argparse.Namespace) -> Registrar:
    from lbdash.registry.registrar import Registrar

    metadata = dict(_pair(text) for text in args.metadata)
    options = {"version": args.version, "weight": args.weight, "metadata": metadata, "ttl_s": args.ttl}
    try:
        return Registrar(registry, args.convention, args.service, args.address, **options)
    except ValueError as error:
        raise usage(str(error)) from None


async def _stay(registrar: Registrar, stopped: asyncio.Event) -> None:
    """Say when it is registered, and why it is not while it is not."""
    said = ""
    while not stopped.is_set():
        key, _ = registrar.entry(registrar.lease)
        there = registrar.registered.is_set()
        now = f"registered {key.decode()}" if there else registrar.problem or "waiting for etcd"
        if now != said:
            (say if there else note)(now)
            said = now
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await stopped.wait()


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise usage(f"--metadata {text!r} is not KEY=VALUE")
    return key, value
