"""The registry of jobs: every module here is a kind of job, and does it in `run(work)`.

A module may say more:

failed(work, reason)      how the resource that waits for the job shows a failure
cancelled(work, reason)   how it shows that somebody took the job back, where that differs
seconds(engine, job)      about how long the job takes, where that may be minutes
ALONE = True              no other job may run beside it
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from engine.engine import Engine
from engine.jobs.work import Work
from engine.queue.queue import Job

_modules = {module.name: import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)}


def _named(name: str) -> dict[str, Any]:
    """The values that modules have under this name, by their kind."""
    return {kind: vars(module)[name] for kind, module in _modules.items() if name in vars(module)}


KINDS: dict[str, Callable[[Work], str]] = _named("run")
FAILURES: dict[str, Callable[[Work, str], None]] = _named("failed")
CANCELLATIONS: dict[str, Callable[[Work, str], None]] = {**FAILURES, **_named("cancelled")}
SECONDS: dict[str, Callable[[Engine, Job], float]] = _named("seconds")
ALONE = frozenset(_named("ALONE"))
