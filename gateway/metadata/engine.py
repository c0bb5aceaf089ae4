"""The items dataset of the campaign that answered; `personalize` is the same where the built-in engine answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gateway.errors import as_problems
from gateway.metadata.base import Columns, SourceType
from gateway.upstreams import Means


class EngineMetadata:
    def __init__(self, means: Means) -> None:
        self._engine, self._threads = means.engine, means.threads

    async def of(self, items: Sequence[str], columns: Sequence[str], model: str) -> list[Columns | None]:
        loop = asyncio.get_running_loop()
        with as_problems():
            return await loop.run_in_executor(self._threads, self._engine.metadata, model, items, columns)


SOURCE = SourceType(("engine", "personalize"), EngineMetadata)
