"""Requests that the gateway itself sends: `outbound` says when, how often and whether at all; `transport` carries them
over a `pool` of `connection`s an origin."""

from gateway.outbound.message import LARGEST_ANSWER, OutboundRequest, OutboundResponse
from gateway.outbound.outbound import Outbound, Peer, broken
from gateway.outbound.transport import Transport

__all__ = [
    "LARGEST_ANSWER",
    "Outbound",
    "OutboundRequest",
    "OutboundResponse",
    "Peer",
    "Transport",
    "broken",
]
