"""The seam of item metadata: names in, columns out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.cache import Tag
from gateway.upstreams import Means

Columns = dict[str, Any]


class Source(Protocol):
    """`of` is whose items are meant: the member of `plan.ItemsOf` that belongs to the type."""

    def use(self, wanted: Collection[Any]) -> None:
        """These are what `of` will be from here on, until the next call. On the event loop."""

    async def ready(self) -> None:
        """Return once there is metadata, or it takes too long to wait for."""

    async def close(self) -> None: ...

    def version(self, of: Any) -> int:
        """Of what `of` would say now: another number wherever that may differ. Costs nothing worth mentioning."""

    def tags(self, of: Any) -> tuple[Tag, ...] | None:
        """What changes wherever the version does; None where nothing else tells."""

    async def of(self, items: Sequence[str], columns: Sequence[str], of: Any) -> list[Columns | None]:
        """Each item's columns, None where nothing is known; all, or these `columns` at least. Raises `Problem`."""


class Always:
    """What sources have in common that need nothing prepared."""

    def use(self, wanted: Collection[Any]) -> None:
        return

    async def ready(self) -> None:
        return

    async def close(self) -> None:
        return


@dataclass(frozen=True)
class SourceType:
    """`names` are values of a `Metadata.type`."""

    names: tuple[str, ...]
    open: Callable[[Means], Source]
