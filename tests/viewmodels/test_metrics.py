from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from lbdash.live.events import ClientOpened
from lbdash.live.store import Store
from lbdash.registry.kv import RegistryStats
from lbdash.viewmodels import metrics
from lbdash.viewmodels.api_status import Process
from tests.web import world

PROCESS = Process("", True, (), (), 0.0, None, None, RegistryStats(rpcs_by_method=(("Range", 3),)))


def text_of(store: Store) -> str:
    return generate_latest(metrics.Metrics(store.view(), PROCESS)).decode()


def test_the_rest_is_summed_up_under_other() -> None:
    found = {str(number): number for number in range(5)}
    assert list(metrics.bounded(found, 3)) == [("0", [0]), ("1", [1]), ("2", [2]), ("other", [3, 4])]
    assert list(metrics.bounded(found, 5))[-1] == ("4", [4])


def test_hostile_names_stay_within_their_label() -> None:
    store = Store(lambda: 100.0)
    name = 'x"} 1\nlbdash_ready{a="b\\'
    store.apply([ClientOpened("1" * 32, name, name, "", "p2c_ewma", "telemetry", 99.0)])
    families = {family.name: family for family in text_string_to_metric_families(text_of(store))}
    assert [sample.labels for sample in families["lbdash_service_clients"].samples] == [{"service": name}]
    assert len(families["lbdash_ready"].samples) == 1


def test_calls_are_counted_per_backend_and_outcome() -> None:
    store = Store(lambda: 100.0)
    store.apply(world.busy(100.0))
    families = {family.name: family for family in text_string_to_metric_families(text_of(store))}
    ended = families["lbdash_backend_calls_ended"].samples
    ok = {s.labels["backend"]: s.value for s in ended if s.labels["outcome"] == "ok"}
    assert ok == dict.fromkeys(world.BACKENDS, 198.0)
    inflight = families["lbdash_backend_inflight"].samples
    assert {s.labels["backend"]: s.value for s in inflight} == dict.fromkeys(world.BACKENDS, 2.0)
