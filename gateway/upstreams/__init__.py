"""Who answers. The folder is the registry: every module here but `base` ends with `UPSTREAM = UpstreamType(...)`."""

from importlib import import_module
from pkgutil import iter_modules

from gateway.upstreams.base import Means, Scope, Upstream, UpstreamType

_modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__) if module.name != "base"]
UPSTREAMS: dict[str, UpstreamType] = {module.UPSTREAM.name: module.UPSTREAM for module in _modules}

__all__ = ["UPSTREAMS", "Means", "Scope", "Upstream", "UpstreamType"]
