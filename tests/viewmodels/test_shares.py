import pytest

from lbdash.live.state import Backend, Client, Service
from lbdash.model import Admin, Registration
from lbdash.registry.routing import AdminOverride, PolicyChoice, Routing, Versions, WeightOverride
from lbdash.viewmodels.shares import Expected, expected

A, B, C = "10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"


def service(routing: Routing | None = None, policy: str = "weighted_round_robin", **versions: str) -> Service:
    backends = {
        address: Backend(
            address, (Registration(address, "s", "hwholiday", address, address, versions.get(name, "v1")),)
        )
        for name, address in (("a", A), ("b", B), ("c", C))
    }
    client = Client("1", "one", "s", policy, "telemetry")
    return Service("s", "s", "hwholiday", routing or Routing("s"), backends, {"1": client})


def configured(found: Service) -> list[float | None]:
    shares = expected(found)
    return [shares[address].configured for address in (A, B, C)]


def test_equal_weights_are_equal_shares() -> None:
    assert expected(service())[A] == Expected(pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_the_operators_weight_counts_instead_of_the_registrations() -> None:
    assert configured(service(Routing("s", weight={A: WeightOverride(200)}))) == [0.5, 0.25, 0.25]


def test_versions_divide_first_and_weights_within() -> None:
    routing = Routing("s", versions=Versions({"v1": 90, "v2": 10}), weight={A: WeightOverride(300)})
    assert configured(service(routing, c="v2")) == [pytest.approx(0.675), pytest.approx(0.225), pytest.approx(0.1)]
    assert [expected(service(routing, c="v2"))[address].fair for address in (A, C)] == [0.45, 0.1]


def test_a_share_of_a_version_that_nobody_has_goes_to_the_others() -> None:
    assert configured(service(Routing("s", versions=Versions({"v1": 50, "v9": 50})))) == [pytest.approx(1 / 3)] * 3


def test_a_drained_backend_gets_nothing_until_all_are_drained() -> None:
    drains = {address: AdminOverride(Admin.DRAIN) for address in (A, B, C)}
    assert configured(service(Routing("s", admin={A: drains[A]}))) == [0, 0.5, 0.5]
    assert configured(service(Routing("s", admin=drains))) == [pytest.approx(1 / 3)] * 3
    maint = {**drains, A: AdminOverride(Admin.MAINT)}
    assert configured(service(Routing("s", admin=maint))) == [0, 0.5, 0.5]


@pytest.mark.parametrize("policy", ["p2c_ewma", "least_request", "round_robin", "pick_first"])
def test_where_weights_are_no_shares_only_the_fair_part_is_named(policy: str) -> None:
    assert expected(service(policy=policy))[A] == Expected(None, pytest.approx(1 / 3))


def test_the_operators_policy_decides_whatever_clients_say() -> None:
    assert configured(service(Routing("s", policy=PolicyChoice("p2c_ewma")))) == [None] * 3
