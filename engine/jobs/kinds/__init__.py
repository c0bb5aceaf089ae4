"""The folder is the registry: every module here is a kind of job, and does it in `run(work)`."""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from engine.jobs.work import Work

KINDS: dict[str, Callable[[Work], str]] = {
    module.name: import_module(f"{__name__}.{module.name}").run for module in iter_modules(__path__)
}
