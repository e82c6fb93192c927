"""hwholiday/grpc-lb and its successor hlb-grpc: `/<a>/<b>/<name>/<name>-<uuid>` and JSON with a `node`.

Three generations of the value are about: `endpoints` as a map to text, as a map to objects with `fuse` and
`defaults`, and (hlb-grpc) a `node` with `online`. What differs is not needed here, so one reader takes all.
"""

from __future__ import annotations

import json
from dataclasses import replace

from lbdash.model import Method, Problem, Registration
from lbdash.registry.conventions.item import Instance, Item, clean, register, unreadable

MAX_METHODS = 500  # of one registration; more are not kept


class Hwholiday:
    name = "hwholiday"

    def service_name(self, directory: str) -> str:
        """`/hwholiday/srv/app` is `hwholiday.srv.app`, as its `SetName` spells it."""
        return directory.strip("/").replace("/", ".")

    def watch_prefix(self, service: str) -> str:
        return f"/{service.replace('.', '/')}/"

    def parse(self, item: Item) -> Registration:
        service = self.service_name(item.directory)
        node = item.document.get("node") if isinstance(item.document, dict) else None
        if not isinstance(node, dict):
            problem = item.problem or Problem("bad_value", "the value has no node object", "error")
            return unreadable(item, self.name, service, problem)
        registration = register(
            item,
            self.name,
            service,
            node.get("address"),
            version=node.get("version"),
            online=node.get("online") is not False,
            metadata=item.document.get("metadata"),
            problems=(*_misplaced(item, node), *_unversioned(node)),
        )
        return replace(registration, methods=_methods(item.document.get("endpoints")))

    def encode(self, service: str, instance: Instance, lease: int) -> tuple[str, str]:
        path = self.watch_prefix(service).rstrip("/")
        name = path.rpartition("/")[2]
        node = {
            "name": name,
            "path": path,
            "id": f"{name}-{instance.id}",
            "version": instance.version or "latest",
            "address": instance.address,
        }
        value = {"node": node, "metadata": instance.tagged() or None, "endpoints": {}}
        return f"{path}/{node['id']}", json.dumps(value, separators=(",", ":"))


def _methods(endpoints: object) -> dict[str, Method]:
    """What `SetSrv` wrote; the oldest generation maps to text, which says nothing but that the method is there."""
    if not isinstance(endpoints, dict):
        return {}
    return {clean(name, 100): _method(said) for name, said in list(endpoints.items())[:MAX_METHODS]}


def _method(said: object) -> Method:
    if not isinstance(said, dict):
        return Method()
    limit = said.get("limiting") if said.get("limiting_switch") is True else None
    online = said.get("online") is not False
    return Method(online, max(0, limit) if isinstance(limit, int) and not isinstance(limit, bool) else None)


def _misplaced(item: Item, node: dict[str, object]) -> tuple[Problem, ...]:
    """A key and a value that name different places: somebody copied or edited one of them."""
    for field, here in (("path", item.directory), ("id", item.id)):
        there = node.get(field)
        if isinstance(there, str) and there != here:
            return (Problem("key_mismatch", f"the value says {field} {clean(there, 100)}, the key {clean(here, 100)}"),)
    return ()


def _unversioned(node: dict[str, object]) -> tuple[Problem, ...]:
    if isinstance(node.get("version"), str) and node["version"]:
        return ()
    return (Problem("no_version", "no version: calls that ask for one never get here"),)
