from __future__ import annotations

import json

import pytest

from lbdash.model import Method
from lbdash.registry.conventions.hwholiday import Hwholiday
from lbdash.registry.conventions.item import Item
from lbdash.registry.kv import KeyValue

NODE = {"name": "app", "path": "/a/app", "id": "app-1", "version": "v1", "address": "10.0.0.7:80"}


@pytest.mark.parametrize(
    ("endpoints", "methods"),
    [
        ({"Test": {"online": True, "limiting_switch": False, "limiting": 10}}, {"Test": Method()}),
        ({"Test": {"online": False, "limiting_switch": True, "limiting": 10}}, {"Test": Method(False, 10)}),
        ({"Test": {"limiting_switch": True, "limiting": -3}}, {"Test": Method(True, 0)}),
        ({"Test": {"limiting_switch": True, "limiting": "many"}}, {"Test": Method()}),
        ({"Test": "the oldest generation"}, {"Test": Method()}),
        ({}, {}),
        (None, {}),
        (["Test"], {}),
    ],
)
def test_methods_are_read_in_all_generations(endpoints, methods):
    value = json.dumps({"node": NODE, "metadata": None, "endpoints": endpoints}).encode()
    item = Item(KeyValue(b"/a/app/app-1", value, 1, 1, 1, 0))
    assert Hwholiday().parse(item).methods == methods
