"""Holds JSON against the schemas the API publishes: the part of JSON Schema that they use."""

from __future__ import annotations

from typing import Any

from lbdash.web.api.schemas import SCHEMAS
from lbdash.web.api.schemas_control import CONTROL_SCHEMAS

ALL = {**SCHEMAS, **CONTROL_SCHEMAS}
_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def check(value: Any, schema: dict[str, Any], where: str = "$") -> None:
    """AssertionError names the place."""
    if "$ref" in schema:
        schema = ALL[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        assert any(fits(value, one) for one in schema["anyOf"]), f"{where}: {value!r} fits none"
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r}"
    if "type" in schema:
        kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        assert any(is_a(value, kind) for kind in kinds), f"{where}: {value!r} is no {kinds}"
    if isinstance(value, dict):
        _check_object(value, schema, where)
    if isinstance(value, list):
        for number, item in enumerate(value):
            check(item, schema.get("items", {}), f"{where}[{number}]")


def _check_object(value: dict[str, Any], schema: dict[str, Any], where: str) -> None:
    missing = set(schema.get("required", ())) - set(value)
    assert not missing, f"{where} lacks {missing}"
    others = schema.get("additionalProperties", {})
    for name, item in value.items():
        found = schema.get("properties", {}).get(name, others)
        assert found is not False, f"{where}.{name} is not in the schema"
        check(item, found, f"{where}.{name}")


def fits(value: Any, schema: dict[str, Any]) -> bool:
    try:
        check(value, schema)
    except AssertionError:
        return False
    return True


def is_a(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))
