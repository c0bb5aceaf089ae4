"""The rows of one dataset in a live group: the snapshot's columns, and the rows that were put since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.data.columns import Column


class LiveTable:
    """One thread puts, any reads. A put row replaces the earlier one whole.

    `memo` is for what readers derive from the rows; it is thrown away with them.
    """

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self.columns = columns
        self.rows: dict[int, dict[str, Any]] = {}  # put since the snapshot
        self.order: list[int] = []  # the ids of all that was put, in order; a row is in `rows` before its id is here
        self.size = max(map(len, columns.values()), default=0)  # above every id that has a row
        self.memo: dict[Any, Any] = {}

    def put(self, index: int, values: dict[str, Any]) -> None:
        self.rows[index] = values
        self.size = max(self.size, index + 1)
        self.order.append(index)

    def without(self, columns: Mapping[str, Column], gone: frozenset[int]) -> LiveTable:
        """A new table over other columns, which keeps the rows that were put, but for those of `gone` ids."""
        table = LiveTable(columns)
        for index in self.order:
            if index not in gone:
                table.put(index, self.rows[index])
        return table

    def value(self, index: int, name: str) -> Any:
        """The value in a column, None where there is none."""
        row = self.rows.get(index)
        if row is not None:
            return row.get(name)
        column = self.columns.get(name)
        return column.get(index) if column is not None and 0 <= index < len(column) else None

    def row(self, index: int) -> dict[str, Any] | None:
        """The columns by schema name, missing ones left out; None where there is nothing."""
        names = self.rows.get(index, self.columns)
        values = ((name, self.value(index, name)) for name in names)
        return {name: value for name, value in values if value is not None} or None


NOBODY = LiveTable({})
