"""Files of rows → columns, with a full account of what is wrong in them (specification §2.4).

One pass, a block of rows at a time. A block's column is first read as a whole; only where that fails is each of its
cells looked at, so that clean data is fast and every bad row is reported by its line.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.data.cells import OddValue, builder
from engine.data.columns import Array, Column, Longs
from engine.data.formats import header_hint
from engine.data.options import DAY_S, FUTURE_S, ImportOptions
from engine.data.readers import RowForm, header_of, reader_of
from engine.data.report import FlawLedger, ImportReport
from engine.data.rows import Block
from engine.data.schema import Schema, plain
from engine.data.source import ImportSource
from engine.errors import InvalidInput


@dataclass(frozen=True)
class Imported:
    """The good rows as columns by schema field name, and the report. Use them only if it has no `failure_reason`."""

    rows: Mapping[str, Column]
    report: ImportReport


TOLERANT = frozenset({"ITEM_ID", "USER_ID"})  # of what datasets describe; Actions have ranges that are rules
STRICT = ImportOptions(odd_values="refuse")


def import_files(
    source: ImportSource,
    schema: Schema,
    progress: Callable[[float, str], object],  # hears 0..1 of the bytes and words; may raise to stop it
    options: ImportOptions = STRICT,
    now: float = math.inf,
) -> Imported:
    """Read every file of the source; no interaction is a year later than `now`, in epoch seconds.

    Bad rows don't raise: ask the report. Raises `InvalidInput` where a header is wrong or a file can't be read.
    """
    table = _Table(schema, options, now)
    nullable = [field.name for field in schema.fields if field.nullable]
    form = RowForm(options.column_of, options.timestamps, nullable)
    header: list[str] | None = None
    for file in source.files:
        with source.open(file) as stream:
            reader = reader_of(stream, file.name, table.ledger, form)
            names = header_of(reader, file.name, form)
            if header is None or reader.is_named:
                header = names
                table.place(names, file.name)
            if names != header:
                raise InvalidInput(
                    f"The header of {file.name} differs from that of {source.files[0].name};"
                    " every file must have the same header."
                )
            table.report.files.append(file.name)
            blocks = reader.blocks(len(header))
            while _add_next(blocks, table):
                progress(source.bytes_read / max(1, source.size), f"{table.report.rows:,} rows read")
    imported = table.finish()
    progress(1.0, f"{imported.report.kept:,} rows imported")
    return imported


def _add_next(blocks: Iterator[Block], table: _Table) -> bool:
    """Adds the next block; False after the last. A block is thousands of lists without a cycle among
    them: to look through them for garbage, again and again, would take a quarter of the import."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        block = next(blocks, None)
        if block is not None:
            table.add(block)
        return block is not None
    finally:
        if was_enabled:
            gc.enable()


# ---- the table


class _Table:
    """All columns of one import while it runs."""

    def __init__(self, schema: Schema, options: ImportOptions, now: float) -> None:
        self.report = ImportReport(
            files=[], ignored_columns=[], flaws=[], skip_bad_rows=options.skip_bad_rows, nulls=[]
        )
        self.ledger = FlawLedger()
        self._nulls = FlawLedger()
        self._schema, self._now = schema, now
        self._lenient = _lenient(schema, options)
        self._builders = {field.name: builder(field, options.timestamps, now + FUTURE_S) for field in schema.fields}
        self._blocks: dict[str, list[Array]] = {field.name: [] for field in schema.fields}
        self._places: dict[str, int] = {}

    def place(self, header: Sequence[str], file: str) -> None:
        """Find every field's column. Raises `InvalidInput` where some have none."""
        alike = {plain(name): index for index, name in reversed(list(enumerate(header)))}
        exact = {name: index for index, name in enumerate(header)}
        places = {field.name: exact.get(field.name, alike.get(plain(field.name))) for field in self._schema.fields}
        missing = [name for name, index in places.items() if index is None]
        if missing:
            hint = header_hint(header, file, places)
            raise InvalidInput(f"Input CSV is missing the following columns:[{', '.join(missing)}]. {hint}")
        self._places = {name: index for name, index in places.items() if index is not None}
        used = set(self._places.values())
        ignored = [name for index, name in enumerate(header) if index not in used]
        self.report.ignored_columns += [name for name in ignored if name not in self.report.ignored_columns]

    def add(self, block: Block) -> None:
        cells = list(zip(*block.rows, strict=True)) if block.rows else []
        good = np.ones(len(block.rows), np.bool_)
        read: dict[str, Array] = {}
        for name, place in self._places.items():
            if cells:
                read[name] = self._column_of(name, cells[place], block, good)
        for name, values in read.items():
            self._blocks[name].append(values if good.all() else values[good])
        bad = int((~good).sum())
        self.report.rows += len(block.rows) + block.refused
        self.report.bad += bad + block.refused
        self.report.blank_lines += block.blank

    def _column_of(self, name: str, cells: Sequence[str], block: Block, good: Array) -> Array:
        """The block's values; the rows of bad cells are struck from `good`."""
        made_by = self._builders[name]
        try:
            return made_by.many(cells)
        except (ValueError, OverflowError):
            values = [self._cell(name, cell, index, block, good) for index, cell in enumerate(cells)]
        return made_by.array(values)

    def _cell(self, name: str, cell: str, index: int, block: Block, good: Array) -> object:
        made_by = self._builders[name]
        try:
            return made_by.one(cell)
        except ValueError as error:
            if name in self._lenient and isinstance(error, OddValue):
                self._nulls.note(str(error), f"{block.file}:{block.lines[index]}", name, cell or None)
                return made_by.null
            self.ledger.note(str(error), f"{block.file}:{block.lines[index]}", name, cell or None)
            good[index] = False
            return made_by.blank

    def finish(self) -> Imported:
        report = self.report
        values = {
            name: np.concatenate((np.empty(0, made_by.dtype), *self._blocks.pop(name)))
            for name, made_by in self._builders.items()
        }
        read = report.rows - report.bad
        key = self._schema.key
        unique = last_of_each(values[key]) if key else first_of_equals(list(values.values()))
        report.kept = len(unique)
        report.duplicates = read - len(unique)
        report.flaws, report.nulls = self.ledger.listed(), self._nulls.listed()
        rows: dict[str, Column] = {}
        for name, made_by in self._builders.items():
            column = values.pop(name)
            column = column[unique] if report.duplicates else column
            if name == "TIMESTAMP":
                report.undated = int((column == 0).sum())
                report.ahead = int((column > self._now + DAY_S).sum())
            rows[name] = made_by.column(column)
        return Imported(rows, report)


def _lenient(schema: Schema, options: ImportOptions) -> frozenset[str]:
    """The columns whose odd values are read as null: of what describes something all but the key, even where the type
    does not include null, as a row lacks a column that its schema got later; of interactions those that may be null."""
    wanted = options.odd_values or ("tolerate" if schema.key in TOLERANT else "refuse")
    if wanted == "refuse":
        return frozenset()
    return frozenset(
        field.name for field in schema.fields if field.nullable or (schema.key is not None and field.name != schema.key)
    )


def first_of_equals(columns: Sequence[Array]) -> Longs:
    """Rows, ascending, that equal no earlier row in every column of (n,) numbers."""
    mixed = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        mixed = (mixed ^ _bits(column)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    order = np.argsort(mixed, kind="stable")
    again = np.flatnonzero(mixed[order[1:]] == mixed[order[:-1]])
    later, earlier = order[again + 1], order[again]
    same = np.ones(len(again), np.bool_)
    for column in columns:  # equal hashes are only a hint
        same &= _bits(column[later]) == _bits(column[earlier])
    keep = np.ones(len(mixed), np.bool_)
    keep[later[same]] = False
    return np.flatnonzero(keep)


def _bits(column: Array) -> Array:
    """Numbers that are equal where the values are; missing ones (NaN) equal each other too."""
    return (column if column.dtype == np.float64 else column.astype(np.int64)).view(np.uint64)


def last_of_each(codes: Array) -> Longs:
    """Rows, ascending, that are the last of their code: of (n,) codes that start from 0."""
    last = np.zeros(int(codes.max(initial=-1)) + 1, np.int64)
    last[codes] = np.arange(len(codes))
    # a code whose only rows were bad has no row here
    return np.unique(last[np.unique(codes)])
