"""The state of lbdash itself: sources, what it costs etcd, whether it may steer. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from lbdash.live.state import Source
from lbdash.live.view import LiveView
from lbdash.registry.kv import RegistryStats
from lbdash.viewmodels.api import Json, moment


@dataclass(frozen=True, slots=True)
class Process:
    """What the view does not know. `cluster_id` and `alarms` None = etcd has not said."""

    name: str
    ready: bool
    control: Sequence[str]  # globs of services it may steer
    endpoints: Sequence[str]
    started_at: float
    cluster_id: int | None
    alarms: Sequence[str] | None
    cost: RegistryStats


def status(view: LiveView, process: Process) -> Json:
    state = view.state
    clients = [client for service in state.services.values() for client in service.clients.values()]
    return {
        "name": process.name,
        "ready": process.ready,
        "control": list(process.control),
        "frozen": asdict(state.freeze) if state.freeze else None,
        "started_at": moment(process.started_at),
        "now": moment(view.now),
        "services": len(state.services),
        "clients": sum(client.gone_at is None for client in clients),
        "sources": [_source(source, view.now) for source in state.sources.values()],
        "etcd": _etcd(process),
        "peers": [{"id": peer.id, "text": peer.text} for peer in state.peers],
        "memory_bytes": dict(view.memory_bytes()),
    }


def _etcd(process: Process) -> Json:
    cost = process.cost
    return {
        "endpoints": list(process.endpoints),
        # Hexadecimal as etcdctl prints it: as a JSON number it would lose digits.
        "cluster_id": None if process.cluster_id is None else f"{process.cluster_id:x}",
        "alarms": None if process.alarms is None else list(process.alarms),
        "rpcs": cost.rpcs,
        "rpcs_by_method": dict(cost.rpcs_by_method),
        "watches": cost.watches,
        "bytes_in": cost.bytes_in,
        "bytes_out": cost.bytes_out,
    }


def _source(source: Source, now: float) -> Json:
    return {
        "name": source.name,
        "kind": source.kind,
        "stale": source.lost_at is not None,
        "reason": source.reason,
        "synced": source.synced,
        "revision": source.revision or None,
        "events": source.events,
        "connected_at": moment(source.connected_at),
        "lost_at": moment(source.lost_at),
        "proven_at": moment(source.proven_at),
        "age_s": None if source.proven_at is None else round(max(0.0, now - source.proven_at), 3),
    }
