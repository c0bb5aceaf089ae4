"""Parquet → rows, a block at a time, by pyarrow (the extra `feeds`)."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader
from typing import Any, ClassVar

from engine.data.options import Timestamps
from engine.data.readers import TIME_TEXTS, block_of, cell_of
from engine.data.report import FlawLedger
from engine.data.rows import BLOCK, Block
from engine.errors import InvalidInput

INSTALL = "install pyarrow where imports run: pip install 'recgate[feeds]'"


class ParquetRows:
    """The rows of one file. Typed times become what `timestamps` says; a row's line is its number, from 1."""

    is_named: ClassVar[bool] = False

    def __init__(self, stream: BufferedReader[Any], file: str, ledger: FlawLedger, timestamps: Timestamps) -> None:
        """The stream can be read from its end. Raises `InvalidInput` where the file is broken, or pyarrow is not
        installed."""
        try:
            from pyarrow import ArrowException, parquet
        except ImportError as error:
            raise InvalidInput(f"{file} is a Parquet file: {INSTALL}; or export it as CSV.") from error
        self._broken: tuple[type[Exception], ...] = (ArrowException, OSError)
        self._file, self._ledger, self._text_of_time = file, ledger, TIME_TEXTS[timestamps]
        try:
            self._parquet = parquet.ParquetFile(stream)
        except self._broken as error:
            raise self._refusal(error) from error

    def header(self) -> list[str]:
        schema = self._parquet.schema_arrow
        for field in schema:
            if not _is_readable(field.type):
                raise InvalidInput(
                    f"Column {field.name} of {self._file} is of type {field.type}: texts, numbers, booleans, times and"
                    " lists of texts can be imported; leave the column out, or export it as text."
                )
        return list(schema.names)

    def blocks(self, width: int) -> Iterator[Block]:
        line = 1
        batches = self._parquet.iter_batches(batch_size=BLOCK)
        while True:
            try:
                batch = next(batches, None)
            except self._broken as error:
                raise self._refusal(error) from error
            if batch is None:
                return
            try:
                columns = [self._cells(column) for column in batch.columns]
            except ValueError as error:
                raise InvalidInput(f"{self._file}, rows {line:,} to {line + batch.num_rows - 1:,}: {error}.") from error
            rows = [list(cells) for cells in zip(*columns, strict=True)]
            yield block_of(rows, list(range(line, line + len(rows))), self._file, self._ledger)
            line += len(rows)

    def _cells(self, column: Any) -> list[str]:
        import pyarrow

        types = pyarrow.types
        if types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if types.is_timestamp(column.type) or types.is_date(column.type):
            moments = column.cast(pyarrow.timestamp("us", getattr(column.type, "tz", None)), safe=False)
            micros = moments.cast(pyarrow.int64()).to_pylist()
            return ["" if each is None else self._text_of_time(each) for each in micros]
        if types.is_floating(column.type) or _is_list(column.type):
            return [cell_of(each) for each in column.to_pylist()]
        texts: list[str] = column.cast(pyarrow.string()).fill_null("").to_pylist()
        return texts

    def _refusal(self, error: Exception) -> InvalidInput:
        return InvalidInput(f"{self._file} is a Parquet file that can't be read: {error}.")


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_readable(kind: Any) -> bool:
    from pyarrow import types

    if types.is_dictionary(kind) or _is_list(kind):
        kind = kind.value_type
        return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_integer(kind))
    readable = (types.is_string, types.is_large_string, types.is_integer, types.is_floating, types.is_boolean)
    return any(one(kind) for one in (*readable, types.is_timestamp, types.is_date, types.is_decimal, types.is_null))
