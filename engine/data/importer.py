"""CSV files → columns, with a full account of what is wrong in them (specification §2.4).

One pass, a block of rows at a time. A block's column is first read as a whole; only where that fails is each of its
cells looked at, so that clean data is fast and every bad row is reported by its line. Texts are interned: a column
holds each distinct text once.
"""

from __future__ import annotations

import codecs
import csv
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec
import numpy as np

from engine.data.columns import Array, Column, Labels, Longs, Numbers, Tags, Texts, load_columns, save_columns
from engine.data.schema import BOOLEANS, Field, Schema, length_problem, number_problem, plain
from engine.data.source import Source
from engine.errors import InvalidInput

BLOCK = 8192  # rows
LINES_SHOWN = 10  # of each kind of bad row
FLAWS_SHOWN = 10  # kinds of bad rows in a failure reason
MAX_LINE = 4 << 20  # bytes


class Progress(Protocol):
    def __call__(self, fraction: float, message: str) -> None:
        """Say how far the import is: 0..1 of the bytes and a few words. May raise to stop it."""
        ...


class Flaw(msgspec.Struct, rename="camel"):
    """One kind of bad row. `lines` are the first ones, as file:line; `example` is the first value that was refused."""

    rule: str
    column: str | None = None
    count: int = 0
    lines: list[str] = []
    example: str | None = None

    def __str__(self) -> str:
        names_it = self.column is None or self.rule.endswith(f"for {self.column}.")
        what = self.rule if names_it else f"{self.column} {self.rule}"
        rows = f"{self.count:,} {'row' if self.count == 1 else 'rows'}"
        example = "" if self.example is None else f", such as {self.example!r}"
        where = ", ".join(self.lines) + (", …" if self.count > len(self.lines) else "")
        return f"{what} ({rows}{example}: {where})"


class Report(msgspec.Struct, rename="camel"):
    """What became of every row: rows = kept + duplicates + bad. Blank lines are no rows."""

    rows: int = 0
    kept: int = 0
    duplicates: int = 0  # interactions equal in every column, or earlier rows of the same id
    bad: int = 0
    blank_lines: int = 0
    files: list[str] = []
    ignored_columns: list[str] = []
    flaws: list[Flaw] = []

    def failure_reason(self) -> str | None:
        """Why the job fails; None where every row is good."""
        if not self.bad:
            return None
        shown = "; ".join(map(str, self.flaws[:FLAWS_SHOWN]))
        more = len(self.flaws) - FLAWS_SHOWN
        tail = f"; and {more} more kinds of errors" if more > 0 else ""
        return f"{self.bad:,} of {self.rows:,} rows are bad, nothing was imported. {shown}{tail}."


@dataclass(frozen=True)
class Imported:
    """The good rows as columns by schema field name, and the report. Use the rows only if `report.bad` is 0."""

    rows: Mapping[str, Column]
    report: Report

    def __len__(self) -> int:
        return self.report.kept

    def save(self, folder: Path) -> None:
        save_columns(folder, self.rows)
        (folder / "report.json").write_bytes(msgspec.json.encode(self.report))

    @classmethod
    def load(cls, folder: Path) -> Imported:
        report = msgspec.json.decode((folder / "report.json").read_bytes(), type=Report)
        return cls(load_columns(folder), report)


def import_csv(source: Source, schema: Schema, progress: Progress) -> Imported:
    """Read every file of the source.

    Bad rows don't raise: ask the report. Raises `InvalidInput` where a header is wrong or a file can't be read.
    """
    table = _Table(schema)
    header: list[str] | None = None
    for file in source.files:
        with source.open(file) as stream:
            reader = _Rows(stream, file.name, table.ledger)
            names = reader.header()
            if header is None:
                header = names
                table.place(names)
            if names != header:
                raise InvalidInput(
                    f"The header of {file.name} differs from that of {source.files[0].name};"
                    " every file must have the same header."
                )
            table.report.files.append(file.name)
            for block in reader.blocks(len(header)):
                table.add(block)
                progress(source.bytes_read / max(1, source.size), f"{table.report.rows:,} rows read")
    imported = table.finish()
    progress(1.0, f"{imported.report.kept:,} rows imported")
    return imported


def column_kind(field: Field) -> type[Column]:
    """The column that a field's values are kept in."""
    if field.type != "string":
        return Numbers
    return Tags if field.categorical else Texts if field.textual else Labels


# ---- the report's bookkeeping


class _Ledger:
    """Collects flaws by column and rule."""

    def __init__(self) -> None:
        self.flaws: dict[tuple[str | None, str], Flaw] = {}

    def note(self, rule: str, line: str, column: str | None = None, example: str | None = None) -> None:
        flaw = self.flaws.get((column, rule))
        if flaw is None:
            shown = None if example is None else example[:40] + ("…" if len(example) > 40 else "")
            flaw = self.flaws[column, rule] = Flaw(rule, column, lines=[], example=shown)
        flaw.count += 1
        if len(flaw.lines) < LINES_SHOWN:
            flaw.lines.append(line)


# ---- text → rows

_WIDTH = "the number of fields differs from the header's"
_UNCLOSED = "a quote is opened and never closed, or a cell is longer than 131,072 characters"
_CSV_ERRORS = (  # part of the parser's message -> what is wrong
    ("unexpected end", _UNCLOSED),
    ("field limit", _UNCLOSED),
    ("expected after", 'text follows a closing quote; inside a quoted text write \\" for a quote'),
    ("new-line character", "a bare carriage return outside quotes"),
)
_QUOTED = re.compile(r'(?:^|(?<=,))"(?:[^"\\]|\\.|"")*+', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')


def unescape(text: str, inside: bool) -> str:
    """Write the escapes \\" and \\\\ of quoted cells as the parser of the standard library knows them: "" and \\.

    `inside`: the text starts within a quoted cell. Other backslashes, and those outside quotes, are plain characters.
    """
    if inside:
        return _QUOTED.sub(_rewrite, '"' + text)[1:]
    return _QUOTED.sub(_rewrite, text)


def _rewrite(quoted: re.Match[str]) -> str:
    return _ESCAPED.sub(lambda escape: '""' if escape[1] == '"' else "\\", quoted[0])


class _Lines:
    """One file's lines for the CSV parser, which pulls more than one for a row whose quoted cells hold line breaks."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        first = stream.readline(MAX_LINE).removeprefix(codecs.BOM_UTF8)
        self._again = [first] if first else []  # lines to read once more
        self._more: list[bytes] = []  # the row's lines after its first
        self.number = 0  # of the line pulled last
        self.start = 0  # the row's first line; 0: none pulled yet
        self.flaw: str | None = None  # what is wrong with the row's bytes

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        raw = self._again.pop() if self._again else self._stream.readline(MAX_LINE)
        if not raw:
            raise StopIteration
        self.number += 1
        if len(raw) == MAX_LINE:
            self._skip_rest()
            self.flaw, raw = f"the line is longer than {MAX_LINE:,} bytes", b"\n"
        inside = self.start > 0
        if inside:
            self._more.append(raw)
        else:
            self.start = self.number
        text = self._decode(raw)
        return unescape(text, inside) if "\\" in text else text

    def begin_row(self) -> None:
        self.start = 0
        self.flaw = None
        if self._more:
            self._more = []

    @property
    def several(self) -> bool:
        return bool(self._more)

    def rewind(self) -> None:
        """Read the lines after the row's first again, as rows of their own: the row's quote was a mistake."""
        self._again.extend(reversed(self._more))
        self.number = self.start

    def _decode(self, raw: bytes) -> str:
        if b"\0" in raw:
            self.flaw = "the line holds NUL bytes; save the file as UTF-8"
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self.flaw = "the line is not UTF-8; save the file as UTF-8"
            return raw.decode(errors="replace")

    def _skip_rest(self) -> None:
        while (rest := self._stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
            pass


@dataclass(frozen=True)
class _Block:
    rows: list[list[str]]  # each as wide as the header
    lines: list[int]  # where each starts
    file: str
    refused: int  # rows that could not be taken apart
    blank: int


class _Rows:
    """The rows of one file, as blocks; those that can't be taken apart go to the ledger."""

    def __init__(self, stream: BinaryIO, file: str, ledger: _Ledger) -> None:
        self._file = file
        self._ledger = ledger
        self._lines = _Lines(stream)
        self._reader = csv.reader(self._lines, strict=True)

    def header(self) -> list[str]:
        """Raises `InvalidInput` where the first line can't be one."""
        try:
            names = next(self._reader, [])
        except csv.Error as error:
            raise InvalidInput(f"The header of {self._file} is not CSV: {error}.") from error
        if self._lines.flaw:
            raise InvalidInput(f"The header of {self._file} can't be read: {self._lines.flaw}.")
        names = [name.strip() for name in names]
        twice = {name for name in names if name and names.count(name) > 1}
        if twice:
            raise InvalidInput(f"The header of {self._file} names {', '.join(sorted(twice))} more than once.")
        return names

    def blocks(self, width: int) -> Iterator[_Block]:
        while True:
            rows: list[list[str]] = []
            lines: list[int] = []
            seen = blank = 0
            for row in islice(self._each(width), BLOCK):
                seen += 1
                if row:
                    rows.append(row)
                    lines.append(self._lines.start)
                elif row is not None:
                    blank += 1
            if not seen:
                return
            yield _Block(rows, lines, self._file, seen - len(rows) - blank, blank)

    def _each(self, width: int) -> Iterator[list[str] | None]:
        """Every row; [] for a blank line, None for a row that is refused."""
        lines, reader = self._lines, self._reader
        while True:
            lines.begin_row()
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self._torn(_rule(str(error)))
                yield None
                continue
            if lines.flaw is not None:
                self._refuse(lines.flaw)
                yield None
            elif row and len(row) != width:
                self._torn(_WIDTH, f"{len(row)} instead of {width}")
                yield None
            else:
                yield row

    def _torn(self, rule: str, example: str | None = None) -> None:
        """A row that fell apart: if it spans lines, because a quote that was never meant to reach that far."""
        if self._lines.several:
            self._lines.rewind()
            rule, example = _UNCLOSED, None
        self._refuse(rule, example)

    def _refuse(self, rule: str, example: str | None = None) -> None:
        self._ledger.note(rule, f"{self._file}:{self._lines.start}", example=example)


def _rule(message: str) -> str:
    return next((rule for part, rule in _CSV_ERRORS if part in message), message)


# ---- cells → columns


class _Builder(Protocol):
    """Makes one column. `many` reads a block's cells, `one` a single cell; both raise `ValueError` with the rule."""

    dtype: type
    blank: object  # stands where a bad cell was, until its row is dropped

    def one(self, cell: str) -> object: ...

    def many(self, cells: Sequence[str]) -> Array: ...

    def column(self, values: Array) -> Column:
        """The column of all the values that `many` gave out."""
        ...


_MISSING = "has no value where one is required"


class _Strings(dict[str, int]):
    """Interned texts: cell -> code. A text's rules are checked when it first occurs."""

    dtype: type = np.int32
    blank: object = -1

    def __init__(self, field: Field) -> None:
        self._field = field
        self._names: list[str] = []
        if field.nullable:
            self[""] = -1

    def __missing__(self, cell: str) -> int:
        if not cell:
            raise ValueError(_MISSING)
        if reason := length_problem(self._field, cell) or _impression_problem(self._field, cell):
            raise ValueError(reason)
        code = self[cell] = len(self._names)
        self._names.append(cell)
        return code

    def one(self, cell: str) -> int:
        return self[cell]

    def many(self, cells: Sequence[str]) -> Array:
        return np.fromiter(map(self.__getitem__, cells), np.int32, len(cells))

    def column(self, values: Array) -> Column:
        return _tags(values, self._names) if self._field.categorical else Labels(values, self._names)


def _impression_problem(field: Field, cell: str) -> str | None:
    if field.name != "IMPRESSION":
        return None
    items = cell.split("|")
    if "" in items:
        return "has an item without a name; write item ids joined by '|'"
    return "names an item of more than 256 characters" if max(map(len, items)) > 256 else None


def _tags(codes: Array, cells: Sequence[str]) -> Tags:
    """Tags of interned cells: each distinct cell is split once."""
    index: dict[str, int] = {}
    split = [[index.setdefault(tag, len(index)) for tag in cell.split("|") if tag] for cell in cells]
    indptr = np.zeros(len(split) + 2, np.int64)
    np.cumsum([len(tags) for tags in split], out=indptr[1:-1])
    indptr[-1] = indptr[-2]  # an empty row at the end is what code -1, a missing cell, picks
    flat = np.fromiter((tag for tags in split for tag in tags), np.int32)
    return Tags(indptr, flat, list(index)).take(codes)


class _Long:
    """Texts kept as they are, cut at the field's length."""

    dtype: type = object
    blank: object = b""

    def __init__(self, field: Field) -> None:
        self._field = field

    def one(self, cell: str) -> bytes:
        if not cell and not self._field.nullable:
            raise ValueError(_MISSING)
        return cell[: self._field.max_length].encode()

    def many(self, cells: Sequence[str]) -> Array:
        return np.array([self.one(cell) for cell in cells], object)

    def column(self, values: Array) -> Column:
        offsets = np.zeros(len(values) + 1, np.int64)
        np.cumsum([len(value) for value in values], out=offsets[1:])
        return Texts(offsets, np.frombuffer(b"".join(values), np.uint8))


_WHOLE = re.compile(r"\s*[+-]?\d{1,40}(\.0*)?\s*", re.ASCII)
_DECIMAL = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)


class _Figures:
    blank: object = 0

    def __init__(self, field: Field) -> None:
        self._field = field
        self.dtype: type = np.int64 if field.whole and not field.nullable else np.float64
        self._read: Callable[[str], float] = int if field.whole else float

    def one(self, cell: str) -> float:
        if not cell:
            if self._field.nullable:
                return math.nan
            raise ValueError(_MISSING)
        if not (_WHOLE if self._field.whole else _DECIMAL).fullmatch(cell):
            raise ValueError("is not a whole number" if self._field.whole else "is not a number")
        value = int(cell.partition(".")[0]) if self._field.whole else float(cell)
        reason = number_problem(self._field, value) if math.isfinite(value) else "is too large"
        if reason:
            raise ValueError(reason)
        return value

    def many(self, cells: Sequence[str]) -> Array:
        text = "".join(cells)
        if "_" in text or not text.isascii():  # which Python takes for digits, and a file should not
            raise ValueError
        if self._field.nullable:
            read = self._read
            values: Array = np.fromiter((read(cell) if cell else math.nan for cell in cells), self.dtype, len(cells))
            present = values[list(map(bool, cells))]
        else:
            present = values = np.fromiter(map(self._read, cells), self.dtype, len(cells))
        low, high = self._field.bounds
        if not np.isfinite(present).all() or present.min(initial=low) < low or present.max(initial=low) > high:
            raise ValueError
        return values

    def column(self, values: Array) -> Column:
        return Numbers(values)


class _Truths:
    blank: object = 0

    def __init__(self, field: Field) -> None:
        self._field = field
        self.dtype: type = np.float64 if field.nullable else np.int64

    def one(self, cell: str) -> float:
        if not cell:
            if self._field.nullable:
                return math.nan
            raise ValueError(_MISSING)
        known = BOOLEANS.get(cell.lower())
        if known is None:
            raise ValueError("is neither True, False, 1 nor 0")
        return int(known)

    def many(self, cells: Sequence[str]) -> Array:
        return np.fromiter(map(self.one, cells), self.dtype, len(cells))

    def column(self, values: Array) -> Column:
        return Numbers(values)


_BUILDERS: Mapping[type[Column], Callable[[Field], _Builder]] = {Labels: _Strings, Tags: _Strings, Texts: _Long}


def _builder(field: Field) -> _Builder:
    if field.type == "boolean":
        return _Truths(field)
    return _BUILDERS.get(column_kind(field), _Figures)(field)


# ---- the table


class _Table:
    """All columns of one import while it runs."""

    def __init__(self, schema: Schema) -> None:
        self.report = Report(files=[], ignored_columns=[], flaws=[])
        self.ledger = _Ledger()
        self._schema = schema
        self._builders = {field.name: _builder(field) for field in schema.fields}
        self._blocks: dict[str, list[Array]] = {field.name: [] for field in schema.fields}
        self._places: dict[str, int] = {}

    def place(self, header: Sequence[str]) -> None:
        """Find every field's column. Raises `InvalidInput` where some have none."""
        alike = {plain(name): index for index, name in reversed(list(enumerate(header)))}
        exact = {name: index for index, name in enumerate(header)}
        found = {field.name: exact.get(field.name, alike.get(plain(field.name))) for field in self._schema.fields}
        missing = [name for name, index in found.items() if index is None]
        if missing:
            raise InvalidInput(f"Input CSV is missing the following columns:[{', '.join(missing)}].")
        self._places = {name: index for name, index in found.items() if index is not None}
        used = set(self._places.values())
        self.report.ignored_columns = [name for index, name in enumerate(header) if index not in used]

    def add(self, block: _Block) -> None:
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

    def _column_of(self, name: str, cells: Sequence[str], block: _Block, good: Array) -> Array:
        """The block's values; the rows of bad cells are struck from `good`."""
        builder = self._builders[name]
        try:
            return builder.many(cells)
        except (ValueError, OverflowError):
            values = [self._cell(name, cell, index, block, good) for index, cell in enumerate(cells)]
        return np.array(values, builder.dtype)

    def _cell(self, name: str, cell: str, index: int, block: _Block, good: Array) -> object:
        builder = self._builders[name]
        try:
            return builder.one(cell)
        except ValueError as error:
            self.ledger.note(str(error), f"{block.file}:{block.lines[index]}", name, cell or None)
            good[index] = False
            return builder.blank

    def finish(self) -> Imported:
        report, values = self.report, {name: self._joined(name) for name in self._builders}
        read = report.rows - report.bad
        key = self._schema.key
        kept = last_of_each(values[key]) if key else first_of_equals(list(values.values()))
        report.kept = len(kept)
        report.duplicates = read - len(kept)
        report.flaws = sorted(self.ledger.flaws.values(), key=lambda flaw: -flaw.count)
        rows: dict[str, Column] = {}
        for name, builder in self._builders.items():
            column = values.pop(name)
            rows[name] = builder.column(column[kept] if report.duplicates else column)
        return Imported(rows, report)

    def _joined(self, name: str) -> Array:
        return np.concatenate((np.empty(0, self._builders[name].dtype), *self._blocks.pop(name)))


# ---- duplicates


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
    """As numbers that are equal where the values are; missing ones (NaN) too."""
    return (column if column.dtype == np.float64 else column.astype(np.int64)).view(np.uint64)


def last_of_each(codes: Array) -> Longs:
    """Rows, ascending, that are the last of their code: of (n,) codes that start from 0."""
    last = np.zeros(int(codes.max(initial=-1)) + 1, np.int64)
    last[codes] = np.arange(len(codes))
    # a code whose only rows were bad has no row here
    return np.unique(last[np.unique(codes)])
