"""A control plane for stock gRPC clients: they dial `xds:///service` and follow the same registry and the same words of
operators as our own clients do; and their load reports, as events like everybody's.

`plan` decides (pure), `resources` spells it for the wire, `snapshot` keeps what is served, `subscriptions` is one
stream's side of the protocol (pure), `server` and `loads_server` speak it.
"""
