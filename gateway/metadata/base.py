"""The seam of item metadata: names in, columns out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.cache import Tag
from gateway.dependencies import Dependencies
from gateway.document.kinds import LAST
from gateway.document.remote import Enclosing
from gateway.document.values import Locale, Part, Text

Columns = dict[str, Any]


class MetadataPart(Part, frozen=True, tag_field="type"):
    """A source of metadata: which fields, or all; with locales, title_de and titleDe are the German title, for who asks
    ?locale=de."""

    item_columns: tuple[Text, ...] = ()
    locales: tuple[Locale, ...] = ()


class Source(Protocol):
    """`of` is whose items are meant: what the kind's `items` made of the document."""

    def use(self, wanted: Collection[Any]) -> None:
        """These are what `of` will be from here on, until the next call. On the event loop."""

    async def ready(self) -> None:
        """Return once there is metadata, or it takes too long to wait for."""

    async def close(self) -> None: ...

    def version(self, of: Any) -> int:
        """The version of what `of` would say now: another number wherever that may differ. Costs next to nothing."""

    def tags(self, of: Any) -> tuple[Tag, ...] | None:
        """The cache's tags that change whenever the version does; None where nothing tells."""

    async def of(self, items: Sequence[str], columns: Sequence[str], of: Any) -> list[Columns | None]:
        """Each item's columns, None where nothing is known; all, or these `columns` at least. Raises `Problem`."""


class Always:
    """The common part of sources that prepare nothing."""

    def use(self, wanted: Collection[Any]) -> None:
        return

    async def ready(self) -> None:
        return

    async def close(self) -> None:
        return


@dataclass(frozen=True)
class SourceType:
    """A kind of source, for these parts of the document. `items(part, enclosing)` says whose items are meant, frozen;
    None where the origin decorates its answers itself."""

    parts: tuple[type[MetadataPart], ...]
    items: Callable[[Any, Enclosing], Hashable | None]
    open: Callable[[Dependencies], Source]
    place: int = LAST  # in the schema

    @property
    def names(self) -> list[str]:
        """The values of `plan.Metadata.type` that mean it."""
        return [str(part.__struct_config__.tag) for part in self.parts]
