"""The registry protocol over etcd's v3 API, spoken on grpc.aio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from lbdash.proto import etcd_pb2 as pb
from lbdash.registry.endpoints import Endpoint, parse_endpoint, parse_endpoints
from lbdash.registry.etcd_access import Access
from lbdash.registry.etcd_messages import compare_of, key_value_of, operation_of
from lbdash.registry.etcd_source import EtcdSource
from lbdash.registry.etcd_wire import Wire
from lbdash.registry.kv import (
    Delete,
    KeyValue,
    LeaseNotFound,
    Listing,
    Put,
    RegistryError,
    RegistryStats,
    TxnResult,
    Unchanged,
    WatchMessage,
)
from lbdash.registry.watch import HealingWatch, Tuning

__all__ = ["EtcdRegistry", "parse_endpoints"]

KV, LEASE, MAINTENANCE = "/etcdserverpb.KV/", "/etcdserverpb.Lease/", "/etcdserverpb.Maintenance/"


class EtcdRegistry:
    """Implements `kv.Registry`. Connects at the first request; must be made and used in one event loop.

    `endpoints`: `host:port`, `http://...` or `https://...`, tried in turn. `ca`, `cert`, `key`: PEM files.
    `timeout`: seconds for one request. Raises ValueError for endpoints or credentials that cannot be.
    """

    def __init__(
        self,
        endpoints: Sequence[str | Endpoint],
        *,
        user: str | None = None,
        password: str | None = None,
        ca: str | None = None,
        cert: str | None = None,
        key: str | None = None,
        timeout: float = 5.0,
        tuning: Tuning | None = None,
    ) -> None:
        parsed = [parse_endpoint(e) if isinstance(e, str) else e for e in endpoints]
        self._wire = Wire(parsed, Access(user, password, ca, cert, key), timeout)
        self._source = EtcdSource(self._wire, tuning or Tuning())
        self._watches = 0

    def __repr__(self) -> str:
        return f"<EtcdRegistry {self._wire}>"

    # ---- keys

    async def get(self, key: bytes) -> KeyValue | None:
        answer = await self._wire.call(KV + "Range", pb.RangeRequest(key=key), pb.RangeResponse, _named("get", key))
        return key_value_of(answer.kvs[0]) if answer.kvs else None

    async def list(self, prefix: bytes, *, limit: int = 0, keys_only: bool = False) -> Listing:
        return await self._source.list(prefix, limit=limit, keys_only=keys_only)

    async def put(self, key: bytes, value: bytes, *, lease: int = 0) -> int:
        request = pb.PutRequest(key=key, value=value, lease=lease)
        answer = await self._wire.call(KV + "Put", request, pb.PutResponse, _named("put", key))
        return answer.header.revision

    async def delete(self, key: bytes) -> int:
        request = pb.DeleteRangeRequest(key=key)
        answer = await self._wire.call(KV + "DeleteRange", request, pb.DeleteRangeResponse, _named("delete", key))
        return answer.header.revision

    async def txn(self, compare: Sequence[Unchanged], success: Sequence[Put | Delete]) -> TxnResult:
        request = pb.TxnRequest(
            compare=map(compare_of, compare),
            success=map(operation_of, success),
            failure=[pb.RequestOp(request_range=pb.RangeRequest(key=c.key)) for c in compare],
        )
        answer = await self._wire.call(KV + "Txn", request, pb.TxnResponse, "transaction")
        found = () if answer.succeeded else [kv for r in answer.responses for kv in r.response_range.kvs]
        return TxnResult(answer.succeeded, answer.header.revision, tuple(map(key_value_of, found)))

    async def watch(self, prefix: bytes) -> AsyncGenerator[WatchMessage, None]:
        self._watches += 1
        try:
            async with aclosing(HealingWatch(self._source, prefix, self._source.tuning).messages()) as messages:
                async for message in messages:
                    yield message
        finally:
            self._watches -= 1

    # ---- leases

    async def lease_grant(self, ttl_s: int) -> int:
        if ttl_s <= 0:  # etcd would grant its minimum
            raise RegistryError(f"grant a lease: the TTL must be at least 1 s, not {ttl_s}")
        request = pb.LeaseGrantRequest(TTL=ttl_s)
        answer = await self._wire.call(LEASE + "LeaseGrant", request, pb.LeaseGrantResponse, "grant a lease")
        if answer.error:
            raise RegistryError(f"grant a lease: {answer.error}")
        return answer.ID

    async def lease_keepalive(self, lease: int) -> int:
        what = f"keep lease {lease:x} alive"
        method, timeout = LEASE + "LeaseKeepAlive", self._wire.timeout
        stream = await self._wire.stream(method, pb.LeaseKeepAliveResponse, what, deadline=timeout)
        try:
            await stream.write(pb.LeaseKeepAliveRequest(ID=lease))
            answer = await stream.read()
        finally:
            stream.cancel()
        if answer.TTL <= 0:
            raise LeaseNotFound(f"{what}: it is gone")
        return answer.TTL

    async def lease_revoke(self, lease: int) -> None:
        request = pb.LeaseRevokeRequest(ID=lease)
        what = f"revoke lease {lease:x}"
        await self._wire.call(LEASE + "LeaseRevoke", request, pb.LeaseRevokeResponse, what)

    async def lease_ttl(self, lease: int) -> int | None:
        request = pb.LeaseTimeToLiveRequest(ID=lease)
        what = f"time to live of lease {lease:x}"
        answer = await self._wire.call(LEASE + "LeaseTimeToLive", request, pb.LeaseTimeToLiveResponse, what)
        return answer.TTL if answer.TTL >= 0 else None

    # ---- etcd itself

    async def cluster_id(self) -> int:
        answer = await self._wire.call(MAINTENANCE + "Status", pb.StatusRequest(), pb.StatusResponse, "status")
        return answer.header.cluster_id

    async def alarms(self) -> tuple[str, ...]:
        request = pb.AlarmRequest(action=pb.AlarmRequest.GET)
        answer = await self._wire.call(MAINTENANCE + "Alarm", request, pb.AlarmResponse, "alarms")
        return tuple(sorted({pb.AlarmType.Name(member.alarm) for member in answer.alarms}))

    def stats(self) -> RegistryStats:
        return self._wire.stats(self._watches)

    async def close(self) -> None:
        """Ends all watches and requests."""
        await self._wire.close()


def _named(verb: str, key: bytes) -> str:
    return f"{verb} {key.decode(errors='backslashreplace')[:200]}"
