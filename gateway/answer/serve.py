"""The story of an answer: one question of a REST route, stage by stage."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from math import inf
from typing import NamedTuple

from msgspec import DecodeError
from msgspec.structs import replace

from engine import Cohort, Explanation, Fatigue, Tired
from gateway.answer.assign import assign, of_cohort, shared_by
from gateway.answer.decorate import Decorators, is_list, next_page
from gateway.answer.enrich import enrich
from gateway.answer.make import Maker
from gateway.answer.mix import mixed
from gateway.answer.repeat import is_repeatable, repeat_of
from gateway.answer.reply import Reply, reply_of
from gateway.answer.request import ChangeCounters, Fetched, RequestContext
from gateway.ask import Ask
from gateway.auth import allowed
from gateway.body import STEPS, first_step, names_in, next_step
from gateway.cache import Cache, DecoratedBody, DecorationKey, Hit, Wanted, etag_of, is_broken, key_of
from gateway.cache.purge import tags_of_answer
from gateway.caller import Caller
from gateway.config import Config
from gateway.config.caching import policy_for
from gateway.context.autocontext import next_change
from gateway.context.position import position_in
from gateway.errors import Invalid, Problem
from gateway.experiments.enrol import Enrolment, enrolled
from gateway.experiments.ledger import Ledger
from gateway.plan.experiment import Arm
from gateway.plan.plan import CachePolicy, Moment, Variation
from gateway.plan.shape import Shape
from gateway.telemetry import Telemetry
from gateway.upstreams import Scope, Upstream
from gateway.upstreams.engine import EngineUpstream

log = logging.getLogger(__name__)

NOBODY_TIRES = Tired()


class LookedAnswer(NamedTuple):
    """An answer that an operator looks at, and the enrolment of its user, which does not count it."""

    request: RequestContext
    fetched: Fetched
    enrolment: Enrolment | None


@dataclass(kw_only=True, eq=False)
class Gateway:
    """Answers questions by the configuration in force; requests under way end by the one they began with."""

    config: Config
    cache: Cache
    upstreams: Mapping[str, Upstream]
    maker: Maker
    decorators: Decorators
    engine: EngineUpstream
    ledger: Ledger
    telemetry: Telemetry
    clock: Callable[[], float]
    timer: Callable[[], float] = time.perf_counter

    async def answer(self, ask: Ask, caller: Caller, policy: CachePolicy | None = None) -> Reply:
        """One request, top to bottom. A `policy` counts instead of the configured one."""
        request = self._begin(ask, caller, policy)
        try:
            return await self._answer(request)
        except Exception as error:
            if is_broken(error) and ask.cohort is None:
                self._count_failure(request)
            if not request.plan.fallback or not is_broken(error):
                raise
            return await self._fall_back(request, error)

    async def cohort(self, ask: Ask, caller: Caller) -> tuple[Cohort, Variation]:
        """The asking user's cohort, by all that it has done till now, and the variation whose it is."""
        request = self._begin(ask, caller)
        count = shared_by(request.plan)
        variation = self._assign(request).variation
        await self.engine.catch_up(ask, variation)
        return await self.engine.cohort(ask.user_id or "", count, variation), variation

    async def explain(self, ask: Ask, item: str, caller: Caller, variation: str | None = None) -> Explanation:
        """The reason why the item is or is not in the answer to this question, made anew; of a `variation` where that
        is not to be the user's own. Raises `Invalid` where the built-in engine does not answer."""
        request = self._assign(self._begin(ask, caller), variation)
        chosen = request.variation
        if chosen.origin is not None:
            message = f"{ask.recommender!r} is answered by {chosen.upstream}: only the built-in engine explains"
            raise Invalid("NotExplained", message)
        request = await self._find_scope(await self._enrich(request))
        return await self.engine.explain(request.ask, item, chosen)

    async def look(self, ask: Ask, caller: Caller, variation: str | None = None) -> LookedAnswer:
        """The answer that the asking user would get now, for an operator: nothing is counted. A `variation` stands in
        place of the one that the user is in. Raises as `answer` does."""
        request = self._assign(self._begin(ask, caller), variation)
        enrolment, request = request.enrolment, replace(request, enrolment=None)
        request = await self._find_scope(await self._enrich(request))
        return LookedAnswer(request, await self._fetch(request), enrolment)

    def count_shown(self, reply: Reply) -> None:
        """Count the items of a reply that goes out as shown, where a rule of fatigue looks at that."""
        if not reply.showings:
            return
        try:
            items = names_in(reply.body) if reply.names is None else reply.names
        except DecodeError:  # a post-processor's, who may answer with other items
            return
        for each in reply.showings:
            self.engine.note_shown(each.user, items, each.variation, each.rule)

    def moment(self, caller: Caller) -> Moment:
        return Moment(caller, datetime.fromtimestamp(self.clock(), UTC))

    # ---- the stages

    async def _answer(self, request: RequestContext) -> Reply:
        if request.ask.cohort is not None:
            variation = await of_cohort(request.ask.cohort, request.plan, self.engine)
            return await self._follow(replace(request, variation=variation))
        request = self._assign(request)
        if request.enrolment is not None and request.enrolment.rankers:
            return await self._draft(request, request.enrolment)
        return await self._follow(request)

    async def _follow(self, request: RequestContext) -> Reply:
        """The answer of the assigned variation."""
        request = await self._enrich(request)
        request = await self._find_scope(request)
        fetched = await self._fetch(request)
        self.telemetry.lookup(request.ask.namespace, request.ask.recommender, fetched.hit.outcome)
        body, repeats, now = fetched.body, is_repeatable(request, fetched), self.clock()
        if request.enrolment is not None and request.enrolment.counted:
            body = annotated(body, request.enrolment.arm)
            repeats = self._expose(request, request.enrolment, fetched.hit, now) and repeats
        repeat = partial(repeat_of, request, fetched, self.decorators, self.cache.changes) if repeats else None
        return reply_of(request, fetched, body, now, repeat)

    def _begin(self, ask: Ask, caller: Caller, policy: CachePolicy | None = None) -> RequestContext:
        """Raises `Denied` and `NotConfigured`."""
        allowed(caller.principal, ask.namespace, ask.action, ask.user_id)
        return self._context(ask, caller, self.config, policy)

    def _context(self, ask: Ask, caller: Caller, config: Config, policy: CachePolicy | None = None) -> RequestContext:
        plan, moment = config.plan_for(ask), self.moment(caller)
        return RequestContext(ask=ask, plan=plan, config=config, moment=moment, began=self.timer(), policy=policy)

    def _assign(self, request: RequestContext, chosen: str | None = None) -> RequestContext:
        """Pick the variation: an operator's choice, or by the experiment's arm where the unit takes part in one."""
        enrolment = None if chosen is not None else self._enrol(request)
        arm = chosen if enrolment is None or enrolment.rankers else enrolment.arm.variation
        variation = assign(request.plan, request.ask.user_id, request.ask.feature, arm)
        return replace(request, variation=variation, enrolment=enrolment)

    def _enrol(self, request: RequestContext) -> Enrolment | None:
        return enrolled(request.plan, request.ask, request.moment, self.ledger.sticky_variation, self.ledger.in_force)

    async def _enrich(self, request: RequestContext) -> RequestContext:
        """Add all that can change the answer to the question."""
        ask, variation, moment = request.ask, request.variation, request.moment
        reads_item = variation.chooses_by_item if ask.filter else variation.reads_item
        if reads_item and ask.item_id is not None:
            moment = replace(moment, item=await self.decorators.row(ask.item_id, variation))
        with self.telemetry.span("enrich"):
            return replace(request, ask=enrich(ask, variation, moment), moment=moment)

    async def _find_scope(self, request: RequestContext) -> RequestContext:
        """Find out whom the answer is for; the user's own events are seen from here on."""
        ask, variation = request.ask, request.variation
        upstream = self.upstreams[variation.upstream]
        behind = await upstream.catch_up(ask, variation, position_in(request.caller.headers))
        before = ChangeCounters.of(self.cache.changes, self.ledger.moves)
        scope = await upstream.scope(ask, variation)
        if scope.rules is not None:
            ask = replace(ask, rules=scope.rules.in_force(request.moment.now.timestamp()).of(ask.user_id or None))
        if variation.hide_seen_s and variation.origin is None and ask.action != "rerank-items":
            seen = self.engine.seen(ask, variation, request.moment.now.timestamp() - variation.hide_seen_s)
            ask = replace(ask, exclude=ask.exclude.union(seen, ask.history))
        ask, rule = await self._find_tired(ask, variation, scope)
        return replace(request, ask=ask, scope=scope, before=before, behind=behind, fatigue=rule)

    async def _find_tired(self, ask: Ask, variation: Variation, scope: Scope) -> tuple[Ask, Fatigue | None]:
        """Find out what the user is tired of, and by which rule, if there is one."""
        rule = scope.fatigue if variation.fatigue is None else variation.fatigue
        if rule is None or ask.user_id is None or variation.origin is not None or ask.action == "rerank-items":
            return ask, None
        if not rule.shown or ask.synthetic:
            return replace(ask, fatigue=NOBODY_TIRES), None
        return replace(ask, fatigue=await self.engine.tired(ask.user_id, variation, rule)), rule

    async def _fetch(self, request: RequestContext) -> Fetched:
        """Take the answer from the cache, which has it made where it must; again a longer one where too few items are
        left of it."""
        ask, variation = request.ask, request.variation
        count = first_step(ask.num_results, len(ask.exclude), bool(variation.hide))
        while True:
            shared = request
            if ask.exclude or ask.num_results != count:
                shared = replace(request, ask=replace(ask, num_results=count, exclude=frozenset()))
            wanted = wanted_of(shared)
            with self.telemetry.span("cache"):
                hit = await self.cache.fetch(wanted, partial(self.maker.make, shared))
            body = await self._decorate(request, hit, wanted)
            if body is not None:
                return Fetched(hit, wanted, body)
            count = next_step(count)

    async def _decorate(self, request: RequestContext, hit: Hit, wanted: Wanted) -> DecoratedBody | None:
        """The answer for this caller; None where too few items are left, and there are more to be had."""
        ask, variation, cached = request.ask, request.variation, hit.entry.decorated
        source = self.decorators.of(variation) if ask.decorate or variation.hide else None
        version = source.version() if source is not None else 0
        shape = request.shape
        decoration = DecorationKey(ask.num_results, version, ask.fields, ask.locale, shape is not None)
        own = bool(ask.exclude) or ask.page is not None  # nobody else will ask so
        if cached is not None and not own and cached.decoration == decoration:
            return cached
        body, whole, names = hit.answer.body, True, None
        if own or variation.hide or source is not None or ask.fields or ask.locale:
            with self.telemetry.span("decorate"):
                capped = (own or bool(variation.hide)) and self.engine.has_caps(variation)
                caps = partial(self.engine.within_caps, (variation,)) if capped else None
                decorated = await self.decorators.decorate(hit.answer, ask, variation, source, caps)
            short = is_list(ask) and len(decorated.body.items) < ask.num_results and not hit.answer.complete
            if short and wanted.key.results < STEPS[-1]:
                return None
            body, whole = decorated.body.encode(short=short, next_page=next_page(ask, decorated)), decorated.whole
        if shape is not None:
            names, body = tuple(names_in(body)), shape.of(body)
        etag = etag_of(body, request.config.fingerprint) if wanted.policy.max_age_s else ""
        shown = DecoratedBody(body, etag, decoration, names)
        if whole and not own and wanted.policy.storable:
            self.cache.keep_decorated(wanted.key, hit.entry, shown)
        return shown

    def _expose(self, request: RequestContext, enrolment: Enrolment, hit: Hit, now: float) -> bool:
        """Count the answer in the experiment. True: unit and answer are in the ledger now."""
        is_noted = self.ledger.expose(enrolment, now, hit.answer.name)
        arms, seconds = self.ledger.arms, self.timer() - request.began
        arms.served(enrolment.experiment.id, enrolment.arm.variation, hit.outcome, seconds)
        if hit.outcome == "miss":
            arms.listed(enrolment, hit.answer.body)
        return is_noted

    # ---- several variations at once, and failures

    async def _draft(self, request: RequestContext, enrolment: Enrolment) -> Reply:
        """Draft every ranker's own list into one. Where one fails another's stands in, which counts for nothing."""
        ask, plan = request.ask, request.plan
        lists = (self._answer_as(request, name) for name in enrolment.rankers)
        answers = await asyncio.gather(*lists, return_exceptions=True)
        replies = [each for each in answers if isinstance(each, Reply)]
        error = next((each for each in answers if isinstance(each, BaseException)), None)
        if error is not None and (not replies or not isinstance(error, Problem)):
            raise error
        if error is not None:
            log.warning("%s answers alone for %s: %s", replies[0].variation, plan.path, error)
            self.telemetry.lookup(ask.namespace, ask.recommender, "fallback")
            alone = as_fallback(replies[0])
            return alone if request.shape is None else shaped(alone, request.shape)
        variations = [variation for reply in replies for variation in reply.variations]
        caps = partial(self.engine.within_caps, variations) if any(map(self.engine.has_caps, variations)) else None
        mix, now = mixed(replies, ask, enrolment, request.config.fingerprint, caps), self.clock()
        self.ledger.expose(enrolment, now, mix.name, teams=mix.teams)
        body = annotated(DecoratedBody(mix.reply.body, mix.reply.etag), enrolment.arm)
        reply = replace(mix.reply, body=body.body, etag=body.etag if mix.reply.etag else "", repeat=None)
        return reply if request.shape is None else shaped(reply, request.shape)

    async def _answer_as(self, request: RequestContext, ranker: str) -> Reply:
        """One variation's part of a drafted list."""
        variation = assign(request.plan, request.ask.user_id, request.ask.feature, ranker)
        ask = replace(request.ask, shaped=False)
        return await self._follow(replace(request, ask=ask, variation=variation, enrolment=None))

    def _count_failure(self, request: RequestContext) -> None:
        """Count it in the arm that was to answer, which is found again: nothing carries it out of a failure."""
        enrolment = self._enrol(request)
        if enrolment is not None and enrolment.counted and not enrolment.rankers:
            seconds = self.timer() - request.began
            self.ledger.arms.served(enrolment.experiment.id, enrolment.arm.variation, "error", seconds)

    async def _fall_back(self, request: RequestContext, error: Exception) -> Reply:
        """The first recommender of the chain that answers; its answer is cached as its own, and kept nowhere else."""
        ask, plan, config = request.ask, request.plan, request.config
        for name in plan.fallback:
            other = replace(ask, recommender=name, feature=None, cohort=None, shaped=False)
            try:
                reply = await self._answer(self._context(other, request.caller, config))
            except Problem as problem:
                log.warning("%s can't stand in for %s: %s", name, plan.recommender, problem)
                continue
            log.warning("%s answers instead of %s: %s", name, plan.recommender, error)
            self.telemetry.lookup(ask.namespace, ask.recommender, "fallback")
            alone = as_fallback(reply)
            return alone if request.shape is None else shaped(alone, request.shape)
        raise error


def annotated(body: DecoratedBody, arm: Arm) -> DecoratedBody:
    """The answer with the experiment that this caller is in: the one without is everybody's, and stays in the cache. A
    body with a shape of its own has no place for it."""
    if body.names is not None:
        return body
    return DecoratedBody(body.body[:-1] + arm.annotation, body.etag[:-1] + arm.tag, body.decoration)


def shaped(reply: Reply, shape: Shape) -> Reply:
    """The reply in another form, made anew each time."""
    return replace(reply, body=shape.of(reply.body), names=tuple(names_in(reply.body)), fetched=None)


def as_fallback(reply: Reply) -> Reply:
    """The reply in place of another's, which nobody may keep."""
    return replace(reply, outcome="fallback", cache_control="no-store", etag="", repeat=None)


def wanted_of(request: RequestContext) -> Wanted:
    ask, variation, scope = request.ask, request.variation, request.scope
    key = key_of(ask, variation.name, request.config.fingerprint, scope.user)
    policy = policy_for(ask, variation)
    until = inf
    if variation.is_timed:
        life = timedelta(seconds=policy.max_age_s + policy.stale_while_revalidate_s + policy.stale_if_error_s)
        changes = next_change(variation.fields, request.moment, within=life)
        until = changes.timestamp() if changes else inf
    rules = variation.rules or scope.rules
    if rules is not None:
        until = min(until, rules.in_force(request.moment.now.timestamp()).until)
    tags = (*scope.tags, *tags_of_answer(ask.namespace, ask.recommender, scope.user))
    return Wanted(key, request.policy or policy, tags, ask.user_id, until)
