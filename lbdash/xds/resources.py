"""A plan as xDS resources, ready for the wire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from google.protobuf.any_pb2 import Any
from google.protobuf.wrappers_pb2 import UInt32Value

from lbdash.proto import xds_pb2 as pb
from lbdash.xds.names import CDS, CONNECTION_MANAGER, EDS, LDS, RDS, REGION, ROUTER
from lbdash.xds.plan import Cluster, Locality, Match, Plan, Route

HEALTHY, DRAINING = 1, 3
_EDS_TYPE = 3
_FROM_ADS = pb.ConfigSource(ads=pb.SelfSource(), resource_api_version=2)
_FROM_SELF = pb.ConfigSource(itself=pb.SelfSource(), resource_api_version=2)

Key = tuple[str, str]  # type URL, name


@dataclass(frozen=True, slots=True)
class Resource:
    """`framed`: the field of a DiscoveryResponse that carries it, so that a response to many streams is joined, not
    built. `revision`: etcd's when it got this content."""

    name: str
    framed: bytes
    revision: int


def encode(plan: Plan, revision: int, known: Mapping[Key, Resource]) -> dict[Key, Resource]:
    """By (type URL, name). What is in `known` with the same content stays the same object."""
    found: dict[Key, Resource] = {}
    for type_url, name, message in _messages(plan):
        body = Any(type_url=type_url, value=message.SerializeToString())
        framed = pb.DiscoveryResponse(resources=[body]).SerializeToString()
        before = known.get((type_url, name))
        same = before is not None and before.framed == framed
        found[type_url, name] = before if before is not None and same else Resource(name, framed, revision)
    return found


def _messages(
    plan: Plan,
) -> Iterator[tuple[str, str, pb.Listener | pb.RouteConfiguration | pb.Cluster | pb.ClusterLoadAssignment]]:
    yield LDS, plan.service, _listener(plan.service)
    yield RDS, plan.service, _routes(plan)
    for cluster in plan.clusters:
        yield CDS, cluster.name, _cluster(cluster.name)
        yield EDS, cluster.name, _endpoints(cluster)


def _listener(name: str) -> pb.Listener:
    router = pb.HttpFilter(name="router", typed_config=Any(type_url=ROUTER))
    rds = pb.Rds(config_source=_FROM_ADS, route_config_name=name)
    manager = pb.HttpConnectionManager(rds=rds, http_filters=[router]).SerializeToString()
    return pb.Listener(
        name=name, api_listener=pb.ApiListener(api_listener=Any(type_url=CONNECTION_MANAGER, value=manager))
    )


def _routes(plan: Plan) -> pb.RouteConfiguration:
    host = pb.VirtualHost(name=plan.service, domains=["*"], routes=map(_route, plan.routes))
    return pb.RouteConfiguration(name=plan.service, virtual_hosts=[host])


def _route(route: Route) -> pb.Route:
    match = pb.RouteMatch(prefix="", headers=map(_header, route.matches))
    if len(route.targets) == 1:
        return pb.Route(match=match, route=pb.RouteAction(cluster=route.targets[0][0]))
    clusters = [pb.ClusterWeight(name=name, weight=UInt32Value(value=weight)) for name, weight in route.targets]
    total = UInt32Value(value=sum(weight for _, weight in route.targets))
    return pb.Route(
        match=match,
        route=pb.RouteAction(weighted_clusters=pb.WeightedCluster(clusters=clusters, total_weight=total)),
    )


def _header(match: Match) -> pb.HeaderMatcher:
    if match.exact:
        return pb.HeaderMatcher(name=match.header, exact_match=match.exact)
    return pb.HeaderMatcher(name=match.header, present_match=True, invert_match=match.exact is None)


def _cluster(name: str) -> pb.Cluster:
    eds = pb.EdsClusterConfig(eds_config=_FROM_ADS, service_name=name)
    return pb.Cluster(name=name, type=_EDS_TYPE, eds_cluster_config=eds, lrs_server=_FROM_SELF)


def _endpoints(cluster: Cluster) -> pb.ClusterLoadAssignment:
    return pb.ClusterLoadAssignment(cluster_name=cluster.name, endpoints=map(_locality, cluster.localities))


def _locality(locality: Locality) -> pb.LocalityLbEndpoints:
    ends = [
        pb.LbEndpoint(
            endpoint=pb.Endpoint(
                address=pb.Address(socket_address=pb.SocketAddress(address=end.host, port_value=end.port))
            ),
            health_status=DRAINING if end.draining else HEALTHY,
        )
        for end in locality.endpoints
    ]
    return pb.LocalityLbEndpoints(
        locality=pb.Locality(region=REGION, sub_zone=locality.name),
        lb_endpoints=ends,
        load_balancing_weight=UInt32Value(value=locality.weight),
    )
