"""The folder is the registry: every module here ends with `MEMBER = Member(...)`."""

from importlib import import_module
from pkgutil import iter_modules

from engine.ensemble.member import Member

_modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
MEMBERS: dict[str, Member] = {module.MEMBER.name: module.MEMBER for module in _modules}
