"""Resources that a file declares, with their places in it, and notes on what has no equal here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.document.report import Fault
from gateway.manifest.kinds import ResourceKind

Key = tuple[str, ...]  # a noun, then the names that tell one from all others


@dataclass(frozen=True)
class Declared:
    """A resource of the file. `members` are those of its Create operation, with names where these have ARNs and without
    what its place tells; `initial` are more of them, which count only when it is made."""

    kind: ResourceKind
    key: Key
    parent: Key | None
    members: Mapping[str, Any]
    place: str
    line: int = 0
    initial: Mapping[str, Any] = field(default_factory=dict)
    is_name_derived: bool = False  # a job whose name is not the file's

    @property
    def group(self) -> str:
        return group_of(self.key)

    @property
    def label(self) -> str:
        return label_of(self.kind, self.key)

    @property
    def name(self) -> str:
        return str(self.members.get(self.kind.named_by, ""))

    def fault(self, message: str, member: str = "") -> Fault:
        return Fault(f"{self.place}.{member}" if member else self.place, message, self.line)


@dataclass(frozen=True)
class ResourceFile:
    name: str  # of the file
    resources: tuple[Declared, ...]  # in the order in which they are made
    notes: tuple[Fault, ...] = ()

    @property
    def groups(self) -> list[str]:
        return [each.key[1] for each in self.resources if each.kind.noun == "datasetGroup"]


def key_of(kind: ResourceKind, parent: Key | None, members: Mapping[str, Any]) -> Key:
    around = () if parent is None else parent[1:]
    if kind.noun == "dataset":
        return (kind.noun, *around, str(members.get("datasetType", "")).upper())
    if kind.is_single:
        return (kind.noun, *around)
    if kind.noun == "campaign":  # may change to another solution of its group
        around = around[:1]
    return (kind.noun, *around, str(members.get(kind.named_by, "")))


def group_of(key: Key) -> str:
    """The name of the dataset group that it is in; a schema is in none."""
    return "" if key[0] == "schema" else key[1]


def label_of(kind: ResourceKind, key: Key) -> str:
    return f"{kind.words} {'/'.join(key[1:])}"
