"""Items' metadata as it goes out, encoded once for all answers that show it. Used from the event loop."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

import msgspec

from gateway.body import encoded
from gateway.fields import Rows

MOST_BYTES = 64_000_000
OVERHEAD = 250  # bytes of an item's place, its name among them


class Table:
    """What is told of items to those who are told the same: a member, `,"metadata":{…}`, nothing for an unknown one."""

    def __init__(self, version: int) -> None:
        self.version, self.size = version, 0
        self.members: dict[str, bytes] = {}

    def lacks(self, items: Sequence[str]) -> list[str]:
        return [item for item in items if item not in self.members]

    def put(self, items: Sequence[str], rows: Rows) -> None:
        """What it lacked, or did a moment ago."""
        new = {item: member(row) for item, row in zip(items, rows, strict=True) if item not in self.members}
        self.members.update(new)
        self.size += sum(len(told) + OVERHEAD for told in new.values())


class Tables:
    """By what is told; one is thrown away where the metadata may have changed, and all are when they are too large."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._tables: dict[Hashable, Table] = {}

    def of(self, told: Hashable, version: int) -> Table:
        """Not kept before something is put."""
        table = self._tables.get(told)
        return table if table is not None and table.version == version else Table(version)

    def put(self, told: Hashable, table: Table, items: Sequence[str], rows: Rows) -> None:
        table.put(items, rows)
        kept = self._tables.get(told)
        if kept is None or kept.version <= table.version:
            self._tables[told] = table
        if self.size > self._most:
            self._tables = {}

    @property
    def size(self) -> int:
        return sum(table.size for table in self._tables.values())


def member(row: Mapping[str, object] | None) -> bytes:
    return b"" if row is None else b',"metadata":' + encoded(row)


def joined(items: Sequence[msgspec.Raw], members: Iterable[bytes]) -> list[msgspec.Raw]:
    """Each item, a JSON object that says something already, with its member at the end."""
    pairs = zip(items, members, strict=True)
    return [msgspec.Raw(bytes(item)[:-1] + told + b"}") if told else item for item, told in pairs]
