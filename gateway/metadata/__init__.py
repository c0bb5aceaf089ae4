"""What decorates items. The folder is the registry: every module but `base` ends with `SOURCE = SourceType(...)`."""

from importlib import import_module
from pkgutil import iter_modules

from gateway.metadata.base import Source, SourceType

_modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__) if module.name != "base"]
SOURCES: dict[str, SourceType] = {name: module.SOURCE for module in _modules for name in module.SOURCE.names}

__all__ = ["SOURCES", "Source", "SourceType"]
