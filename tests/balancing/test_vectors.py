"""Every acceptance vector is used by a test, and the few that belong to no module here."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest

from lbdash.balancing.endpoint import Endpoint
from lbdash.balancing.picker import PickInfo
from lbdash.balancing.policies import make_policy
from lbdash.tasks import Backoff
from tests.balancing.vectors import HASHING, POLICIES

HERE = Path(__file__).parent


@pytest.mark.parametrize("name", [*POLICIES, *HASHING])
def test_every_vector_is_named_in_a_test(name):
    # A name, or the beginning of several: `named("edf.")`, f"od.sr.{name}".
    texts = [path.read_text() for path in HERE.rglob("*.py")]
    literals = {found for text in texts for found in re.findall(r'"([a-z0-9_]{2,}[^"{]*)', text)}
    assert any(name == literal or (literal[-1] in "._" and name.startswith(literal)) for literal in literals)


def test_backoff_without_jitter_grows_as_grpcs():
    backoff = Backoff(first=1.0, limit=120.0, factor=1.6, jitter=0.0)
    vector = POLICIES["backoff.base_no_jitter"]
    assert [backoff.delay() for _ in vector] == pytest.approx(vector, abs=1e-4)


@pytest.mark.parametrize(
    ("nodes", "name"),
    [(3, "version.random 3 v1 nodes 9000 picks 4sigma"), (2, "version.random 2 nodes 10000 4sigma")],
)
def test_the_version_draw_stays_within_four_sigma(nodes, name):
    low, high = HASHING[name]
    picker = make_policy("version", {}, random.Random(3)).build([Endpoint(f"b:{i + 1}", i) for i in range(nodes)], 0.0)
    counts = Counter(picker.pick(PickInfo("", None, 0.0)).index for _ in range(nodes * (low + high) // 2))
    assert all(low <= counts[i] <= high for i in range(nodes))
