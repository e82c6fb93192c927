"""Which convention wrote a key: by the value first, then by the key (SPEC 8.8)."""

from __future__ import annotations

from typing import Any

from lbdash.model import AddressError, canonical_address
from lbdash.registry.conventions.item import Item

UNKNOWN = "invalid"


def detect(item: Item) -> str:
    """A convention's name; `invalid` when neither value nor key look like one we have heard of.

    Some names (`kratos`, `kitex`, `dubbo`, `dubbo-interface`) are known but not read.
    """
    return _by_document(item.document) or _by_text(item) or _by_key(item) or UNKNOWN


def _by_document(document: Any) -> str | None:
    if not isinstance(document, dict):
        return None
    node = document.get("node")
    if isinstance(node, dict) and "address" in node:
        return "hwholiday"
    if document.keys() >= {"Op", "Addr"}:
        return "etcd"
    if document.keys() >= {"id", "name"} and isinstance(document.get("endpoints"), list):
        return "kratos"
    if document.keys() >= {"network", "address"}:
        return "kitex"
    return "dubbo" if document.keys() >= {"ServiceName", "Host", "Port"} else None


def _by_text(item: Item) -> str | None:
    if not item.kv.value:
        return "dubbo-interface" if "/providers/" in item.key else None
    if not _is_address(item.text):
        return None
    return "gozero" if _is_number(item.id) else "plain"


def _by_key(item: Item) -> str | None:
    """For values that say nothing: whose key is it? So a broken value shows up under its own service."""
    name = item.directory.rpartition("/")[2]
    if item.key.startswith("/") and name and item.id.startswith(f"{name}-"):
        return "hwholiday"
    if _is_number(item.id):
        return "gozero"
    return "etcd" if _is_address(item.id) else None


def _is_address(text: str) -> bool:
    try:
        return ":" in text and bool(canonical_address(text))
    except AddressError:
        return False


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
