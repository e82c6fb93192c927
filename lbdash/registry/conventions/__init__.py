"""How registrations are written, one convention a file: from key and value to `Registration`, and back."""

from __future__ import annotations

from typing import Protocol

from lbdash.model import Problem, Registration
from lbdash.registry.conventions.detect import UNKNOWN, detect
from lbdash.registry.conventions.etcd_naming import EtcdNaming
from lbdash.registry.conventions.gozero import HostPort
from lbdash.registry.conventions.hwholiday import Hwholiday
from lbdash.registry.conventions.item import Instance, Item, key_text, unreadable
from lbdash.registry.kv import KeyValue

__all__ = ["CONVENTIONS", "Convention", "Instance", "by_name", "key_text", "parse"]


class Convention(Protocol):
    @property
    def name(self) -> str: ...

    def service_name(self, directory: str) -> str:
        """The service of the keys under `directory` (a key without its last segment), in the convention's spelling."""
        ...

    def watch_prefix(self, service: str) -> str:
        """What to watch for `service`; ends in a slash, so `/svc/app` never sees `/svc/app2`."""
        ...

    def parse(self, item: Item) -> Registration:
        """Never raises: what is wrong becomes `Registration.problems`."""
        ...

    def encode(self, service: str, instance: Instance, lease: int) -> tuple[str, str]:
        """Key and value to write. Raises ValueError for what the convention cannot carry."""
        ...


CONVENTIONS: dict[str, Convention] = {
    c.name: c for c in (Hwholiday(), EtcdNaming(), HostPort("gozero"), HostPort("plain"))
}


def by_name(name: str) -> Convention:
    """Raises ValueError, which lists the names there are."""
    if name not in CONVENTIONS:
        raise ValueError(f"unknown convention {name!r}; there are {', '.join(CONVENTIONS)}")
    return CONVENTIONS[name]


def parse(kv: KeyValue, convention: str = "") -> Registration:
    """Never raises on any key or value. Without a `convention` (one of `CONVENTIONS`) it is detected."""
    item = Item(kv)
    name = convention or detect(item)
    if name in CONVENTIONS:
        return CONVENTIONS[name].parse(item)
    if name == UNKNOWN:
        problem = item.problem or Problem("unrecognised", "no convention we know writes such a value", "error")
    else:
        problem = Problem("unsupported", f"this looks like {name}, which is not read yet")
    return unreadable(item, name, item.directory, problem)
