"""Who answers. The folder is the registry: every module here but SHARED ends with `UPSTREAM = UpstreamType(...)`."""

from importlib import import_module
from pkgutil import iter_modules

from gateway.upstreams.base import Means, Scope, Upstream, UpstreamType

SHARED = ("answers", "base", "batches", "durable", "payload")

_names = [module.name for module in iter_modules(__path__) if module.name not in SHARED]
_modules = [import_module(f"{__name__}.{name}") for name in _names]
UPSTREAMS: dict[str, UpstreamType] = {module.UPSTREAM.name: module.UPSTREAM for module in _modules}

__all__ = ["UPSTREAMS", "Means", "Scope", "Upstream", "UpstreamType"]
