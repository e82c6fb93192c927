"""Between etcd's messages and the registry's words."""

from __future__ import annotations

from lbdash.proto import etcd_pb2 as pb
from lbdash.registry.kv import Delete, KeyValue, Put, Unchanged, WatchDelete, WatchPut


def range_end(prefix: bytes) -> bytes:
    """etcd's end of the range of all keys that start with `prefix`; "\\0" = without end."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1]) if stem else b"\0"


def key_value_of(kv: pb.KeyValue) -> KeyValue:
    return KeyValue(kv.key, kv.value, kv.create_revision, kv.mod_revision, kv.version, kv.lease)


def event_of(event: pb.Event) -> WatchPut | WatchDelete:
    if event.type == pb.Event.DELETE:
        return WatchDelete(event.kv.key, event.kv.mod_revision)
    return WatchPut(key_value_of(event.kv))


def compare_of(compare: Unchanged) -> pb.Compare:
    return pb.Compare(
        result=pb.Compare.EQUAL, target=pb.Compare.MOD, key=compare.key, mod_revision=compare.mod_revision
    )


def operation_of(operation: Put | Delete) -> pb.RequestOp:
    if isinstance(operation, Delete):
        return pb.RequestOp(request_delete_range=pb.DeleteRangeRequest(key=operation.key))
    put = pb.PutRequest(key=operation.key, value=operation.value, lease=operation.lease)
    return pb.RequestOp(request_put=put)
