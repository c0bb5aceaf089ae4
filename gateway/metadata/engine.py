"""The items dataset of the campaign that answered; `personalize` is the same where the built-in engine answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine import Change
from gateway.cache import Tag
from gateway.dependencies import Dependencies
from gateway.document.remote import Enclosing
from gateway.errors import as_problems
from gateway.metadata.base import Always, Columns, MetadataPart, SourceType


class EngineMetadata(MetadataPart, frozen=True, tag="engine"):
    """Columns of the engine's items dataset; none named: all. `model` says whose, where another origin answers."""

    model: str = ""


class PersonalizeMetadata(MetadataPart, frozen=True, tag="personalize"):
    """Columns that the origin returns with its answer."""


def items_of(part: EngineMetadata | PersonalizeMetadata, enclosing: Enclosing) -> str | None:
    """The model of the built-in engine whose items dataset is meant."""
    named = part.model if isinstance(part, EngineMetadata) else ""
    return named or enclosing.model or None


class EngineSource(Always):
    def __init__(self, dependencies: Dependencies) -> None:
        self._answers, self._threads = dependencies.engine.answers, dependencies.threads
        self._changed: dict[str, int] = {}  # the last change of a group's items, by its uid
        self._schemas = 0  # of any dataset
        dependencies.engine.feed.subscribe(self._follow)

    def version(self, of: str) -> int:
        with as_problems():
            return max(self._changed.get(self._answers.deployed(of).group_uid, 0), self._schemas)

    def tags(self, of: str) -> tuple[Tag, ...]:
        """Schemas are records: a change of those is a doubt of all answers."""
        with as_problems():
            group = self._answers.deployed(of).group_uid
        return (("items", group), ("snapshot", group))

    async def of(self, items: Sequence[str], columns: Sequence[str], of: str) -> list[Columns | None]:
        loop = asyncio.get_running_loop()
        with as_problems():
            return await loop.run_in_executor(self._threads, self._answers.metadata, of, items, columns)

    def _follow(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind in ("item", "snapshot"):
                self._changed[change.group] = change.seq
            elif change.kind == "record" and ":dataset" in change.key:
                self._schemas = change.seq


SOURCE = SourceType((EngineMetadata, PersonalizeMetadata), items_of, EngineSource, place=1)
