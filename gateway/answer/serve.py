"""The stories of a question: one of the REST routes answered, and one of the AWS wire."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from typing import Any

import msgspec

from engine import Cohort, Explanation, Question, Ranked
from gateway.answer.assign import assign
from gateway.answer.cohorts import of_cohort, shared_by
from gateway.answer.decorate import Decorators, after, is_list
from gateway.answer.filters import filtered, promoted
from gateway.answer.make import Maker
from gateway.answer.mix import mixed
from gateway.answer.repeat import Before, is_repeatable, repeat_of
from gateway.answer.reply import Reply, reply_of
from gateway.ask import Ask
from gateway.auth import Authenticator, RateLimiter, allowed
from gateway.body import STEPS, closed, first_step, next_step
from gateway.cache import (
    Cache,
    DecoratedBody,
    DecorationKey,
    EncodedAnswer,
    Flights,
    Hit,
    Make,
    Wanted,
    etag_of,
    is_broken,
    key_of,
    pairs,
)
from gateway.cache.purge import tags_of_answer
from gateway.caller import Caller
from gateway.config import Config
from gateway.config.caching import policy_for
from gateway.context.autocontext import context_of, next_change
from gateway.errors import Invalid, Problem
from gateway.events.record import Recorder
from gateway.experiments.enrol import Enrolment, enrolled
from gateway.experiments.ledger import Ledger
from gateway.limits.admission import Admission
from gateway.limits.body_budget import BodyBudget
from gateway.plan.experiment import Arm
from gateway.plan.plan import CachePolicy, Moment, Namespace, Plan, Variation
from gateway.telemetry import Telemetry
from gateway.upstreams import Scope, Upstream
from gateway.upstreams.engine import EngineUpstream

log = logging.getLogger(__name__)


class Gateway:
    def __init__(
        self,
        config: Config,
        cache: Cache,
        upstreams: Mapping[str, Upstream],
        maker: Maker,
        decorators: Decorators,
        engine: EngineUpstream,
        ledger: Ledger,
        telemetry: Telemetry,
        authenticator: Authenticator,
        rate_limiter: RateLimiter,
        admission: Admission,
        events: Recorder,
        clock: Callable[[], float],
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.config, self.bodies = config, BodyBudget(config.body_bytes)
        self._cache, self._upstreams, self._maker, self._decorators = cache, upstreams, maker, decorators
        self._engine, self._ledger = engine, ledger
        self._ranking: Flights[Ranked] = Flights(cache.changes)
        self._telemetry, self._clock = telemetry, clock
        self._authenticator, self._rate_limiter = authenticator, rate_limiter
        self._admission, self.events, self._timer = admission, events, timer

    async def open(self) -> None:
        """Before the first request."""
        await asyncio.to_thread(self._ledger.prepare, self.config.experiments)
        self._ledger.start()
        await self.events.open(self.config)
        self._decorators.use(self.config)
        await self._decorators.ready()

    def use(self, config: Config) -> None:
        """From here on; requests under way end as they began."""
        self.events.use(config)
        self.config, self.bodies.most = config, config.body_bytes
        self._decorators.use(config)

    async def answer(self, ask: Ask, caller: Caller, policy: CachePolicy | None = None) -> Reply:
        """One request, top to bottom. A `policy` counts instead of the configured one."""
        config = self.config
        allowed(caller.principal, ask.namespace, ask.action, ask.user_id)
        plan, began = config.plan_for(ask), self._timer()
        try:
            return await self._answer(ask, plan, caller, config, policy)
        except Exception as error:
            if is_broken(error) and ask.cohort is None:
                self._count_failed(ask, plan, caller, self._timer() - began)
            if not plan.fallback or not is_broken(error):
                raise
            return await self._fall_back(ask, plan, caller, config, error)

    async def _answer(
        self,
        ask: Ask,
        plan: Plan,
        caller: Caller,
        config: Config,
        policy: CachePolicy | None,
        ranker: str | None = None,
    ) -> Reply:
        """`ranker`: the variation that answers, for its part of a drafted list."""
        moment, enrolment, began = self.moment(caller), None, self._timer()
        if ranker is not None:
            variation = assign(plan, ask.user_id, ask.feature, ranker)
        elif ask.cohort is None:
            variation, enrolment = self._assigned(ask, plan, moment)
            if enrolment is not None and enrolment.rankers:
                return await self._drafted(ask, plan, enrolment, caller, config, policy)
        else:
            variation = await of_cohort(ask.cohort, plan, self._engine)
        reads_item = variation.promotes_by_item if ask.filter else variation.reads_item
        if reads_item and ask.item_id is not None:
            moment = msgspec.structs.replace(moment, item=await self._decorators.row(ask.item_id, variation))
        with self._telemetry.span("enrich"):
            ask = enrich(ask, variation, moment)
        upstream = self._upstreams[variation.upstream]
        await upstream.catch_up(ask, variation)  # a user's own events are seen by the next answer
        before = Before.of(self._cache.changes, self._ledger.moves)
        scope = await upstream.scope(ask, variation)
        if variation.hide_seen_s and variation.origin is None and ask.action != "rerank-items":
            seen = self._engine.seen(ask, variation, moment.now.timestamp() - variation.hide_seen_s)
            ask = msgspec.structs.replace(ask, exclude=ask.exclude | seen)
        count = first_step(ask.num_results, len(ask.exclude), bool(variation.hide))
        while True:
            fetched = ask
            if ask.exclude or ask.num_results != count:
                fetched = msgspec.structs.replace(ask, num_results=count, exclude=frozenset())
            wanted = _wanted(fetched, variation, scope, config, moment)
            if policy is not None:
                wanted = msgspec.structs.replace(wanted, policy=policy)
            make = self._making(fetched, plan, variation, scope, caller)
            with self._telemetry.span("cache"):
                hit = await self._cache.fetch(wanted, make)
            shown = await self._show(hit, ask, wanted, variation, config)
            if shown is not None:
                break
            count = next_step(count)
        self._telemetry.lookup(ask.namespace, ask.recommender, hit.outcome)
        told, kept, now = shown, wanted.policy.storable and is_repeatable(hit, shown, ask, variation), self._clock()
        if enrolment is not None and enrolment.counted:
            told = annotated(shown, enrolment.arm)
            kept = self._ledger.expose(enrolment, now, hit.answer.name) and kept
            arms, seconds = self._ledger.arms, self._timer() - began
            arms.served(enrolment.experiment.id, enrolment.arm.variation, hit.outcome, seconds)
            if hit.outcome == "miss":
                arms.listed(enrolment, hit.answer.body)
        repeat = None
        if kept:
            source = partial(self._decorators.hangs_on, variation, ask)
            changes = self._cache.changes
            repeat = partial(repeat_of, hit, shown, wanted, plan, scope, enrolment, moment, before, changes, source)
        return reply_of(hit, told, wanted, plan, variation, config, caller, now, repeat)

    def _count_failed(self, ask: Ask, plan: Plan, caller: Caller, seconds: float) -> None:
        """In the arm that was to answer, which is found again: nothing carries it out of a failure."""
        _, enrolment = self._assigned(ask, plan, self.moment(caller))
        if enrolment is not None and enrolment.counted and not enrolment.rankers:
            self._ledger.arms.served(enrolment.experiment.id, enrolment.arm.variation, "error", seconds)

    def _assigned(self, ask: Ask, plan: Plan, moment: Moment) -> tuple[Variation, Enrolment | None]:
        enrolment = enrolled(plan, ask, moment, self._ledger.kept, self._ledger.in_force)
        arm = None if enrolment is None or enrolment.rankers else enrolment.arm.variation
        return assign(plan, ask.user_id, ask.feature, arm), enrolment

    async def _drafted(
        self, ask: Ask, plan: Plan, enrolment: Enrolment, caller: Caller, config: Config, policy: CachePolicy | None
    ) -> Reply:
        """Every ranker's own list, drafted into one. Where one fails another's stands in, which counts for nothing."""
        experiment, unit = enrolment.experiment, enrolment.unit
        lists = (self._answer(ask, plan, caller, config, policy, name) for name in enrolment.rankers)
        told = await asyncio.gather(*lists, return_exceptions=True)
        replies = [each for each in told if isinstance(each, Reply)]
        error = next((each for each in told if isinstance(each, BaseException)), None)
        if error is not None and (not replies or not isinstance(error, Problem)):
            raise error
        if error is not None:
            log.warning("%s answers alone for %s: %s", replies[0].variation, plan.path, error)
            self._telemetry.lookup(ask.namespace, ask.recommender, "fallback")
            return msgspec.structs.replace(
                replies[0], outcome="fallback", cache_control="no-store", etag="", repeat=None
            )
        mix, now = mixed(replies, ask, experiment.id, experiment.seed, unit, config.fingerprint), self._clock()
        self._ledger.expose(enrolment, now, mix.name, teams=mix.teams)
        shown = annotated(DecoratedBody(mix.reply.body, mix.reply.etag), enrolment.arm)
        return msgspec.structs.replace(
            mix.reply, body=shown.body, etag=shown.etag if mix.reply.etag else "", repeat=None
        )

    def _making(self, ask: Ask, plan: Plan, variation: Variation, scope: Scope, caller: Caller) -> Make:
        """What makes the answer, should it be needed; an answer of the engine's waits until there is room for it."""
        make = partial(self._maker.make, ask, plan, variation, scope)
        return make if variation.origin is not None else partial(self._admitted, caller, make)

    async def _admitted(self, caller: Caller, make: Make) -> EncodedAnswer:
        async with self._admission.place(caller.share):
            return await make()

    async def _show(
        self, hit: Hit, ask: Ask, wanted: Wanted, variation: Variation, config: Config
    ) -> DecoratedBody | None:
        """The answer for this caller; None where too few items are left, and there are more to be had."""
        known = hit.entry.decorated
        source = self._decorators.of(variation) if ask.decorate or variation.hide else None
        mark = DecorationKey(ask.num_results, source.version() if source is not None else 0, ask.fields, ask.locale)
        own = bool(ask.exclude) or ask.page is not None  # nobody else will ask so
        if known is not None and not own and known.decoration == mark:
            return known
        body, whole = hit.answer.body, True
        if own or variation.hide or source is not None or ask.fields or ask.locale:
            with self._telemetry.span("decorate"):
                answer = await self._decorators.dressed(hit.answer, ask, variation, source)
            short = is_list(ask) and len(answer.items) < ask.num_results and not hit.answer.complete
            if short and wanted.key.results < STEPS[-1]:
                return None
            body, whole = closed(answer.rest, answer.items, ask.list_name, short, after(ask, answer)), answer.whole
        shown = DecoratedBody(body, etag_of(body, config.fingerprint) if wanted.policy.max_age_s else "", mark)
        if whole and not own and wanted.policy.storable:
            self._cache.keep_decorated(wanted.key, hit.entry, shown)
        return shown

    async def _fall_back(self, ask: Ask, plan: Plan, caller: Caller, config: Config, error: Exception) -> Reply:
        """The first recommender of the chain that answers; what it says is cached as its own, and kept nowhere else."""
        for name in plan.fallback:
            other = msgspec.structs.replace(ask, recommender=name, feature=None, cohort=None)
            try:
                reply = await self._answer(other, config.plan_for(other), caller, config, None)
            except Problem as problem:
                log.warning("%s can't stand in for %s: %s", name, plan.recommender, problem)
                continue
            log.warning("%s answers instead of %s: %s", name, plan.recommender, error)
            self._telemetry.lookup(ask.namespace, ask.recommender, "fallback")
            return msgspec.structs.replace(reply, outcome="fallback", cache_control="no-store", etag="", repeat=None)
        raise error

    async def cohort(self, ask: Ask, caller: Caller) -> tuple[Cohort, Variation]:
        """The asking user's cohort, by all that it has done till now, and the variation whose it is."""
        allowed(caller.principal, ask.namespace, ask.action, ask.user_id)
        plan = self.config.plan_for(ask)
        count, user = shared_by(plan), ask.user_id or ""
        variation, _ = self._assigned(ask, plan, self.moment(caller))
        await self._engine.catch_up(ask, variation)
        return await self._engine.cohort(user, count, variation), variation

    async def explain(self, ask: Ask, item: str, caller: Caller) -> Explanation:
        """Why the item is or is not in the answer to this question, made anew. Raises `Invalid` where somebody else
        than the built-in engine answers."""
        allowed(caller.principal, ask.namespace, ask.action, ask.user_id)
        plan, moment = self.config.plan_for(ask), self.moment(caller)
        variation, _ = self._assigned(ask, plan, moment)
        if variation.origin is not None:
            message = f"{ask.recommender!r} is answered by {variation.upstream}: only the built-in engine explains"
            raise Invalid("NotExplained", message)
        ask = enrich(ask, variation, moment)
        await self._engine.catch_up(ask, variation)
        return await self._engine.explain(ask, item, variation)

    async def admit(self, caller: Caller) -> Caller:
        """Whoever asks, known and not too fast. Raises `Unauthenticated` and `TooMany`."""
        config = self.config
        if config.auth is not None:
            caller = await self._authenticator.authenticate(caller, config.auth)
        if config.rate_limits.are_any:
            await self.limit_rate(caller, 1)
        return caller

    async def limit_rate(self, caller: Caller, count: int) -> None:
        """Raises `TooMany` where so many requests are too many."""
        if count:
            await self._rate_limiter.check(self.config.rate_limits, caller.principal.name, caller.address, count)

    def taking(self, key: str, caller: Caller) -> Namespace:
        """The namespace that this caller's events go to."""
        allowed(caller.principal, key, "events", None)
        return self.config.namespace(key)

    async def announce(self, kind: str, key: str) -> None:
        """Tell every replica; this one has heard when it returns."""
        await self._engine.announce(kind, key)

    async def rank(self, question: Question) -> Ranked:
        """The AWS wire's question: one flight for all who ask the same, nothing stored."""
        await self._engine.see_events_of(question.user, question.campaign, question.account)
        tags = await self._engine.tags(question.user, question.campaign, question.account)

        async def make() -> Ranked:
            async with self._admission.place(question.account):
                with self._telemetry.upstream("engine"):
                    return await self._engine.rank(question)

        ranked, _ = await self._ranking.join(_question_key(question), tags, question.user, make)
        return ranked

    def address(self, headers: Mapping[str, str], host: str | None) -> str:
        """Of whoever asks from this host, or through it where it is a trusted proxy."""
        return self.config.viewers.headers(headers, None if host is None else (host, 0)).address

    def now(self) -> float:
        return self._clock()

    def moment(self, caller: Caller) -> Moment:
        return Moment(caller, datetime.fromtimestamp(self._clock(), UTC))

    async def close(self) -> None:
        await asyncio.to_thread(self._ledger.close)
        await self.events.close()
        await self._ranking.close()
        await self._cache.close()
        await self._decorators.close()


def enrich(ask: Ask, variation: Variation, moment: Moment) -> Ask:
    """Everything that can change the answer; what the caller said wins."""
    promotion = promoted(ask, variation, moment)
    ask = filtered(ask, variation, moment)
    if promotion is not None:
        ask = msgspec.structs.replace(ask, promotion=promotion)
    if variation.parameters:
        query = moment.caller.query
        told = {name: query[name] for name in variation.parameters if name in query}
        ask = msgspec.structs.replace(ask, parameters=told)
    if not variation.auto_context:
        return ask
    return msgspec.structs.replace(ask, context=context_of(variation.auto_context, moment, ask.context))


def annotated(shown: DecoratedBody, arm: Arm) -> DecoratedBody:
    """The answer with the experiment that this caller is in: the one without is everybody's, and stays in the cache."""
    return DecoratedBody(shown.body[:-1] + arm.said, shown.etag[:-1] + arm.tag, shown.decoration)


def _wanted(ask: Ask, variation: Variation, scope: Scope, config: Config, moment: Moment) -> Wanted:
    key = key_of(ask, variation.name, config.fingerprint, scope.user)
    policy = policy_for(ask, variation)
    until = _true_until(variation, policy, moment) if variation.is_timed else inf
    tags = (*scope.tags, *tags_of_answer(ask.namespace, ask.recommender, scope.user))
    return Wanted(key, policy, tags, ask.user_id, until)


def _true_until(variation: Variation, policy: CachePolicy, moment: Moment) -> float:
    life = timedelta(seconds=policy.max_age_s + policy.stale_while_revalidate_s + policy.stale_if_error_s)
    changes = next_change(variation.fields, moment, within=life)
    return changes.timestamp() if changes else inf


def _question_key(question: Question) -> tuple[Any, ...]:
    return tuple(_hashable(value) for value in msgspec.structs.astuple(question))


def _hashable(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return tuple(_hashable(part) for part in msgspec.structs.astuple(value))
    return pairs(value) if isinstance(value, Mapping) else value
