"""The control plane: a file a resource family or a few, with their rows and a function for each operation that no row
tells.

The folder is the registry.
"""

from importlib import import_module
from pkgutil import iter_modules

from engine.control.control import Control
from engine.control.family import ResourceFamily, register_family
from engine.control.operation import OPERATIONS, UnknownOperation, perform

for _module in iter_modules(__path__):
    for _family in vars(import_module(f"{__name__}.{_module.name}")).values():
        if isinstance(_family, ResourceFamily):
            register_family(_family)

__all__ = ["OPERATIONS", "Control", "UnknownOperation", "perform"]
