"""go-zero: `<Key>/<lease or id, a decimal number>` and a bare `host:port`. `plain` is the same without the number."""

from __future__ import annotations

from lbdash.model import DEFAULT_WEIGHT, Problem, Registration
from lbdash.registry.conventions.item import Instance, Item, register, unreadable


class HostPort:
    def __init__(self, name: str) -> None:
        self.name = name

    def service_name(self, directory: str) -> str:
        return directory

    def watch_prefix(self, service: str) -> str:
        return f"{service}/"

    def parse(self, item: Item) -> Registration:
        service = self.service_name(item.directory)
        if not item.text or len(item.kv.value) > 300:
            return unreadable(item, self.name, service, Problem("bad_value", "the value is no host:port", "error"))
        return register(item, self.name, service, item.text)

    def encode(self, service: str, instance: Instance, lease: int) -> tuple[str, str]:
        """Raises ValueError for what a bare address cannot carry."""
        if instance.version or instance.metadata or instance.weight != DEFAULT_WEIGHT:
            raise ValueError(f"{self.name}: the value is host:port alone; it carries no version, weight or metadata")
        return f"{service}/{lease if self.name == 'gozero' else instance.id}", instance.address
