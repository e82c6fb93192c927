import pytest

from lbdash.demo.plan import SERVICES, Options, plan


def flat(groups):
    return [item for group in groups for item in group]


@pytest.mark.parametrize(("backends", "clients", "rps"), [(6, 3, 0), (12, 9, 120), (100, 40, 2000)])
def test_the_totals_are_as_asked(backends: int, clients: int, rps: float) -> None:
    made = plan(Options(backends=backends, clients=clients, rps=rps))
    assert len(flat(made.backends)) == backends
    assert len(flat(made.clients)) == clients
    assert sum(client.rps for client in flat(made.clients)) == pytest.approx(rps)
    assert {backend.service for backend in flat(made.backends)} == {service.name for service in SERVICES}
    assert {client.service for client in flat(made.clients)} == {service.name for service in SERVICES}


@pytest.mark.parametrize("versions", [("v1",), ("v1", "v2"), ("a", "b", "c")])
def test_every_version_has_a_backend_and_the_first_most(versions: tuple[str, ...]) -> None:
    found = [b.version for b in flat(plan(Options(versions=versions)).backends) if b.service == SERVICES[0].name]
    assert set(found) == set(versions)
    assert all(found.count(versions[0]) >= found.count(version) for version in versions)


def test_every_service_has_a_backend_that_can_be_killed_alone() -> None:
    alone = {group[0].service for group in plan(Options()).backends if len(group) == 1}
    assert alone == {service.name for service in SERVICES}


def test_no_process_mixes_services() -> None:
    assert all(len({b.service for b in group}) == 1 for group in plan(Options(backends=200)).backends)


@pytest.mark.parametrize("backends", [12, 120])
def test_the_story_has_all_its_characters(backends: int) -> None:
    made = plan(Options(story=True, backends=backends))
    app = [b for b in flat(made.backends) if b.service == SERVICES[0].name]
    assert sum(b.version == "v2" for b in app) == 1  # the canary
    assert sum(b.work_ms > 100 for b in app) == 1
    assert any(b.fail > 0.5 for b in flat(made.backends))
    assert any(client.version == "v9" for client in flat(made.clients))
    flapping = made.backends[made.flapping]
    assert len(flapping) == 1
    assert flapping[0].version == "v1"
    assert flapping[0].work_ms < 100


@pytest.mark.parametrize(
    "options", [Options(backends=5), Options(clients=2), Options(rps=-1), Options(versions=()), Options(rps=1e9)]
)
def test_what_cannot_be_is_refused_with_its_switch(options: Options) -> None:
    with pytest.raises(ValueError, match="--"):
        plan(options)
