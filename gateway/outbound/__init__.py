"""Requests that the gateway itself sends: `outbound` says when, how often and whether at all; `transport` carries them
(httpx's seam), over a `pool` of `connection`s an origin."""

from gateway.outbound.message import LARGEST_ANSWER, Got
from gateway.outbound.outbound import Outbound, Peer, Prepare, Sent, broken, checked
from gateway.outbound.transport import Transport

__all__ = ["LARGEST_ANSWER", "Got", "Outbound", "Peer", "Prepare", "Sent", "Transport", "broken", "checked"]
