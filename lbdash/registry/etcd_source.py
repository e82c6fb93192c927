"""What a healing watch needs of etcd: lists at one revision, and feeds."""

from __future__ import annotations

from lbdash.proto import etcd_pb2 as pb
from lbdash.registry.etcd_errors import is_compacted, is_too_large
from lbdash.registry.etcd_feed import EtcdFeed, open_feed
from lbdash.registry.etcd_messages import key_value_of, range_end
from lbdash.registry.etcd_wire import Wire
from lbdash.registry.kv import KeyValue, Listing, RegistryError, RegistryUnavailable
from lbdash.registry.watch import Tuning

PAGE = 500  # keys in one answer; less when the values are large


class EtcdSource:
    """Implements `watch.Source`."""

    def __init__(self, wire: Wire, tuning: Tuning) -> None:
        self.closed, self.tuning = wire.closed, tuning
        self._wire = wire

    async def open(self, prefix: bytes, start_revision: int) -> EtcdFeed:
        return await open_feed(self._wire, prefix, start_revision, self.tuning)

    def renew_token(self) -> bool:
        return self._wire.renew_token()

    async def list(
        self, prefix: bytes, *, serializable: bool = True, limit: int = 0, keys_only: bool = False
    ) -> Listing:
        """Starts over when its revision is compacted away meanwhile, or when a page is too large to receive."""
        what = f"list {prefix.decode(errors='backslashreplace')[:200]}"
        request = pb.RangeRequest(range_end=range_end(prefix), serializable=serializable, keys_only=keys_only)
        page = PAGE
        for _ in range(5):
            try:
                return await self._pages(prefix, request, limit, page, what)
            except RegistryError as error:
                if is_too_large(error) and page > 1:
                    page = max(1, page // 8)
                elif not is_compacted(error):
                    raise
        raise RegistryUnavailable(f"{what}: etcd compacts faster than it can be read")

    async def _pages(self, prefix: bytes, request: pb.RangeRequest, limit: int, page: int, what: str) -> Listing:
        request.key, request.revision = prefix or b"\0", 0
        items: list[KeyValue] = []
        while True:
            request.limit = min(page, limit - len(items)) if limit else page
            answer = await self._wire.call("/etcdserverpb.KV/Range", request, pb.RangeResponse, what)
            request.revision = request.revision or answer.header.revision
            items += map(key_value_of, answer.kvs)
            if not answer.more or (limit and len(items) >= limit):
                return Listing(tuple(items), request.revision, answer.header.cluster_id)
            request.key = answer.kvs[-1].key + b"\0"
