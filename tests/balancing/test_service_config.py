from __future__ import annotations

import pytest

from lbdash.balancing.policies import POLICY_NAMES
from lbdash.balancing.service_config import ServiceConfig, parse


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("{}", ServiceConfig()),
        ('{"loadBalancingPolicy": "p2c_ewma"}', ServiceConfig("p2c_ewma")),
        ('{"LoadBalancingPolicy": "version"}', ServiceConfig("version")),  # hwholiday's spelling, and Go reads it
        ('{"loadBalancingPolicy": "ROUND_ROBIN"}', ServiceConfig("round_robin")),
        (
            '{"loadBalancingConfig": [{"grpclb": {}}, {"round_robin": {}}, {"version": {}}]}',
            ServiceConfig("round_robin"),
        ),
        (
            '{"loadBalancingPolicy": "version",'
            ' "loadBalancingConfig": [{"least_request_experimental": {"choiceCount": 3}}]}',
            ServiceConfig("least_request", {"choiceCount": 3}),
        ),
        ('{"healthCheckConfig": {"serviceName": ""}}', ServiceConfig(health_service="")),
    ],
)
def test_a_service_config_is_read_as_go_reads_it(text, want):
    assert parse(text, POLICY_NAMES) == want


def test_an_unknown_name_means_pick_first_and_is_reported():
    made = parse('{"loadBalancingPolicy": "fastest"}', POLICY_NAMES)
    assert made.policy == "pick_first"
    assert made.problems == ("loadBalancingPolicy: unknown policy 'fastest', using pick_first",)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "not JSON"),
        ("[]", "service config: must be an object"),
        ('{"loadBalancingPolicy": 3}', "loadBalancingPolicy: must be a text"),
        ('{"loadBalancingConfig": {}}', "loadBalancingConfig: must be a list"),
        ('{"loadBalancingConfig": []}', r"loadBalancingConfig: none is supported of \[\]"),
        ('{"loadBalancingConfig": [{"a": {}, "b": {}}]}', r"\[0\] must have one key"),
        ('{"loadBalancingConfig": ["round_robin"]}', r"\[0\]: must be an object"),
        ('{"loadBalancingConfig": [{"round_robin": 3}]}', "round_robin: must be an object"),
        ('{"loadBalancingConfig": [{"nothing": {}}]}', r"none is supported of \['nothing'\]"),
        ('{"healthCheckConfig": {"serviceName": 3}}', "healthCheckConfig.serviceName"),
    ],
)
def test_what_is_wrong_is_named(text, error):
    with pytest.raises(ValueError, match=error):
        parse(text, POLICY_NAMES)
