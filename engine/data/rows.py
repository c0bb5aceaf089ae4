"""CSV text → rows, a block at a time; each row has its line, by which bad rows are reported."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, ClassVar

from engine.data.formats import START, foreign_format, separator_problem
from engine.data.report import FlawLedger
from engine.errors import InvalidInput

BLOCK = 8192  # rows
MAX_LINE = 4 << 20  # bytes

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
        first = stream.readline(MAX_LINE)
        self.foreign = foreign_format(first[:START])
        first = first.removeprefix(codecs.BOM_UTF8)
        self._again = [first] if first else []  # lines to read once more
        self.more: list[bytes] = []  # the row's lines after its first
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
            self.more.append(raw)
        else:
            self.start = self.number
        text = self._decode(raw)
        return unescape(text, inside) if "\\" in text else text

    def begin_row(self) -> None:
        self.start = 0
        self.flaw = None
        if self.more:
            self.more = []

    def rewind(self) -> None:
        """Read the lines after the row's first again, as rows of their own: the row's quote was a mistake."""
        self._again.extend(reversed(self.more))
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
class Block:
    rows: list[list[str]]  # each as wide as the header
    lines: list[int]  # where each starts
    file: str
    refused: int  # rows that could not be taken apart
    blank: int


class CsvRows:
    """The rows of one file, as blocks; those that can't be taken apart go to the ledger."""

    is_named: ClassVar[bool] = False

    def __init__(self, stream: BinaryIO, file: str, ledger: FlawLedger) -> None:
        self._file = file
        self._ledger = ledger
        self._lines = _Lines(stream)
        self._reader = csv.reader(self._lines, strict=True)

    def header(self) -> list[str]:
        """The header's names. Raises `InvalidInput` where it can't be one, or the file is no CSV with commas."""
        if self._lines.foreign:
            raise InvalidInput(f"{self._file} {self._lines.foreign}.")
        try:
            names = next(self._reader, [])
        except csv.Error as error:
            raise InvalidInput(f"The header of {self._file} is not CSV: {_rule(str(error))}.") from error
        if self._lines.flaw:
            raise InvalidInput(f"The header of {self._file} can't be read: {self._lines.flaw}.")
        names = [name.strip() for name in names]
        if problem := separator_problem(names):
            raise InvalidInput(f"{self._file} {problem}.")
        twice = {name for name in names if name and names.count(name) > 1}
        if twice:
            raise InvalidInput(f"The header of {self._file} names {', '.join(sorted(twice))} more than once.")
        return names

    def blocks(self, width: int) -> Iterator[Block]:
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
            yield Block(rows, lines, self._file, seen - len(rows) - blank, blank)

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
        """Refuse a row that fell apart; if it spans lines, because of a quote that should not have reached so far."""
        if self._lines.more:
            self._lines.rewind()
            rule, example = _UNCLOSED, None
        self._refuse(rule, example)

    def _refuse(self, rule: str, example: str | None = None) -> None:
        self._ledger.note(rule, f"{self._file}:{self._lines.start}", example=example)


def _rule(message: str) -> str:
    return next((rule for part, rule in _CSV_ERRORS if part in message), message)
