"""Options that several commands share, and how they become objects."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from lbdash.cli.api import Api
from lbdash.cli.errors import CliError, Exit
from lbdash.config import Config, Remote, Tls, split

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Run = Callable[[argparse.Namespace], int]
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def command(commands: Commands, name: str, run: Run, summary: str, examples: str = "") -> argparse.ArgumentParser:
    """A subcommand that `run` carries out; `examples` are printed under its help as they are."""
    epilog = f"examples:\n{examples}" if examples else None
    parser = commands.add_parser(
        name, help=summary, description=summary, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(run=run)
    return parser


# ---- a dashboard that runs


def add_api(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("dashboard")
    group.add_argument("--url", help="its address (LBDASH_URL; default http://127.0.0.1:8000)")
    group.add_argument("--token-file", metavar="FILE", help="a file that holds the API token (or LBDASH_TOKEN)")
    parser.add_argument("--json", action="store_true", help="print the API's JSON instead of tables")


def add_watch(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--watch", nargs="?", const=2.0, type=_interval, metavar="SECONDS", help="print again every 2 s, until Ctrl-C"
    )


def api_of(args: argparse.Namespace) -> Api:
    remote = Remote.from_env()
    return Api(args.url or remote.url, _secret("--token-file", args.token_file) or remote.token)


def _secret(option: str, path: str | None) -> str:
    """What the file holds; "" when none was named."""
    if path is None:
        return ""
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise CliError(f"{option} {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CliError(f"{option} {path} is not text") from None


# ---- an etcd


def add_etcd(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    group = parser.add_argument_group(
        "etcd", "The password is read from LBDASH_ETCD_PASSWORD or a file, never from here."
    )
    group.add_argument("--etcd", metavar="HOST:PORT,..", help="endpoints (LBDASH_ETCD; default 127.0.0.1:2379)")
    group.add_argument("--etcd-user", metavar="NAME", help="(LBDASH_ETCD_USER)")
    group.add_argument("--etcd-password-file", metavar="FILE")
    add_tls(group, "etcd")
    return group


def add_tls(group: argparse._ArgumentGroup, name: str) -> None:
    for part, meaning in (
        ("ca", "trust this authority"),
        ("cert", "our certificate"),
        ("key", "our certificate's key"),
    ):
        variable = f"LBDASH_{name.upper()}_{part.upper()}"
        group.add_argument(f"--{name}-{part}", metavar="PEM", help=f"{meaning} ({variable})")


def etcd_overrides(args: argparse.Namespace) -> dict[str, Any]:
    """For `Config.from_env`; None where nothing was said."""
    return {
        "etcd": split(args.etcd) if args.etcd else None,
        "etcd_user": args.etcd_user,
        "etcd_password": _secret("--etcd-password-file", args.etcd_password_file) or None,
        "etcd_tls": tls_override(args, "etcd"),
    }


def tls_override(args: argparse.Namespace, name: str) -> Tls | None:
    """What was given, over what the environment says."""
    given = {part: getattr(args, f"{name}_{part}") for part in ("ca", "cert", "key")}
    if not any(given.values()):
        return None
    base: Tls = getattr(Config.from_env(), f"{name}_tls")
    return Tls(**{part: value or getattr(base, part) for part, value in given.items()})


# ---- values


def duration(text: str) -> int:
    """`90s`, `30m`, `4h`, `2d` or plain seconds, as whole seconds."""
    match = re.fullmatch(r"(\d+)([smhd]?)", text)
    if not match or not int(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 90s, 30m, 4h or 2d")
    return int(match[1]) * _UNITS[match[2] or "s"]


def duration_or_permanent(text: str) -> int | None:
    return None if text == "permanent" else duration(text)


def _interval(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds") from None
    if not 0.2 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("between 0.2 and 3600 seconds, please")
    return seconds


def usage(text: str, hint: str = "") -> CliError:
    """For what argparse cannot check."""
    return CliError(text, hint, Exit.USAGE)
