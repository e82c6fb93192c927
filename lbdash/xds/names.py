"""Names on the xDS wire: type URLs, method paths, and how services, clusters and localities are called."""

from __future__ import annotations

from urllib.parse import quote, unquote

_PREFIX = "type.googleapis.com/envoy."
LDS = _PREFIX + "config.listener.v3.Listener"
RDS = _PREFIX + "config.route.v3.RouteConfiguration"
CDS = _PREFIX + "config.cluster.v3.Cluster"
EDS = _PREFIX + "config.endpoint.v3.ClusterLoadAssignment"
CONNECTION_MANAGER = _PREFIX + "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER = _PREFIX + "extensions.filters.http.router.v3.Router"

# Clusters and endpoints go out before the listeners and routes that name them.
TYPES = (CDS, EDS, LDS, RDS)
# An answer of these types is the whole truth: what it leaves out does not exist any more.
WHOLE = frozenset({LDS, CDS})
SHORT = {LDS: "LDS", RDS: "RDS", CDS: "CDS", EDS: "EDS"}

ADS_SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
LRS_SERVICE = "envoy.service.load_stats.v3.LoadReportingService"

REGION = "lbdash"  # of every locality: its sub-zone is the backend's address


def cluster_name(service: str, version: str | None = None) -> str:
    """Of all backends of a service (its key), or of those of one version; the two cannot be mixed up."""
    name = quote(service, safe="/@")
    return name if version is None else f"{name}:{quote(version, safe='')}"


def service_of(cluster: str) -> str:
    """The service key in a cluster's name."""
    return unquote(cluster.partition(":")[0])
