"""The client library: a `grpc.aio` channel that balances over a service's backends, obeys operators, and tells.

`Channel` is all that most programs need. Needs grpcio and protobuf only.
"""

from lbdash.balancing.channel import Channel
from lbdash.balancing.explain import explain
from lbdash.balancing.picker import Candidate, PickRecord
from lbdash.balancing.policies import POLICY_NAMES

__all__ = ["POLICY_NAMES", "Candidate", "Channel", "PickRecord", "explain"]
