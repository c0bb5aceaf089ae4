"""The rows of one file of an import, whatever its format: CSV, JSON Lines or Parquet, known by its first bytes.

Every reader gives a header and blocks of cells of text, as a CSV has them, so that one set of rules judges all values.
Lists of texts become their texts joined by `|`, missing values empty cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from typing import Any, ClassVar, Protocol

from engine.data.formats import is_word
from engine.data.options import Timestamps
from engine.data.report import FlawLedger
from engine.data.rows import Block, CsvRows
from engine.data.source import PARQUET
from engine.errors import InvalidInput

_FIRST = 64  # bytes that tell the format
_FIRST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RowForm:
    """How the rows of files are understood.

    `columns`: names of files' columns by the fields that they fill. `timestamps`: how typed times are written into
    cells. `optional`: fields that rows of JSON Lines may lack everywhere.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    timestamps: Timestamps = "seconds"
    optional: Collection[str] = ()


class RowReader(Protocol):
    is_named: ClassVar[bool]  # each row names its values: files may order them otherwise

    def header(self) -> list[str]:
        """The columns' names. Raises `InvalidInput` where the file has none, or is of another format."""
        ...

    def blocks(self, width: int) -> Iterator[Block]:
        """The rows, each `width` cells; those that can't be taken apart go to the ledger."""
        ...


def reader_of(stream: BufferedReader[Any], file: str, ledger: FlawLedger, form: RowForm) -> RowReader:
    """A reader of the file's plain bytes. Raises `InvalidInput` for Parquet where pyarrow is not installed."""
    start = stream.peek(_FIRST)[:_FIRST]
    if start.startswith(PARQUET) and not is_word(start, len(PARQUET)):
        from engine.data.parquet import ParquetRows

        return ParquetRows(stream, file, ledger, form.timestamps)
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        from engine.data.json_lines import JsonRows

        return JsonRows(stream, file, ledger, form.optional)
    return CsvRows(stream, file, ledger)


def header_of(reader: RowReader, file: str, form: RowForm) -> list[str]:
    """The header with the fields' names in place of the columns' that fill them.

    Raises `InvalidInput` where a column is not there.
    """
    names = reader.header()
    fields = {column: name for name, column in form.columns.items()}
    if absent := sorted(fields.keys() - set(names)):
        shown = ", ".join(names)
        raise InvalidInput(f"{file} has no column {absent[0]!r} to fill {fields[absent[0]]}; it has {shown[:200]}.")
    renamed = [fields.get(name, name) for name in names]
    # of another meaning than the field of that name
    own = [name in form.columns and name not in fields for name in names]
    return [f"{name} (not mapped)" if also else name for name, also in zip(renamed, own, strict=True)]


def block_of(
    rows: list[list[str]], lines: list[int], file: str, ledger: FlawLedger, refused: int = 0, blank: int = 0
) -> Block:
    """A block of rows that were taken apart, without those that hold NUL characters."""
    if any("\0" in cell for row in rows for cell in row):
        good = [not any("\0" in cell for cell in row) for row in rows]
        for line, is_good in zip(lines, good, strict=True):
            if not is_good:
                ledger.note("the row holds NUL characters", f"{file}:{line}")
        refused += good.count(False)
        rows = [row for row, is_good in zip(rows, good, strict=True) if is_good]
        lines = [line for line, is_good in zip(lines, good, strict=True) if is_good]
    return Block(rows, lines, file, refused, blank)


def cell_of(value: object) -> str:
    """A value as a cell: nothing for null and NaN, several joined by `|`. Raises `ValueError` with the broken rule."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list | tuple):
        return joined([cell_of(each) for each in value])
    raise ValueError("a value is an object: only texts, numbers, booleans, null and lists of them can be imported")


def joined(texts: Sequence[str]) -> str:
    """Several values as one cell. Raises `ValueError` where one of them holds the mark between them."""
    if any("|" in text for text in texts):
        raise ValueError("a text of a list holds '|', which stands between a cell's texts")
    return "|".join(texts)


def number_text(number: float) -> str:
    """A number as a cell has it: whole ones without a point, because other programs make decimals of them; NaN, which
    is none, is nothing."""
    if number.is_integer():
        return str(int(number))
    return "" if math.isnan(number) else repr(number)


TIME_TEXTS: Mapping[str, Callable[[int], str]] = {  # of microseconds since 1970
    "seconds": lambda micros: str(micros // 1_000_000),
    "milliseconds": lambda micros: str(micros // 1_000),
    "decimal": lambda micros: f"{micros / 1e6:.6f}",
    "iso": lambda micros: (_FIRST_MOMENT + timedelta(microseconds=micros)).isoformat(),
}
