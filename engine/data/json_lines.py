"""JSON Lines → rows: an object a line, whose members are the columns. A row may lack columns, which are empty then."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from io import BufferedReader
from typing import Any, ClassVar, NamedTuple

import msgspec

from engine.data.readers import block_of, cell_of
from engine.data.report import FlawLedger
from engine.data.rows import BLOCK, MAX_LINE, Block
from engine.errors import InvalidInput

_NO_OBJECT = "the line is no JSON object; write each record as one object on a line of its own"
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class _Records(NamedTuple):
    members: list[dict[str, Any]]
    lines: list[int]
    refused: int
    blank: int


class JsonRows:
    """The rows of one file. Its columns are the members of its first 8,192 records, and those that are optional."""

    is_named: ClassVar[bool] = True

    def __init__(self, stream: BufferedReader[Any], file: str, ledger: FlawLedger, optional: Collection[str]) -> None:
        self._stream, self._file, self._ledger, self._optional = stream, file, ledger, optional
        self._line = 0
        self._first: _Records | None = None
        self._names: list[str] = []

    def header(self) -> list[str]:
        self._first = self._records()
        if not self._first.members:
            raise InvalidInput(f"{self._file} has no record: {_NO_OBJECT}.")
        names = dict.fromkeys(name for record in self._first.members for name in record)
        self._names = [*names, *(name for name in self._optional if name not in names)]
        return self._names

    def blocks(self, width: int) -> Iterator[Block]:
        records = self._first or self._records()
        while records.members or records.refused or records.blank:
            yield self._block(records)
            records = self._records()

    def _records(self) -> _Records:
        members: list[dict[str, Any]] = []
        lines: list[int] = []
        refused = blank = 0
        while len(lines) + refused + blank < BLOCK and (raw := self._stream.readline(MAX_LINE)):
            self._line += 1
            if len(raw) == MAX_LINE:
                self._skip_rest()
                self._refuse(f"the line is longer than {MAX_LINE:,} bytes")
                refused += 1
            elif not (text := raw.removeprefix(b"\xef\xbb\xbf").strip()):
                blank += 1
            else:
                try:
                    members.append(_decode(text))
                    lines.append(self._line)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    self._refuse(_NO_OBJECT)
                    refused += 1
        return _Records(members, lines, refused, blank)

    def _block(self, records: _Records) -> Block:
        names, columns = self._names, frozenset(self._names)
        rows: list[list[str]] = []
        lines: list[int] = []
        for record, line in zip(records.members, records.lines, strict=True):
            try:
                if not columns.issuperset(record):
                    raise ValueError(f"the row has a column that none of the first {BLOCK:,} rows has")
                rows.append([cell_of(record.get(name)) for name in names])
                lines.append(line)
            except ValueError as error:
                self._ledger.note(str(error), f"{self._file}:{line}")
        refused = records.refused + len(records.members) - len(rows)
        return block_of(rows, lines, self._file, self._ledger, refused, records.blank)

    def _refuse(self, rule: str) -> None:
        self._ledger.note(rule, f"{self._file}:{self._line}")

    def _skip_rest(self) -> None:
        while (rest := self._stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
            pass
