"""The items dataset of the campaign that answered; `personalize` is the same where the built-in engine answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine import Change
from gateway.cache import Tag
from gateway.errors import as_problems
from gateway.metadata.base import Always, Columns, SourceType
from gateway.plan.plan import EngineItems
from gateway.upstreams import Means


class EngineMetadata(Always):
    def __init__(self, means: Means) -> None:
        self._answers, self._threads = means.engine.answers, means.threads
        self._changed: dict[str, int] = {}  # the last change of a group's items, by its uid
        self._schemas = 0  # of any dataset
        means.engine.feed.subscribe(self._follow)

    def version(self, of: EngineItems) -> int:
        with as_problems():
            return max(self._changed.get(self._answers.group_of(of.model), 0), self._schemas)

    def tags(self, of: EngineItems) -> tuple[Tag, ...]:
        """Schemas are records: a change of those is a doubt of all answers."""
        with as_problems():
            group = self._answers.group_of(of.model)
        return (("items", group), ("snapshot", group))

    async def of(self, items: Sequence[str], columns: Sequence[str], of: EngineItems) -> list[Columns | None]:
        loop = asyncio.get_running_loop()
        with as_problems():
            return await loop.run_in_executor(self._threads, self._answers.metadata, of.model, items, columns)

    def _follow(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind in ("item", "snapshot"):
                self._changed[change.group] = change.seq
            elif change.kind == "record" and ":dataset" in change.key:
                self._schemas = change.seq


SOURCE = SourceType(("engine", "personalize"), EngineMetadata)
