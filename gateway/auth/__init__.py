"""`Authenticator` proves who asks, `allowed` says what a caller may ask, `RateLimiter` how often. `operator_of` knows
operators."""

from gateway.auth.authenticator import Authenticator, allowed
from gateway.auth.gate import Gate, RateLimiter
from gateway.auth.operators import Operator, PeerAddress, operator_of

__all__ = ["Authenticator", "Gate", "Operator", "PeerAddress", "RateLimiter", "allowed", "operator_of"]
