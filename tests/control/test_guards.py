from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import pytest

from lbdash.control.commands import Command, Drain, Freeze, Maint, Ready, Restore, SetPolicy, SetVersions, Undo, Weight
from lbdash.control.guards import Objection, impact, objections
from lbdash.live.events import SourceLost, Ticked
from lbdash.model import Connectivity
from lbdash.registry.control_keys import admin_key, policy_key, versions_key
from tests.control.house import APP, A, B, C, D, House, house

ELSEWHERE = "10.9.9.9:80"


@pytest.fixture
async def bare() -> AsyncIterator[House]:
    """Registrations only: nobody reports."""
    async with house() as built:
        built.register(A, B, C, version="v1")
        built.register(D, version="v2")
        yield built


def against(fleet: House, command: Command | Restore, floor: int = 1) -> dict[str, Objection]:
    found = objections(fleet.store.view(), APP, command, fleet.now, floor)
    return {objection.code: objection for objection in found}


@dataclass(frozen=True)
class Case:
    """`codes`: what is said against `command`; "" in front = it can be forced."""

    name: str
    command: Command | Restore
    codes: frozenset[str]
    floor: int = 1


def case(name: str, command: Command | Restore, *codes: str, floor: int = 1) -> Case:
    return Case(name, command, frozenset(codes), floor)


HARD = {"unknown_backend", "too_many", "weight", "versions", "policy", "not_frozen"}
ALL_IN_MAINT = {admin_key(APP, address): '{"state": "maint"}' for address in (A, B, C, D)}

# Three v1 backends and one v2, nobody reports.
REGISTRY_ONLY = [
    case("one of four", Drain((A,))),
    case("half of them", Drain((A, B)), "overload"),
    case("all", Drain((A, B, C, D)), "last_ready"),
    case("all, with a floor", Drain((A, B, C, D)), "last_ready", "capacity_floor", floor=2),
    case("all, hard", Maint((A, B, C, D)), "last_ready"),
    case("below the floor", Drain((A,)), "capacity_floor", floor=4),
    case("a stranger", Drain((A, ELSEWHERE)), "unknown_backend"),
    case("clearing a stranger", Ready((ELSEWHERE,)), "unknown_backend"),
    case("weight of a stranger", Weight({ELSEWHERE: 5}), "unknown_backend"),
    case("too many", Weight({f"10.1.0.{n}:80": 5 for n in range(101)}), "too_many"),
    case("weight 0", Weight({A: 0}), "weight"),
    case("negative weight", Weight({A: -1}), "weight"),
    case("huge weight", Weight({A: 65536}), "weight"),
    case("weight halved", Weight({A: 50})),
    case("nearly all on one", Weight({A: 60000}), "overload"),
    case("nearly nothing on the others", Weight({A: 1, B: 1, C: 1}), "overload"),
    case("clear a weight", Weight({A: None})),
    case("shares that do not sum", SetVersions({"shares": {"v1": 90, "v2": 20}}), "versions"),
    case("negative share", SetVersions({"shares": {"v1": 110, "v2": -10}}), "versions"),
    case("share that is no number", SetVersions({"shares": {"v1": "all"}}), "versions"),
    case("a rule without header", SetVersions({"rules": [{"exact": "1", "version": "v2"}]}), "versions"),
    case("unknown on_missing", SetVersions({"on_missing": {"action": "pray"}}), "versions"),
    case("a canary", SetVersions({"shares": {"v1": 75, "v2": 25}})),
    case("half on one backend", SetVersions({"shares": {"v1": 50, "v2": 50}}), "overload"),
    case("a version nobody has", SetVersions({"shares": {"v1": 99, "v9": 1}}), "version_missing"),
    case(
        "a rule for a version nobody has",
        SetVersions({"rules": [{"header": "x", "exact": "1", "version": "v9"}]}),
        "version_missing",
    ),
    case("clear versions", SetVersions(None)),
    case("a policy", SetPolicy({"name": "p2c_ewma"})),
    case("a policy without name", SetPolicy({"config": {}}), "policy"),
    case("clear the policy", SetPolicy(None)),
    case("freeze", Freeze(True)),
    case("end no freeze", Freeze(False), "not_frozen"),
    case(
        "restore a bad moment",
        Restore("c", ALL_IN_MAINT),
        "last_ready",
    ),
]


@pytest.mark.parametrize("each", REGISTRY_ONLY, ids=lambda each: each.name)
async def test_registrations_alone_are_judged(bare: House, each: Case) -> None:
    found = against(bare, each.command, each.floor)
    assert set(found) == each.codes
    for code, objection in found.items():
        assert objection.forceable == (code not in HARD)
        assert objection.text.endswith(".")
        if objection.forceable:
            assert "Connectivity is unknown" in objection.text
    impact(bare.store.view(), APP, each.command, bare.now)  # can always be said


async def test_a_weight_of_zero_hints_at_a_drain(bare: House) -> None:
    assert "drain the backend instead" in against(bare, Weight({A: 0}))["weight"].text


async def test_an_unknown_service_is_an_objection(bare: House) -> None:
    (found,) = objections(bare.store.view(), "nobody", Undo("c1"), bare.now)
    assert (found.code, found.forceable) == ("unknown_service", False)


async def test_the_last_backend_of_a_version_with_a_share_is_guarded(bare: House) -> None:
    assert "last_of_version" not in against(bare, Drain((D,)))
    await bare.edit(versions_key(APP), {"shares": {"v1": 80, "v2": 20}})
    assert against(bare, Drain((D,)))["last_of_version"].forceable


async def test_the_last_backend_a_rule_points_to_is_guarded(bare: House) -> None:
    await bare.edit(versions_key(APP), {"rules": [{"header": "x", "exact": "1", "version": "v2"}]})
    assert "last_of_version" in against(bare, Drain((D,)))


async def test_the_last_backend_of_a_version_that_calls_ask_for_is_guarded(bare: House) -> None:
    bare.connect("web", A, B, C, D)
    assert "last_of_version" not in against(bare, Maint((D,)))
    bare.report("web", {0: 1})
    bare.store.apply([Ticked(bare.now)])
    bare.ask_for("web", v1=300, v2=100)
    bare.now += 1
    bare.store.apply([Ticked(bare.now)])
    assert "last_of_version" in against(bare, Maint((D,)))


async def test_trouble_that_is_there_already_is_not_held_against_the_way_out(bare: House) -> None:
    for address in (A, B, C, D):
        await bare.edit(admin_key(APP, address), {"state": "maint"})
    assert against(bare, Ready((A,))) == {}
    assert against(bare, Ready((A,)), floor=3) == {}
    assert against(bare, Drain((A,))) == {}  # softer than maint, and no worse


async def test_an_override_outlives_its_backend_and_can_be_cleared(bare: House) -> None:
    await bare.edit(admin_key(APP, ELSEWHERE), "{ not readable")
    assert against(bare, Ready((ELSEWHERE,))) == {}
    assert "unknown_backend" in against(bare, Drain((ELSEWHERE,)))


async def test_a_backend_that_nobody_is_connected_to_does_not_count(fleet: House) -> None:
    for index in (1, 2, 3):
        for name in ("web-01", "web-02"):
            fleet.connectivity(name, index, Connectivity.TRANSIENT_FAILURE)
    found = against(fleet, Drain((A,)))
    assert set(found) == {"last_ready"}
    assert "No READY backend" in found["last_ready"].text


async def test_telemetry_cannot_loosen_a_guard(fleet: House) -> None:
    """READY as told does not bring a drained backend back, and a bad picture of now does not shrink the factor."""
    for address in (B, C, D):
        await fleet.edit(admin_key(APP, address), {"state": "drain"})
    assert "last_ready" in against(fleet, Drain((A,)))
    for address in (B, C, D):
        await fleet.edit(admin_key(APP, address), {"state": "ready?"})
    async with house() as other:
        other.register(A, B, C, D)
        other.connect("liar", A, B)  # says that only two of four are in use
        assert "overload" in against(other, Drain((C, D)))


async def test_a_change_that_no_client_obeys_is_an_objection(fleet: House) -> None:
    for name in ("web-01", "web-02"):
        fleet.connect(name, A, B, C, D, policy="round_robin")
    assert set(against(fleet, Weight({A: 50}))) == {"nobody_obeys"}
    assert against(fleet, Weight({A: None})) == {}
    assert against(fleet, Drain((A,))) == {}


async def test_a_client_that_may_not_read_the_keys_obeys_nothing(fleet: House) -> None:
    fleet.report("web-01", control_denied=True)
    assert against(fleet, Drain((A,))) == {}
    fleet.report("web-02", control_denied=True)
    assert "may not read the control keys" in against(fleet, Drain((A,)))["nobody_obeys"].text


@pytest.mark.parametrize(
    ("happen", "code"),
    [
        (lambda f: setattr(f, "now", f.now + 6), "stale"),
        (lambda f: f.store.apply([SourceLost("control", "control", f.now, "no leader")]), "stale"),
        (lambda f: f.store.apply([SourceLost("registry /app/", "registry", f.now, "denied")]), "registry_stale"),
    ],
    ids=["silent", "control lost", "registrations lost"],
)
async def test_a_stale_registry_is_an_objection(fleet: House, happen: Callable[[House], None], code: str) -> None:
    happen(fleet)
    found = against(fleet, Drain((A,)))
    assert set(found) == {code}
    assert found[code].forceable == (code == "registry_stale")


# ---- impact


async def test_impact_tells_what_a_version_would_carry(bare: House) -> None:
    bare.connect("web", A, B, C, D)
    found = impact(bare.store.view(), APP, SetVersions({"shares": {"v1": 60, "v2": 40}}), bare.now)
    assert "v2 would carry 40% of calls on 1 READY backends: 40.0% each, 1.6 x what v1 backends carry now." in (
        found.sentences
    )
    assert found.factor == pytest.approx(1.6)
    assert found.shares == pytest.approx({A: 0.2, B: 0.2, C: 0.2, D: 0.4})


async def test_impact_names_who_will_not_follow(fleet: House) -> None:
    fleet.connect("batch-01", A, B, C, D, policy="round_robin")
    fleet.connect("old-01", A, B, can_obey=frozenset({"drain"}))
    found = impact(fleet.store.view(), APP, Weight({A: 50}), fleet.now)
    (text,) = (s for s in found.sentences if "will not follow" in s)
    assert text.startswith("2 of 4 clients will not follow: batch-01 (round_robin has no weights) and old-01")
    assert [name for _, name, _ in found.not_following] == ["batch-01", "old-01"]


async def test_a_weight_that_is_only_a_bias_is_called_one(fleet: House) -> None:
    for name in ("web-01", "web-02"):
        fleet.connect(name, A, B, C, D, policy="p2c_ewma")
    found = impact(fleet.store.view(), APP, Weight({A: 50}), fleet.now)
    assert "Under p2c_ewma a weight is a bias, not a share." in found.notes
    assert found.shares == {}


async def test_impact_of_a_drain_counts_survivors(fleet: House) -> None:
    found = impact(fleet.store.view(), APP, Drain((A,)), fleet.now)
    assert (found.survivors, found.registered) == (3, 4)
    assert found.sentences == (
        "3 of 4 backends would be in rotation (4 now); the most loaded would carry 1.3 x what one carries now.",
    )
    assert any("ends by itself" in note for note in found.notes)


@pytest.mark.parametrize("value", [{"name": "p2c_ewm"}, {"name": "p2c_ewma", "config": {"decay": 1}}])
async def test_a_policy_that_clients_would_not_take_is_held_against_it(bare: House, value: dict[str, object]) -> None:
    [objection] = against(bare, SetPolicy(value)).values()
    assert (objection.code, objection.forceable) == ("unknown_policy", True)
    assert objection.text.startswith("Clients of our library would not take it: ")


async def test_impact_without_clients_says_so(bare: House) -> None:
    notes = impact(bare.store.view(), APP, SetPolicy({"name": "x"}), bare.now).notes
    assert "No client reports: whether anyone follows cannot be seen here." in notes


async def test_impact_of_draining_all_says_that_clients_ignore_it(bare: House) -> None:
    notes = impact(bare.store.view(), APP, Drain((A, B, C, D)), bare.now).notes
    assert any("ignore the drains" in note for note in notes)


async def test_a_restored_policy_is_judged_by_who_follows_it(fleet: House) -> None:
    for name in ("web-01", "web-02"):
        fleet.connect(name, A, B, C, D, can_obey=frozenset({"drain"}))
    assert set(against(fleet, Restore("c", {policy_key(APP): '{"name": "x"}'}))) == {"nobody_obeys"}
