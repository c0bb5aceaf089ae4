"""The AWS wire's lists, from the cache that the gateway's own routes have. Each has a recommendationId of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache, partial
from math import inf
from typing import Any

import msgspec

from engine import Question, Ranked, ShownList, next_draw
from gateway.answer.repeat import Repeat
from gateway.answer.request import ChangeCounters
from gateway.cache import Cache, CacheKey, EncodedAnswer, Flights, Hit, Wanted, pairs
from gateway.cache.key import promoted
from gateway.limits.admission import Admission
from gateway.plan.plan import NO_CACHE, CachePolicy
from gateway.telemetry import Telemetry
from gateway.upstreams import Scope
from gateway.upstreams.engine import EngineUpstream

WIRE = "aws"  # in place of a namespace, and of the configuration's version: no part of it changes these answers

Encode = Callable[[Ranked], Awaitable[bytes]]  # the body, up to the recommendationId


class WireList(msgspec.Struct, frozen=True):
    """A list in the wire's words: `opening` is its body up to the recommendationId. `short` is of `Ranked`, `behind`
    what `Upstream.catch_up` says. `repeat` says for how long it is true of who asks the same; None: it is to be asked
    for anew each time."""

    opening: bytes
    recommendation_id: str
    short: bool = False
    behind: int | None = None
    repeat: Callable[[], Repeat] | None = None


class Ranker:
    """Answers questions of the wire. `max_age()`: seconds for which a list may be repeated."""

    def __init__(
        self,
        engine: EngineUpstream,
        cache: Cache,
        admission: Admission,
        telemetry: Telemetry,
        max_age: Callable[[], int],
    ) -> None:
        self._engine, self._cache, self._admission, self._telemetry = engine, cache, admission, telemetry
        self._max_age = max_age
        self._flights: Flights[Ranked] = Flights(cache.changes)

    async def rank(self, question: Question, position: int) -> tuple[Ranked, int | None]:
        """The engine's answer, after all that the user has done till now, and after a position in the log; beside it
        what `Upstream.catch_up` says. Nothing is kept. Raises `Problem`."""
        behind = await self._engine.see_events_of(question.user, question.campaign, question.account, position)
        tags = await self._engine.tags(question.user, question.campaign, question.account)
        ranked, _ = await self._flights.join(_hashable(question), tags, question.user, lambda: self._rank(question))
        return ranked, behind

    async def answer(self, question: Question, columns: tuple[str, ...], position: int, encode: Encode) -> WireList:
        """A list, from the cache where it is still what the engine would answer. `columns` are of the metadata that
        `encode` adds. Raises `Problem`, never an older list in its place."""
        behind = await self._engine.see_events_of(question.user, question.campaign, question.account, position)
        before = ChangeCounters.of(self._cache.changes, 0)
        scope = await self._engine.scope_of(question)
        own: list[str] = []  # the id of the answer that this very request has made

        async def make() -> EncodedAnswer:
            ranked = await self._rank(question)
            body = await encode(ranked)
            own.append(ranked.recommendation_id)
            return await self._encoded(question, scope, ranked, body)

        wanted = self._wanted(question, columns, scope)
        hit = await self._cache.fetch(wanted, make)
        self._telemetry.lookup(WIRE, question.campaign, hit.outcome)
        answer = hit.answer
        assert answer.shown is not None
        name = own[-1] if own else self._engine.show_again(question, answer.shown)
        repeats = behind is None and hit.outcome in ("hit", "shared")
        repeat = partial(self._repeat, wanted, hit, scope, before) if repeats else None
        return WireList(answer.body, name, answer.short, behind, repeat)

    async def close(self) -> None:
        await self._flights.close()

    async def _rank(self, question: Question) -> Ranked:
        async with self._admission.place(question.account):
            with self._telemetry.upstream("engine"):
                return await self._engine.rank(question)

    async def _encoded(self, question: Question, scope: Scope, ranked: Ranked, body: bytes) -> EncodedAnswer:
        return EncodedAnswer(
            body,
            variation="",
            model=ranked.model,
            as_of=ranked.as_of,
            # what was true of the user or the campaign when the question came has changed since
            private=await self._engine.scope_of(question) != scope,
            shown=ShownList(ranked.items, ranked.propensities, ranked.model),
            short=ranked.short,
        )

    def _repeat(self, wanted: Wanted, hit: Hit, scope: Scope, before: ChangeCounters) -> Repeat:
        own_tags = (scope.own,) if scope.own and scope.own not in wanted.tags else ()
        entry, tags = hit.entry, (*wanted.tags, *own_tags)
        return Repeat(
            key=wanted.key,
            entry=entry,
            body=entry.answer.body,
            tail=b"",
            until=min(entry.stored_at + wanted.policy.max_age_s * (1 - entry.jitter), entry.until, wanted.until),
            tags=tags,
            seen=self._cache.changes.latest(tags),
            own=None if scope.own is None else (scope.own[1], scope.own[2]),
            version=None,
            mark=0,
            before=before,
            outcome=hit.outcome,
        )

    def _wanted(self, question: Question, columns: tuple[str, ...], scope: Scope) -> Wanted:
        now = self._cache.clock()
        until = next_draw(now) if scope.is_drawn else inf
        if scope.rules is not None:
            until = min(until, scope.rules.in_force(now).until)
        # with a rule of fatigue each answer counts as shown, and changes the next
        policy = NO_CACHE if scope.fatigue is not None else _policy(self._max_age())
        return Wanted(key_of(question, columns, scope.user), policy, scope.tags, question.user, until, is_strict=True)


@lru_cache(maxsize=16)
def _policy(max_age_s: int) -> CachePolicy:
    return CachePolicy(max_age_s=max_age_s, storable=max_age_s > 0)


def key_of(question: Question, columns: tuple[str, ...], user: str | None) -> CacheKey:
    """All members that a question of the wire has. Namespaces of a configuration have other names or recommenders: no
    ARN is one."""
    return CacheKey(
        version=WIRE,
        action="recommend-items" if question.candidates is None else "rerank-items",
        namespace=WIRE,
        recommender=question.campaign,
        variation=question.account,
        user=user,
        cohort=None,
        item=question.item,
        items=question.candidates,
        results=question.num_results,
        filter=question.filter,
        expression=None,
        values=pairs(question.filter_values),
        context=pairs(question.context),
        decorate=bool(columns),
        parameters=tuple([(column, "") for column in columns]),
        promotion=None if question.promotion is None else promoted(question.promotion),
        history=question.history,
    )


def _hashable(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return tuple(_hashable(part) for part in msgspec.structs.astuple(value))
    return pairs(value) if isinstance(value, Mapping) else value
