"""Items' metadata as it goes out, encoded once for all answers that show it. Used from the event loop."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from gateway.body import encoded
from gateway.fields import Rows

MOST_BYTES = 64_000_000
OVERHEAD = 250  # bytes of an item's place, its name among them


class MetadataTable:
    """Items' metadata at one version, as callers of one kind see it: an encoded member, `,"metadata":{…}`, an item; b""
    for an unknown one."""

    def __init__(self, version: int) -> None:
        self.version, self.size = version, 0
        self.members: dict[str, bytes] = {}

    def lacks(self, items: Sequence[str]) -> list[str]:
        return [item for item in items if item not in self.members]

    def put(self, items: Sequence[str], rows: Rows) -> None:
        """Add the items that are still absent."""
        new = {item: member(row) for item, row in zip(items, rows, strict=True) if item not in self.members}
        self.members.update(new)
        self.size += sum(len(each) + OVERHEAD for each in new.values())


class MetadataTables:
    """A table for each kind of caller. One is dropped where the metadata may have changed, all where they are too
    large."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._tables: dict[Hashable, MetadataTable] = {}

    def of(self, kind: Hashable, version: int) -> MetadataTable:
        """The kind's table, or a new one that is not stored before something is put."""
        table = self._tables.get(kind)
        return table if table is not None and table.version == version else MetadataTable(version)

    def put(self, kind: Hashable, table: MetadataTable, items: Sequence[str], rows: Rows) -> None:
        table.put(items, rows)
        stored = self._tables.get(kind)
        if stored is None or stored.version <= table.version:
            self._tables[kind] = table
        if self.size > self._most:
            self._tables = {}

    @property
    def size(self) -> int:
        return sum(table.size for table in self._tables.values())


def member(row: Mapping[str, object] | None) -> bytes:
    return b"" if row is None else b',"metadata":' + encoded(row)
