"""The control plane: one file a resource family, with its row and a function for each operation that no row tells.

The folder is the registry.
"""

from importlib import import_module
from pkgutil import iter_modules

from engine.control.control import Announce, Control, Enqueue
from engine.control.family import register_family
from engine.control.operation import OPERATIONS, UnknownOperation, perform

for _module in iter_modules(__path__):
    _family = getattr(import_module(f"{__name__}.{_module.name}"), "FAMILY", None)
    if _family is not None:
        register_family(_family)

__all__ = ["OPERATIONS", "Announce", "Control", "Enqueue", "UnknownOperation", "perform"]
