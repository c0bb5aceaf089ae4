"""The folder is the registry: every module here is a kind of job, and does it in `run(work)`.

A module whose work a resource waits for also says in `failed(work, reason)` how that resource shows a failure, and
where it differs in `cancelled(work, reason)` how it shows that somebody took the job back.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

from engine.jobs.work import Work

_modules = {module.name: import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)}

KINDS: dict[str, Callable[[Work], str]] = {name: module.run for name, module in _modules.items()}
FAILURES: dict[str, Callable[[Work, str], None]] = {
    name: module.failed for name, module in _modules.items() if hasattr(module, "failed")
}
CANCELLATIONS: dict[str, Callable[[Work, str], None]] = {
    **FAILURES,
    **{name: module.cancelled for name, module in _modules.items() if hasattr(module, "cancelled")},
}
