"""etcd's own `naming/endpoints`: `<service>/<anything>` and `{"Op":0,"Addr":"host:port","Metadata":any}`."""

from __future__ import annotations

import json

from lbdash.model import Problem, Registration
from lbdash.registry.conventions.item import Instance, Item, register, unreadable


class EtcdNaming:
    name = "etcd"

    def service_name(self, directory: str) -> str:
        return directory

    def watch_prefix(self, service: str) -> str:
        return f"{service}/"

    def parse(self, item: Item) -> Registration:
        document = item.document
        if not isinstance(document, dict) or "Addr" not in document:
            problem = item.problem or Problem("bad_value", "the value has no Addr", "error")
            return unreadable(item, self.name, self.service_name(item.directory), problem)
        address, metadata = document["Addr"], document.get("Metadata")
        service = _directory(item, address)
        version = metadata.get("version") if isinstance(metadata, dict) else ""
        return register(item, self.name, self.service_name(service), address, version=version, metadata=metadata)

    def encode(self, service: str, instance: Instance, lease: int) -> tuple[str, str]:
        metadata = instance.tagged() | ({"version": instance.version} if instance.version else {})
        value = {"Op": 0, "Addr": instance.address, "Metadata": metadata or None}
        return f"{service}/{instance.address}", json.dumps(value, separators=(",", ":"))


def _directory(item: Item, address: object) -> str:
    """The last part of a key is usually the address, which may hold slashes (`unix:/run/x`)."""
    if isinstance(address, str) and address and item.key.endswith(f"/{address}"):
        return item.key.removesuffix(f"/{address}")
    return item.directory
