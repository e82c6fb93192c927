"""The registry protocol over etcd's v3 API, spoken on grpc.aio."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import grpc

from lbdash.proto import etcd_pb2 as pb
from lbdash.registry.endpoints import Endpoint, parse_endpoint, parse_endpoints
from lbdash.registry.etcd_errors import is_compacted, is_too_large
from lbdash.registry.etcd_feed import EtcdFeed, open_feed
from lbdash.registry.etcd_messages import compare_of, key_value_of, operation_of, range_end
from lbdash.registry.etcd_wire import Access, Wire, task_cancelled
from lbdash.registry.kv import (
    Delete,
    KeyValue,
    LeaseNotFound,
    Listing,
    Put,
    RegistryError,
    RegistryStats,
    RegistryUnavailable,
    TxnResult,
    Unchanged,
    WatchMessage,
)
from lbdash.registry.watch import HealingWatch, Tuning

__all__ = ["EtcdRegistry", "parse_endpoints"]

PAGE = 500  # keys in one answer; less when the values are large
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
        self._tuning = tuning or Tuning()
        self._watches = 0

    def __repr__(self) -> str:
        return f"<EtcdRegistry {self._wire}>"

    # ---- keys

    async def get(self, key: bytes) -> KeyValue | None:
        answer = await self._range(pb.RangeRequest(key=key), _named("get", key))
        return key_value_of(answer.kvs[0]) if answer.kvs else None

    async def list(self, prefix: bytes, *, limit: int = 0, keys_only: bool = False) -> Listing:
        return await self._list(prefix, serializable=True, limit=limit, keys_only=keys_only)

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
            async with aclosing(HealingWatch(_WatchSource(self), prefix, self._tuning).messages()) as messages:
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
        call = await self._wire.stream(
            LEASE + "LeaseKeepAlive", pb.LeaseKeepAliveResponse, what, deadline=self._wire.timeout
        )
        try:
            await call.write(pb.LeaseKeepAliveRequest(ID=lease))
            answer = await call.read()
        except grpc.aio.AioRpcError as error:
            raise self._wire.failed(error, what) from error
        except asyncio.InvalidStateError:
            raise RegistryUnavailable(f"{what}: the stream ended") from None
        except asyncio.CancelledError:
            if task_cancelled():
                raise
            raise RegistryUnavailable(f"{what}: the connection was closed") from None
        finally:
            call.cancel()
        if not isinstance(answer, pb.LeaseKeepAliveResponse):
            raise RegistryUnavailable(f"{what}: the stream ended")
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

    # ---- inside

    async def _range(self, request: pb.RangeRequest, what: str) -> pb.RangeResponse:
        return await self._wire.call(KV + "Range", request, pb.RangeResponse, what)

    async def _list(self, prefix: bytes, *, serializable: bool, limit: int = 0, keys_only: bool = False) -> Listing:
        """Pages at one revision. Starts over when that revision is compacted away meanwhile, or pages are too large."""
        page = PAGE
        for _ in range(5):
            try:
                return await self._pages(prefix, serializable, limit, keys_only, page)
            except RegistryError as error:
                if is_too_large(error) and page > 1:
                    page = max(1, page // 8)
                elif not is_compacted(error):
                    raise
        raise RegistryUnavailable(f"{_named('list', prefix)}: etcd compacts faster than it can be read")

    async def _pages(self, prefix: bytes, serializable: bool, limit: int, keys_only: bool, page: int) -> Listing:
        request = pb.RangeRequest(
            key=prefix or b"\0", range_end=range_end(prefix), serializable=serializable, keys_only=keys_only
        )
        items: list[KeyValue] = []
        while True:
            request.limit = min(page, limit - len(items)) if limit else page
            answer = await self._range(request, _named("list", prefix))
            request.revision = request.revision or answer.header.revision
            items += map(key_value_of, answer.kvs)
            if not answer.more or (limit and len(items) >= limit):
                return Listing(tuple(items), request.revision, answer.header.cluster_id)
            request.key = answer.kvs[-1].key + b"\0"


class _WatchSource:
    """What `HealingWatch` needs of an `EtcdRegistry`."""

    def __init__(self, registry: EtcdRegistry) -> None:
        self._registry = registry
        self._wire = registry._wire
        self.closed = self._wire.closed

    async def list(self, prefix: bytes, *, serializable: bool) -> Listing:
        return await self._registry._list(prefix, serializable=serializable)

    async def open(self, prefix: bytes, start_revision: int) -> EtcdFeed:
        return await open_feed(self._wire, prefix, start_revision, self._registry._tuning)

    def renew_token(self) -> bool:
        return self._wire.renew_token()


def _named(verb: str, key: bytes) -> str:
    return f"{verb} {key.decode(errors='backslashreplace')[:200]}"
