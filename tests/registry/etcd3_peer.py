"""The `etcd3` package of 2020 as an independent witness of what we write and read.

Its generated stubs do not load on today's protobuf, but the descriptors inside them do: they are read without
being run, put in a pool of their own, and given to the otherwise unmodified package.
"""

from __future__ import annotations

import ast
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

SERVICES = ("KV", "Watch", "Lease", "Cluster", "Maintenance", "Auth")


def etcd3() -> Any:
    """The package, imported once."""
    if "etcd3.etcdrpc" not in sys.modules:
        sys.modules["etcd3.etcdrpc"] = _stubs()
    import etcd3

    return etcd3


def _stubs() -> ModuleType:
    spec = find_spec("etcd3")
    assert spec is not None
    assert spec.origin is not None
    pool = DescriptorPool()
    for name in ("kv", "auth", "rpc"):
        pool.Add(_descriptor(Path(spec.origin).parent / "etcdrpc" / f"{name}_pb2.py"))
    return _module(pool.FindFileByName("rpc.proto"))


def _descriptor(source: Path) -> descriptor_pb2.FileDescriptorProto:
    """The one `serialized_pb=` literal of a generated module."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.keyword) and node.arg == "serialized_pb":
            return descriptor_pb2.FileDescriptorProto.FromString(_bytes(node.value))
    raise AssertionError(f"no descriptor in {source}")


def _bytes(literal: ast.expr) -> bytes:
    """Either b"..." or, from the days of Python 2, _b("...")."""
    value = literal.args[0] if isinstance(literal, ast.Call) else literal
    found = ast.literal_eval(value)
    return found if isinstance(found, bytes) else found.encode("latin1")


def _module(file: Any) -> ModuleType:
    module = ModuleType("etcd3.etcdrpc")
    for name, message in file.message_types_by_name.items():
        setattr(module, name, GetMessageClass(message))
    for enum in file.enum_types_by_name.values():
        for value in enum.values:
            setattr(module, value.name, value.number)
    for name in SERVICES:
        setattr(module, f"{name}Stub", _stub(file.services_by_name[name]))
    return module


def _stub(service: Any) -> Any:
    def stub(channel: Any) -> SimpleNamespace:
        return SimpleNamespace(**{method.name: _method(channel, service, method) for method in service.methods})

    return stub


def _method(channel: Any, service: Any, method: Any) -> Any:
    kinds = {False: "unary", True: "stream"}
    call = getattr(channel, f"{kinds[method.client_streaming]}_{kinds[method.server_streaming]}")
    return call(
        f"/{service.full_name}/{method.name}",
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
