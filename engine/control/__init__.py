"""The control plane: one file a resource family, one function an API operation. The folder is the registry."""

from importlib import import_module
from pkgutil import iter_modules

from engine.control.control import Announce, Control, Enqueue
from engine.control.operation import OPERATIONS, UnknownOperation, perform

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["OPERATIONS", "Announce", "Control", "Enqueue", "UnknownOperation", "perform"]
