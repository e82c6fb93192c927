"""The command line. `main` is the console script; each command group is one module with an `add`.

Everything but `serve`, `demo` and `token` runs on the base install (grpcio and protobuf).
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from lbdash.cli.errors import CliError, Exit
from lbdash.config import ConfigError

_GROUPS = ("serve", "demo", "see", "drain", "routing", "undo", "register", "discover", "grants", "token", "bootstrap")
_EPILOG = """\
start here:
  lbdash demo                                        a fleet to play with, nothing else needed
  lbdash discover --etcd HOST:PORT                   what is in your etcd, and the --watch lines that fit
  lbdash serve --etcd HOST:PORT --watch /svc/        the dashboard over it, read-only

`lbdash COMMAND --help` has examples. Every option of `serve` is also a variable: --http is LBDASH_HTTP.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code; see `errors.Exit`."""
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except CliError as error:
        return _complain(str(error), error.hint, error.code)
    except ConfigError as error:
        return _complain(str(error), "", Exit.USAGE)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:  # `lbdash services | head`: the reader left, which is not our failure
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lbdash",
        description="See, explain and steer gRPC client-side load balancing.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lbdash {version('lbdash')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in _GROUPS:
        importlib.import_module(f"lbdash.cli.{group}").add(commands)
    return parser


def _complain(text: str, hint: str, code: Exit) -> int:
    print(f"lbdash: {text}", *([hint] if hint else []), sep="\n  ", file=sys.stderr)
    return code
