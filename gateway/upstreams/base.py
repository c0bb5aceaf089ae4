"""The seam of origins: make sure it has seen the user's own events, say what an answer hangs on, answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import msgspec

from engine import Fatigue, RuleBook
from gateway.ask import Answer, Ask
from gateway.cache import Tag
from gateway.dependencies import Dependencies
from gateway.document.kinds import LAST
from gateway.document.remote import Enclosing
from gateway.plan.plan import Plan, Variation
from gateway.upstreams.level import VariationPart


class Scope(msgspec.Struct, frozen=True):
    """The audience of an answer, and what outdates it. `user` is None where everyone without history gets the same. The
    asking user's `own` tag sets them apart from those as soon as they have a history. `rules` are the campaign's own,
    where the question has none; `fatigue` is the campaign's own rule. A list that `is_drawn` has a part in it that
    chance puts there anew from time to time."""

    user: str | None
    tags: tuple[Tag, ...] = ()
    own: Tag | None = None
    rules: RuleBook | None = None
    fatigue: Fatigue | None = None
    is_drawn: bool = False


class Upstream(Protocol):
    """`ask` is enriched. Every failure is a `Problem`."""

    async def catch_up(self, ask: Ask, variation: Variation, position: int = 0) -> int | None:
        """Return once an answer would see every acknowledged event of the asking user, and the log up to the position.
        Where that takes too long, the result is the position that it would see; else None."""

    async def scope(self, ask: Ask, variation: Variation) -> Scope: ...

    async def answer(self, ask: Ask, plan: Plan, variation: Variation) -> Answer: ...


class Elsewhere:
    """The common part of all origins but the engine. No history of users is known, so no two share an answer."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._outbound, self._signer = dependencies.outbound, dependencies.signer

    async def catch_up(self, ask: Ask, variation: Variation, position: int = 0) -> int | None:
        return None

    async def scope(self, ask: Ask, variation: Variation) -> Scope:
        return Scope(ask.user_id)


class Answerer(NamedTuple):
    """The answerer of a variation. `model` names it there; `origin` is what its kind asks it by, frozen, None for the
    built-in engine; `parameters` are those of the query string that it is told."""

    upstream: str
    model: str
    origin: object = None
    parameters: frozenset[str] = frozenset()


@dataclass(frozen=True)
class UpstreamType:
    """A kind of origin, for these parts of the document. `name` is a `Variation.upstream`."""

    name: str
    parts: tuple[type[VariationPart], ...]
    answerer: Callable[[Any, Enclosing], Answerer]
    open: Callable[[Dependencies], Upstream]
    place: int = LAST  # in the schema
