"""The AWS wire's questions: one flight for all who ask the same, nothing stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engine import Question, Ranked
from gateway.cache import Changes, Flights, pairs
from gateway.limits.admission import Admission
from gateway.telemetry import Telemetry
from gateway.upstreams.engine import EngineUpstream


class Ranker:
    def __init__(self, engine: EngineUpstream, changes: Changes, admission: Admission, telemetry: Telemetry) -> None:
        self._engine, self._admission, self._telemetry = engine, admission, telemetry
        self._flights: Flights[Ranked] = Flights(changes)

    async def rank(self, question: Question, position: int) -> tuple[Ranked, int | None]:
        """The engine's answer, after all that the user has done till now, and after a position in the log; beside it
        what `Upstream.catch_up` says. Raises `Problem`."""
        behind = await self._engine.see_events_of(question.user, question.campaign, question.account, position)
        tags = await self._engine.tags(question.user, question.campaign, question.account)

        async def make() -> Ranked:
            async with self._admission.place(question.account):
                with self._telemetry.upstream("engine"):
                    return await self._engine.rank(question)

        ranked, _ = await self._flights.join(_hashable(question), tags, question.user, make)
        return ranked, behind

    async def close(self) -> None:
        await self._flights.close()


def _hashable(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return tuple(_hashable(part) for part in msgspec.structs.astuple(value))
    return pairs(value) if isinstance(value, Mapping) else value
