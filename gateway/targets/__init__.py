"""Where events go. The folder is the registry: every module here but SHARED ends with `TARGET = TargetType(...)`.

A target has no state but its connections: what is delivered, and when again, is the outbox's affair.
"""

from importlib import import_module
from pkgutil import iter_modules

from gateway.targets.base import Call, Down, Failed, Means, Message, Refused, Target, TargetType
from gateway.targets.entry import Entry

SHARED = ("aws", "base", "entry")

_names = [module.name for module in iter_modules(__path__) if module.name not in SHARED]
_modules = [import_module(f"{__name__}.{name}") for name in _names]
TARGETS: dict[str, TargetType] = {module.TARGET.name: module.TARGET for module in _modules}

__all__ = ["TARGETS", "Call", "Down", "Entry", "Failed", "Means", "Message", "Refused", "Target", "TargetType"]
