"""What the screens are looked at with: scenes of registrations, overrides and fleets."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from lbdash.registry.conventions import Instance, by_name
from lbdash.registry.kv import Registry
from tests.browser.fleet import Fleet, Load

SERVICE = "hwholiday.srv.app"
HOSTILE = '<img src=x onerror="window.hurt=1"><b>v</b>'


def _in(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")


STAMP = {"by": "operator@10.0.0.9", "at": _in(-80), "reason": "kernel patch"}


@dataclass
class Scene:
    """`broken`: (service, address, clients) whose SubConns fail. `lost`: the registry goes away."""

    instances: dict[tuple[str, str], list[Instance]] = field(default_factory=dict)  # (convention, service)
    keys: dict[str, str] = field(default_factory=dict)
    fleets: list[Fleet] = field(default_factory=list)
    broken: list[tuple[int, str, int]] = field(default_factory=list)
    lost: bool = False
    history_s: int = 40


def _instances(loads: Mapping[str, Load]) -> list[Instance]:
    return [
        Instance(address, f"{zlib.crc32(address.encode()):08x}", load.version, 100) for address, load in loads.items()
    ]


def _add(scene: Scene, convention: str, fleet: Fleet) -> Fleet:
    scene.instances[convention, fleet.service] = _instances(fleet.loads)
    scene.fleets.append(fleet)
    return fleet


def _app(count: int = 12, clients: int = 42, rps: float = 900.0) -> Fleet:
    loads = {
        f"10.0.{12 + i // 250}.{3 + i % 250}:8089": Load("v1" if i < count * 3 / 4 else "v2") for i in range(count)
    }
    for load in list(loads.values())[count * 3 // 4 :]:
        load.weight = 0.35
    names = [f"{('web', 'cart', 'batch')[i % 3]}-{i // 3 + 1:02d}" for i in range(clients)]
    return Fleet(SERVICE, "hwholiday", loads, names, rps=rps)


def empty() -> Scene:
    return Scene()


def registry_only() -> Scene:
    scene = Scene()
    scene.instances["hwholiday", SERVICE] = _instances(_app(5).loads)
    scene.instances["gozero", "user.rpc"] = [Instance(f"10.0.7.{i}:9000") for i in range(3)]
    scene.keys["/hwholiday/srv/app/app-broken"] = "{not json"
    scene.keys["/hwholiday/srv/app/app-nowhere"] = json.dumps(
        {
            "node": {
                "name": "app",
                "path": "/hwholiday/srv/app",
                "id": "app-nowhere",
                "version": "v1",
                "address": "0.0.0.0:1",
            }
        }
    )
    return scene


def busy() -> Scene:
    scene = Scene()
    app = _add(scene, "hwholiday", _app())
    drained, slow, broken = app.addresses[2], app.addresses[5], app.addresses[7]
    app.loads[drained].picked = False
    app.loads[drained].inflight = 0
    app.loads[slow].p50_ms, app.loads[slow].weight = 41.0, 0.25
    app.loads[broken].error_ratio = 0.023
    scene.broken.append((0, broken, 9))
    root = f"/lbdash/v1/services/{SERVICE}"
    scene.keys[f"{root}/backends/{drained.replace(':', '%3A')}/admin"] = json.dumps(
        {"state": "drain", "until": _in(1720), "registration": "", **STAMP}
    )
    scene.keys[f"{root}/backends/{app.addresses[10].replace(':', '%3A')}/weight"] = json.dumps({"weight": 50, **STAMP})
    scene.keys[f"{root}/generation"] = json.dumps({"generation": 12, "command": "c-12", **STAMP})
    pay = _add(
        scene,
        "gozero",
        Fleet(
            "pay.rpc",
            "gozero",
            {f"10.0.5.{i}:9000": Load("") for i in range(1, 7)},
            [f"pay-{i}" for i in range(18)],
            rps=412,
        ),
    )
    pay.asked = "v3"
    _add(
        scene,
        "gozero",
        Fleet(
            "user.rpc",
            "gozero",
            {f"10.0.7.{i}:9000": Load("") for i in range(1, 25)},
            [f"user-{i}" for i in range(60)],
            rps=6240,
        ),
    )
    _add(
        scene,
        "hwholiday",
        Fleet(
            "microservices.order.api",
            "hwholiday",
            {f"10.0.8.{i}:9000": Load("v1") for i in range(1, 10)},
            [f"order-{i}" for i in range(20)],
            "weighted_round_robin",
            rps=88,
        ),
    )
    scene.instances["hwholiday", "inventory.srv.stock"] = [
        Instance(f"10.0.9.{i}:70", f"stock-{i}", "v1") for i in range(1, 3)
    ]
    return scene


def large() -> Scene:
    scene = Scene(history_s=12)
    _add(scene, "hwholiday", _app(1000, 50, 20_000))
    return scene


def stale() -> Scene:
    scene = busy()
    scene.lost = True
    return scene


def errors() -> Scene:
    scene = Scene()
    app = _add(scene, "hwholiday", _app(4, 6, 60))
    scene.broken = [(0, address, 6) for address in app.addresses]
    for load in app.loads.values():
        load.picked = False
    return scene


def hostile() -> Scene:
    scene = Scene()
    fleet = Fleet(
        "srv.evil",
        "hwholiday",
        {"10.0.1.1:80": Load(HOSTILE), "10.0.1.2:80": Load("v1")},
        [HOSTILE, "plain"],
        HOSTILE,
        40,
    )
    _add(scene, "hwholiday", fleet)
    scene.instances["hwholiday", "srv.evil"] = [
        Instance("10.0.1.1:80", "a", HOSTILE),
        Instance("10.0.1.2:80", "b", "v1"),
    ]
    scene.instances["gozero", HOSTILE.replace("/", "") + ".rpc"] = [Instance("10.0.3.1:80")]
    return scene


SCENES: Mapping[str, Callable[[], Scene]] = {
    "empty": empty,
    "registry": registry_only,
    "busy": busy,
    "large": large,
    "stale": stale,
    "errors": errors,
    "hostile": hostile,
}


async def register(registry: Registry, scene: Scene) -> None:
    for (convention, service), instances in scene.instances.items():
        lease = await registry.lease_grant(3600)
        for number, instance in enumerate(instances):
            own = lease if (convention, number) != ("hwholiday", 1) or service == SERVICE else 0
            if convention == "gozero":
                await registry.put(f"{service}/{7587 + number}".encode(), instance.address.encode(), lease=own)
            else:
                key, value = by_name(convention).encode(service, instance, own)
                await registry.put(key.encode(), value.encode(), lease=own)
    for key, value in scene.keys.items():
        await registry.put(key.encode(), value.encode())
