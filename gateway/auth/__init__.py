"""`Authenticator` proves who asks, `allowed` says what a caller may ask, `RateLimiter` how often."""

from gateway.auth.authenticator import Authenticator, allowed, holder
from gateway.auth.gate import Gate, RateLimiter

__all__ = ["Authenticator", "Gate", "RateLimiter", "allowed", "holder"]
