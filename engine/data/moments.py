"""The spellings of a time in a CSV's cells, each read as whole epoch seconds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from engine.data.options import Timestamps
from engine.data.values import DECIMAL, WHOLE

_DATE = re.compile(r"\s*\d{4}-\d\d-\d\d.*", re.ASCII)  # with dashes: eight digits alone are no date
_OFFER = "import with --timestamps {0} (API: tag recgate:timestamps={0}) to read it"


def moment_reader(spelling: Timestamps) -> Callable[[str], int]:
    """The function that reads a cell as epoch seconds; it raises `ValueError` with the rule that the cell breaks."""
    return _READERS[spelling]


def _seconds(cell: str) -> int:
    if WHOLE.fullmatch(cell):
        return int(cell.partition(".")[0])
    if len(cell) <= 40 and DECIMAL.fullmatch(cell):
        raise ValueError(f"is not a whole number of seconds; {_OFFER.format('decimal')}, without its fraction")
    if _is_iso(cell):
        raise ValueError(f"is not a whole number of seconds but an ISO 8601 time; {_OFFER.format('iso')}")
    raise ValueError("is not a whole number")


def _milliseconds(cell: str) -> int:
    if not WHOLE.fullmatch(cell):
        raise ValueError("is not a whole number of milliseconds")
    return int(cell.partition(".")[0]) // 1000


def _decimal(cell: str) -> int:
    value = float(cell) if DECIMAL.fullmatch(cell) else math.nan
    if not math.isfinite(value):
        raise ValueError("is not a number of seconds")
    return math.floor(value)


def _iso(cell: str) -> int:
    """Read an ISO 8601 time; one without an offset is UTC."""
    if not _is_iso(cell):
        raise ValueError("is not an ISO 8601 time such as 2026-12-01T09:30:00Z")
    moment = datetime.fromisoformat(cell.strip())
    return math.floor((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp())


def _is_iso(cell: str) -> bool:
    if not _DATE.fullmatch(cell):
        return False
    try:
        datetime.fromisoformat(cell.strip())
    except ValueError:
        return False
    return True


_READERS: Mapping[Timestamps, Callable[[str], int]] = {
    "seconds": _seconds,
    "milliseconds": _milliseconds,
    "decimal": _decimal,
    "iso": _iso,
}
