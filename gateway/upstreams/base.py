"""The seam of whoever answers: make sure it has seen the user's own events, say what an answer hangs on, answer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

import msgspec

from gateway.ask import Answer, Ask
from gateway.cache import Tag
from gateway.engine_port import EnginePort
from gateway.outbound import Outbound
from gateway.outbound.signing import Signer
from gateway.plan.plan import Plan, Variation
from gateway.telemetry import Telemetry


class Scope(msgspec.Struct, frozen=True):
    """Whom an answer is for and what outdates it. `user` is None where everyone without history gets the same; what
    would set the asking user apart from them is its `own` tag even then."""

    user: str | None
    tags: tuple[Tag, ...] = ()
    own: Tag | None = None


class Upstream(Protocol):
    """`ask` is enriched. Every failure is a `Problem`."""

    async def catch_up(self, ask: Ask, variation: Variation) -> None:
        """Return once an answer would see every acknowledged event of the asking user."""

    async def scope(self, ask: Ask, variation: Variation) -> Scope: ...

    async def answer(self, ask: Ask, plan: Plan, variation: Variation) -> Answer: ...


class Elsewhere:
    """What all origins but the engine have in common: nothing is known of a user's history, so that no two share."""

    async def catch_up(self, ask: Ask, variation: Variation) -> None:
        return

    async def scope(self, ask: Ask, variation: Variation) -> Scope:
        return Scope(ask.user_id)


@dataclass(frozen=True)
class Means:
    """What upstreams and metadata sources are made of. `threads`: for what would hold up the event loop."""

    engine: EnginePort
    threads: Executor
    outbound: Outbound
    signer: Signer
    telemetry: Telemetry
    clock: Callable[[], float]


@dataclass(frozen=True)
class UpstreamType:
    """`name` is a `Variation.upstream`."""

    name: str
    open: Callable[[Means], Upstream]
