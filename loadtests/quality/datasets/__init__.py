"""What is learned from: a file each, which is the registry. `base` is the contract."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from loadtests.quality.datasets.base import DataSet

_NAMES = sorted(each.name for each in iter_modules(__path__) if each.name != "base")
DATASETS: dict[str, DataSet] = {name: import_module(f"{__name__}.{name}").DATA for name in _NAMES}
