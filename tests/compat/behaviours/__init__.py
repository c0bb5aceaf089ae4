"""The rows of the table: every module here but this one has `ROWS`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from tests.compat.table import Row

ROWS: list[Row] = [row for module in iter_modules(__path__) for row in import_module(f"{__name__}.{module.name}").ROWS]
