"""The seam of item metadata: one method, names in, columns out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.upstreams import Means

Columns = dict[str, Any]


class Source(Protocol):
    def version(self, model: str) -> int:
        """Of what `of` would say now: another number wherever that may differ. Costs nothing worth mentioning."""

    async def of(self, items: Sequence[str], columns: Sequence[str], model: str) -> list[Columns | None]:
        """Each item's columns under camel-case keys, None where nothing is known. No `columns`: all."""


@dataclass(frozen=True)
class SourceType:
    """`names` are values of a `Metadata.type`."""

    names: tuple[str, ...]
    open: Callable[[Means], Source]
