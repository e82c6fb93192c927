"""One watch stream of etcd, as a `watch.Feed`: opened, read, and kept honest by asking for life.

etcd says nothing while nothing changes, so a frozen server and a quiet prefix look alike. A progress
request every few seconds on the stream tells them apart; it is one small message, not a request of its own.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from lbdash.proto import etcd_pb2 as pb
from lbdash.registry.etcd_errors import describe, is_denied
from lbdash.registry.etcd_messages import event_of, range_end
from lbdash.registry.etcd_stream import Stream
from lbdash.registry.etcd_wire import Wire
from lbdash.registry.kv import PermissionDenied, RegistryError, RegistryUnavailable
from lbdash.registry.watch import Compacted, Delivery, Tuning
from lbdash.tasks import spawn, stop

_PROGRESS = pb.WatchRequest(progress_request=pb.WatchProgressRequest())


class EtcdFeed:
    """Made by `open_feed`."""

    def __init__(self, stream: Stream[pb.WatchResponse], what: str, tuning: Tuning) -> None:
        self.revision = self.cluster_id = 0
        self._stream, self._what, self._tuning = stream, what, tuning
        self._reading_since: float | None = None
        self._silent = False
        self._heart = spawn(self._beat(), "etcd watch heartbeat")

    async def start(self, prefix: bytes, start_revision: int) -> None:
        """Returns once etcd has accepted the watch."""
        create = pb.WatchCreateRequest(
            key=prefix or b"\0",
            range_end=range_end(prefix),
            start_revision=start_revision,
            progress_notify=True,
            fragment=True,
        )
        await self._stream.write(pb.WatchRequest(create_request=create))
        created = await self._read()
        while not created.created:  # an answer to a progress request may overtake it
            created = await self._read()
        self.revision, self.cluster_id = created.header.revision, created.header.cluster_id

    async def next(self) -> Delivery:
        answer = await self._read()
        if answer.events:
            # The header may be ahead of the events: catching up comes in parts that all bear the newest revision.
            # Revisions come whole, save in a fragment: complete is then only what came before its last one.
            last: int = answer.events[-1].kv.mod_revision
            return Delivery(tuple(map(event_of, answer.events)), last - 1 if answer.fragment else last)
        # The answer to a progress *request* (watch id -1) may overtake events before etcd 3.5.8 and
        # 3.4.25, so its revision proves nothing; a progress *notification* comes in order.
        return Delivery(revision=answer.header.revision if answer.watch_id >= 0 else 0)

    async def close(self) -> None:
        self._stream.cancel()
        await stop(self._heart)

    # ---- inside

    async def _read(self) -> pb.WatchResponse:
        self._reading_since = _now()
        try:
            answer = await self._stream.read()
        except RegistryUnavailable:
            if not self._silent:
                raise
            self._stream.leave()
            raise RegistryUnavailable(f"{self._what}: etcd was silent for {self._tuning.silence:g} s") from None
        finally:
            self._reading_since = None
        if answer.canceled:
            raise self._refusal(answer)
        return answer

    async def _beat(self) -> None:
        """Only a pending read can tell silence: while our own consumer is slow, nobody listens."""
        with suppress(RegistryError):  # the reader is told the same, and answers it
            while not self._silent:
                await asyncio.sleep(self._tuning.heartbeat)
                if self._reading_since is None:
                    continue
                if _now() - self._reading_since > self._tuning.silence:
                    self._silent = True
                    self._stream.cancel()
                else:
                    await self._stream.write(_PROGRESS)

    def _refusal(self, answer: pb.WatchResponse) -> RegistryError:
        reason = answer.cancel_reason
        if answer.compact_revision:
            return Compacted(f"{self._what}: compacted up to {answer.compact_revision}")
        if is_denied(reason) or (answer.created and not reason):
            return PermissionDenied(describe(self._what, reason or "permission denied"))
        self._stream.leave()
        return RegistryUnavailable(describe(self._what, reason))


async def open_feed(wire: Wire, prefix: bytes, start_revision: int, tuning: Tuning) -> EtcdFeed:
    what = f"watch {prefix.decode(errors='backslashreplace')}"
    # hasleader: a member without a leader ends the watch, instead of keeping quiet for ever
    stream = await wire.stream("/etcdserverpb.Watch/Watch", pb.WatchResponse, what, ("hasleader", "true"))
    feed = EtcdFeed(stream, what, tuning)
    try:
        await feed.start(prefix, start_revision)
    except BaseException:
        await feed.close()
        raise
    return feed


def _now() -> float:
    return asyncio.get_running_loop().time()
