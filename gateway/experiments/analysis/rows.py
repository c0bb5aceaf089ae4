"""Rows, one a unit, as a ledger or a file has them, and the arrays that a verdict is made of."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gateway.experiments.analysis.moments import Values
from gateway.experiments.analysis.verdict import Units

KNOWN = ("unit", "variation", "first_exposed_at", "covariate", "period")  # columns; all others are metrics


class UnitRow(NamedTuple):
    """`metrics`: how many events of each counted, and the sum of their values; none of what the unit never did."""

    unit: str
    variation: str
    first_exposed_at: float = 0.0
    metrics: Mapping[str, tuple[float, float]] = {}
    covariate: float | None = None
    period: int | None = None


def units_of(rows: Iterable[UnitRow], arms: Sequence[str]) -> Units:
    """Raises `ValueError` for a variation that is none of the arms, and where only some rows have a covariate or a
    period."""
    units, number = list(rows), {name: index for index, name in enumerate(arms)}
    for unit in units:
        if unit.variation not in number:
            raise ValueError(f"unit {unit.unit!r}: variation {unit.variation!r} is none of {', '.join(arms)}")
    names = sorted({name for unit in units for name in unit.metrics})
    return Units(
        np.array([number[unit.variation] for unit in units], np.int64),
        np.array([unit.first_exposed_at for unit in units], float),
        {name: np.array([unit.metrics.get(name, (0.0, 0.0))[1] for unit in units], float) for name in names},
        covariate=_all_or_none("covariate", [unit.covariate for unit in units]),
        period=_all_or_none("period", [unit.period for unit in units]),
    )


def read_rows(path: Path) -> list[UnitRow]:
    """The rows of a CSV file with a column `variation`, and perhaps `unit`, `first_exposed_at` (epoch seconds),
    `covariate` and `period`; each other column is a metric's value for the unit, where nothing is 0. Raises
    `ValueError`, naming the line."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file, strict=True)
        if "variation" not in (reader.fieldnames or ()):
            raise ValueError(f"{path.name}: there is no column 'variation'")
        return [_row(fields, f"{path.name}, line {reader.line_num}") for fields in reader]


def _row(fields: Mapping[str | None, str | None], where: str) -> UnitRow:
    if None in fields or None in fields.values():
        raise ValueError(f"{where}: has not as many fields as the header")
    texts = {str(name): str(text) for name, text in fields.items()}
    values = {
        name: _number(text, f"{where}, {name}") for name, text in texts.items() if name not in ("unit", "variation")
    }
    covariate, period = values.get("covariate"), values.get("period")
    if period is not None and (period < 0 or period != int(period)):
        raise ValueError(f"{where}, period: must be a whole number of 0 and more")
    return UnitRow(
        texts.get("unit", ""),
        texts["variation"],
        values.get("first_exposed_at", 0.0),
        {name: (float(value != 0), value) for name, value in values.items() if name not in KNOWN},
        covariate,
        None if period is None else int(period),
    )


def _number(text: str, where: str) -> float:
    try:
        value = float(text or 0)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise ValueError(f"{where}: {text!r} is no number")
    return value


def _all_or_none(name: str, values: Sequence[float | None]) -> Values | None:
    present = [value for value in values if value is not None]
    if not present:
        return None
    if len(present) < len(values):
        raise ValueError(f"{name}: {len(values) - len(present)} of {len(values)} units have none")
    return np.array(present)
