"""What every convention starts from: one key and value made safe, and what all registrations share.

Keys and values are written by whoever may write to etcd. Whatever is kept is text without control
characters and lone surrogates, and short; whatever is too large or too deep is a problem, not a crash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lbdash.model import (
    DEFAULT_WEIGHT,
    MAX_WEIGHT,
    AddressError,
    Problem,
    Registration,
    canonical_address,
    is_unroutable,
)
from lbdash.registry.kv import KeyValue

MAX_VALUE = 256 << 10  # bytes; larger values are not read
MAX_KEY = 1000
MAX_NAME = 300
MAX_TEXT = 256
MAX_METADATA = 32  # entries
_UNSHOWN = "\N{REPLACEMENT CHARACTER}"  # for control characters, lone surrogates, changes of direction


@dataclass(frozen=True)
class Item:
    """One key and value. `document` is the value as JSON, None when it is none: then `problem` says why."""

    kv: KeyValue

    @cached_property
    def key(self) -> str:
        return key_text(self.kv.key)

    @cached_property
    def directory(self) -> str:
        """The key without its last segment and without the slash before it."""
        return self.key.rpartition("/")[0]

    @cached_property
    def id(self) -> str:
        return self.key.rpartition("/")[2]

    @cached_property
    def text(self) -> str:
        return clean(self.kv.value[: 4 * MAX_TEXT].decode(errors="replace"))

    @property
    def document(self) -> Any:
        return self._read[0]

    @property
    def problem(self) -> Problem | None:
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[Any, Problem | None]:
        if len(self.kv.value) > MAX_VALUE:
            size = len(self.kv.value) >> 10
            return None, Problem("too_large", f"the value has {size} KiB; up to {MAX_VALUE >> 10} are read", "error")
        try:
            return json.loads(self.kv.value), None
        except RecursionError:
            return None, Problem("bad_json", "the value is nested too deeply", "error")
        except ValueError:  # also undecodable bytes and absurd numbers
            return None, Problem("bad_json", f"the value is not JSON: {self.text[:60]!r}", "error")


@dataclass(frozen=True, slots=True)
class Instance:
    """What a service says of itself when it registers. `id` makes its key unique, where there is room for one."""

    address: str
    id: str = ""
    version: str = ""
    weight: int = DEFAULT_WEIGHT
    metadata: Mapping[str, str] = field(default_factory=dict)

    def tagged(self) -> dict[str, str]:
        """Metadata with the weight in it, for conventions that have no field of their own."""
        return dict(self.metadata) | ({"weight": str(self.weight)} if self.weight != DEFAULT_WEIGHT else {})


def register(
    item: Item,
    convention: str,
    service: str,
    address: object,
    *,
    version: object = "",
    online: bool = True,
    metadata: object = None,
    problems: tuple[Problem, ...] = (),
) -> Registration:
    """A registration from what a convention found, with the problems that all conventions share."""
    canonical, wrong = read_address(address)
    kept = read_metadata(metadata)
    weight, unweighable = read_weight(kept.get("weight"))
    return Registration(
        key=item.key,
        service=clean(service, MAX_NAME),
        convention=convention,
        id=clean(item.id, MAX_NAME),
        address=canonical,
        version=clean(version, MAX_TEXT) if isinstance(version, str) else "",
        weight=weight,
        online=online,
        metadata=kept,
        lease=item.kv.lease,
        create_revision=item.kv.create_revision,
        mod_revision=item.kv.mod_revision,
        problems=(*problems, *wrong, *unweighable, *_lease(item.kv)),
    )


def unreadable(item: Item, convention: str, service: str, problem: Problem) -> Registration:
    """A registration whose value says nothing: kept, shown and counted, but nobody can dial it."""
    return Registration(
        key=item.key,
        service=clean(service, MAX_NAME),
        convention=convention,
        id=clean(item.id, MAX_NAME),
        address="",
        lease=item.kv.lease,
        create_revision=item.kv.create_revision,
        mod_revision=item.kv.mod_revision,
        problems=(problem, *_lease(item.kv)),
    )


def read_address(address: object) -> tuple[str, tuple[Problem, ...]]:
    """The canonical address, "" when there is none; and what is wrong with it."""
    if not isinstance(address, str) or not address:
        return "", (Problem("no_address", "the value names no address", "error"),)
    try:
        canonical = canonical_address(address)
    except AddressError as error:
        return "", (Problem("bad_address", clean(str(error)), "error"),)
    if is_unroutable(canonical):
        return canonical, (Problem("unroutable", f"{canonical} can be dialled by nobody", "error"),)
    return canonical, ()


def read_weight(weight: str | None) -> tuple[int, tuple[Problem, ...]]:
    """Registered weights live in the metadata (kratos began it). Falls back to the default."""
    if weight is None:
        return DEFAULT_WEIGHT, ()
    if weight.isascii() and weight.isdigit() and len(weight) <= 5 and 1 <= int(weight) <= MAX_WEIGHT:
        return int(weight), ()
    text = f"weight {weight[:20]!r} is not in 1..{MAX_WEIGHT}; {DEFAULT_WEIGHT} is used"
    return DEFAULT_WEIGHT, (Problem("bad_weight", text),)


def read_metadata(metadata: object) -> dict[str, str]:
    """Text to text, the first 32 entries; what is not a map is kept under "metadata"."""
    if metadata is None:
        return {}
    if not isinstance(metadata, dict):
        return {"metadata": _shown(metadata)}
    return {clean(key, 64): _shown(value) for key, value in list(metadata.items())[:MAX_METADATA]}


def key_text(key: bytes) -> str:
    """A key as text, one to one: what cannot be shown is escaped, a huge key ends in its hash."""
    text = key.replace(b"\\", b"\\\\").decode(errors="backslashreplace")
    if not text.isprintable():
        text = "".join(c if c.isprintable() else _escaped(c) for c in text)
    if len(text) <= MAX_KEY:
        return text
    return f"{text[:MAX_KEY]}…{hashlib.sha256(key).hexdigest()[:16]}"


def _escaped(character: str) -> str:
    """Never `\\x..`: that is how a byte that is no UTF-8 looks."""
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def clean(text: str, limit: int = MAX_TEXT) -> str:
    """Text that can be shown, logged and encoded, of at most `limit` characters."""
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    return short if short.isprintable() else "".join(c if c.isprintable() else _UNSHOWN for c in short)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return clean(value)
    try:
        return clean(json.dumps(value, separators=(",", ":")))
    except RecursionError:
        return "…"


def _lease(kv: KeyValue) -> tuple[Problem, ...]:
    if kv.lease:
        return ()
    return (Problem("no_lease", "the key has no lease: it stays when its process dies"),)
