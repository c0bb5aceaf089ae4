"""Who asks, proved before anything is looked up: `Door`. What each may ask: `allowed`. How often: `Pace`."""

from gateway.auth.door import Door, allowed, holder
from gateway.auth.pace import Pace

__all__ = ["Door", "Pace", "allowed", "holder"]
