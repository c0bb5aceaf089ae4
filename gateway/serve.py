"""The stories of the gateway: a question answered, events recorded, and a question of the AWS wire."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil, inf
from typing import Any, NamedTuple

import msgspec

from engine import Event, Explanation, Question, Ranked
from gateway.answers import decoded
from gateway.ask import Answer, Ask
from gateway.assign import assign
from gateway.auth import Door, Pace, allowed
from gateway.autocontext import context_of, next_change, properties_of
from gateway.cache import Cache, Flights, Hit, Key, Made, Mark, Shown, Wanted, etag_of, is_broken, key_of, pairs
from gateway.cache.purge import KIND, Purge, encoded, tags_of_answer
from gateway.caller import Caller
from gateway.config import Config
from gateway.config.caching import policy_for
from gateway.conversions import Conversion, resolved
from gateway.decorate import Decorators
from gateway.errors import Invalid, Problem
from gateway.filters import filtered
from gateway.functions import invoked
from gateway.metadata import Source
from gateway.outbound import Outbound, broken
from gateway.outbox import Outbox
from gateway.payload import processing_of
from gateway.plan import CachePolicy, ContextField, Moment, Namespace, Plan, PostProcessor, Variation
from gateway.shown import STEPS, closed, first_step, next_step
from gateway.signing import Signer
from gateway.targets import Entry
from gateway.targets.entry import harmless_headers, harmless_query
from gateway.telemetry import Telemetry
from gateway.upstreams import Scope, Upstream
from gateway.upstreams.engine import EngineUpstream
from gateway.viewer import Viewed

log = logging.getLogger(__name__)

Body = dict[str, Any]
MOST_RESULTS = 500  # of an origin
_MAX_AGE = re.compile(r"\b(max-age|s-maxage)=(\d+)")


class Reply(NamedTuple):
    """An answer before HTTP. `cache_control` is "" and `etag` is "" where the policy gives none."""

    body: bytes
    variation: str
    model: str
    seed: str
    outcome: str
    age_s: float
    cache_control: str
    etag: str
    vary: tuple[str, ...]
    version: str  # of the configuration


class Told(NamedTuple):
    """The body of one POST /events, checked; `body` is it as JSON, with a `sentAt` for every event."""

    session: str
    user: str | None
    events: Sequence[Event]
    conversions: Sequence[Conversion] = ()
    body: bytes = b"{}"


class Gateway:
    def __init__(
        self,
        config: Config,
        cache: Cache,
        upstreams: Mapping[str, Upstream],
        metadata: Mapping[str, Source],
        engine: EngineUpstream,
        outbox: Outbox,
        outbound: Outbound,
        signer: Signer,
        telemetry: Telemetry,
        door: Door,
        pace: Pace,
        seen: Callable[[], int],
        clock: Callable[[], float],
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        """`seen` is the log's last record that answers made now have heard of."""
        self.config = config
        self._cache, self._upstreams, self._engine = cache, upstreams, engine
        self._decorators = Decorators(metadata, telemetry)
        self._outbox, self._outbound, self._signer = outbox, outbound, signer
        self._ranking: Flights[Ranked] = Flights(cache.changes)
        self._seen = seen
        self._telemetry, self._door, self._pace, self._clock = telemetry, door, pace, clock
        self._new_id = new_id

    async def open(self) -> None:
        """Before the first request."""
        await self._outbox.open(self.config.targets, self.config.outbox_bytes)
        self._decorators.use(self.config)
        await self._decorators.ready()

    def use(self, config: Config) -> None:
        """From here on; requests under way end as they began."""
        self._outbox.use(config.targets, config.outbox_bytes)
        self.config = config
        self._decorators.use(config)

    async def answer(self, ask: Ask, caller: Caller, policy: CachePolicy | None = None) -> Reply:
        """One request, top to bottom. A `policy` counts instead of the configured one."""
        config = self.config
        allowed(caller.principal, ask.namespace, ask.action, ask.user_id)
        plan = config.plan_for(ask)
        try:
            return await self._answer(ask, plan, caller, config, policy)
        except Exception as error:
            if not plan.fallback or not is_broken(error):
                raise
            return await self._fall_back(ask, plan, caller, config, error)

    async def _answer(self, ask: Ask, plan: Plan, caller: Caller, config: Config, policy: CachePolicy | None) -> Reply:
        variation = assign(plan, ask.user_id, ask.feature)
        moment = self.moment(caller)
        if variation.reads_item and ask.item_id is not None and not ask.filter:
            moment = replace(moment, item=await self._decorators.row(ask.item_id, variation))
        with self._telemetry.span("enrich"):
            ask = enrich(ask, variation, moment)
        upstream = self._upstreams[variation.upstream]
        await upstream.catch_up(ask, variation)  # a user's own events are seen by the next answer
        scope = await upstream.scope(ask, variation)
        count = first_step(ask.num_results, len(ask.exclude), bool(variation.hide))
        while True:
            fetched = msgspec.structs.replace(ask, num_results=count, exclude=frozenset())
            wanted = _wanted(fetched, variation, scope, config, moment)
            if policy is not None:
                wanted = wanted._replace(policy=policy)
            hit = await self._fetch(wanted, fetched, plan, variation, scope, config)
            shown = await self._show(hit, ask, wanted.key, variation, config)
            if shown is not None:
                break
            count = next_step(count)
        self._telemetry.lookup(ask.namespace, ask.recommender, hit.outcome)
        return _reply(hit, shown, wanted, self._vary(variation, config), self._clock(), config, located(caller))

    async def _fetch(
        self, wanted: Wanted, ask: Ask, plan: Plan, variation: Variation, scope: Scope, config: Config
    ) -> Hit:
        with self._telemetry.span("cache"):
            return await self._cache.fetch(wanted, lambda: self._make(ask, plan, variation, scope, config))

    async def _show(self, hit: Hit, ask: Ask, key: Key, variation: Variation, config: Config) -> Shown | None:
        """The answer for this caller; None where too few items are left, and there are more to be had."""
        known = hit.entry.shown
        source = self._decorators.of(variation) if ask.decorate or variation.hide else None
        mark = Mark(ask.num_results, source.version() if source is not None else 0, ask.fields, ask.locale)
        if known is not None and not ask.exclude and known.mark == mark:
            return known
        body, whole = hit.made.body, True
        if ask.exclude or variation.hide or source is not None or ask.fields or ask.locale:
            with self._telemetry.span("decorate"):
                answer = await self._decorators.dressed(hit.made, ask, list_of(ask), variation, source)
            short = ask.action != "rerank-items" and len(answer.items) < ask.num_results and not hit.made.complete
            if short and key.results < STEPS[-1]:
                return None
            body, whole = closed(answer.rest, answer.items, list_of(ask), short), answer.whole
        shown = Shown(body, etag_of(body, config.fingerprint), mark)
        if whole and not ask.exclude:
            self._cache.show(key, hit.entry, shown)
        return shown

    async def _fall_back(self, ask: Ask, plan: Plan, caller: Caller, config: Config, error: Exception) -> Reply:
        """The first recommender of the chain that answers; what it says is cached as its own, and kept nowhere else."""
        for name in plan.fallback:
            other = msgspec.structs.replace(ask, recommender=name, feature=None)
            try:
                reply = await self._answer(other, config.plan_for(other), caller, config, None)
            except Problem as problem:
                log.warning("%s can't stand in for %s: %s", name, plan.recommender, problem)
                continue
            log.warning("%s answers instead of %s: %s", name, plan.recommender, error)
            self._telemetry.lookup(ask.namespace, ask.recommender, "fallback")
            return reply._replace(outcome="fallback", cache_control="no-store", etag="")
        raise error

    async def explain(self, ask: Ask, item: str, caller: Caller) -> Explanation:
        """Why the item is or is not in the answer to this question, made anew. Raises `Invalid` where somebody else
        than the built-in engine answers."""
        allowed(caller.principal, ask.namespace, ask.action, ask.user_id)
        variation = assign(self.config.plan_for(ask), ask.user_id, ask.feature)
        if variation.origin is not None:
            message = f"{ask.recommender!r} is answered by {variation.upstream}: only the built-in engine explains"
            raise Invalid("NotExplained", message)
        ask = enrich(ask, variation, self.moment(caller))
        await self._engine.catch_up(ask, variation)
        return await self._engine.explain(ask, item, variation)

    async def admit(self, caller: Caller) -> Caller:
        """Whoever asks, known and not too fast. Raises `Unauthenticated` and `TooMany`."""
        config = self.config
        caller = await self._door.admit(caller, config.auth)
        await self._pace.keep(config.rate_limits, caller.principal.name, caller.address)
        return caller

    def taking(self, key: str, caller: Caller) -> Namespace:
        """The namespace that this caller's events go to."""
        allowed(caller.principal, key, "events", None)
        return self.config.namespace(key)

    async def record(self, namespace: Namespace, told: Told, moment: Moment) -> None:
        """Return once everything is durable, for every target; nothing is where anything is refused."""
        allowed(moment.caller.principal, namespace.key, "events", told.user or told.session)
        conversions = resolved(namespace, told.conversions)
        automatic = properties_of(namespace.event_context, moment)
        kept = None
        if namespace.elsewhere:
            kept = self._outbox.ready(entry(namespace, told, automatic, moment, self._new_id()))
        durable: list[Awaitable[object]] = []
        if namespace.trackers and told.events:
            trackers = namespace.trackers
            durable.append(await self._engine.deliver(trackers, told.session, told.user, told.events, automatic))
        if kept is not None:
            durable.append(self._outbox.append(kept))
        if namespace.asks_elsewhere and told.events:
            durable.append(self._engine.announce(KIND, encoded(Purge(namespace.key, user=told.user or told.session))))
        await asyncio.gather(*durable)
        self._telemetry.events(namespace.key, len(told.events))
        for each in conversions:
            self._telemetry.conversion(namespace.key, each.recommender, str(each.feature), str(each.metric))

    async def announce(self, kind: str, key: str) -> None:
        """Tell every replica; this one has heard when it returns."""
        await self._engine.announce(kind, key)

    async def rank(self, question: Question) -> Ranked:
        """The AWS wire's question: one flight for all who ask the same, nothing stored."""
        await self._engine.see_events_of(question.user, question.campaign, question.account)
        tags = await self._engine.tags(question.user, question.campaign, question.account)

        async def make() -> Ranked:
            with self._telemetry.upstream("engine"):
                return await self._engine.rank(question)

        return await self._ranking.join(_question_key(question), tags, question.user, make).landed()

    def now(self) -> float:
        return self._clock()

    def moment(self, caller: Caller) -> Moment:
        return Moment(caller, datetime.fromtimestamp(self._clock(), UTC))

    def _vary(self, variation: Variation, config: Config) -> tuple[str, ...]:
        read = frozenset(name for field in _fields(variation) for name in field.headers)
        return tuple(sorted(config.viewers.vary(read)))

    async def close(self) -> None:
        await self._outbox.close()
        await self._ranking.close()
        await self._cache.close()
        await self._decorators.close()

    # ---- the steps

    async def _make(self, ask: Ask, plan: Plan, variation: Variation, scope: Scope, config: Config) -> Made:
        asked, seen = look_ahead(ask, plan.post_processor), self._seen()
        answer = await self._ask_upstream(asked, plan, variation)
        body = body_of(answer, ask, variation.name if len(plan.variations) > 1 else None)
        if plan.post_processor is not None:
            body = await self._post_process(body, ask, plan, variation, plan.post_processor)
        return Made(
            body=encode(body, ask),
            variation=variation.name,
            model=answer.model,
            seed=answer.seed,
            as_of=answer.as_of if variation.origin is None else seen,
            private=await self._became_personal(ask, variation, scope),
            complete=ask.action == "rerank-items" or len(answer.items) < asked.num_results,
            dressed=answer.decorated or plan.post_processor is not None,
        )

    async def _ask_upstream(self, ask: Ask, plan: Plan, variation: Variation) -> Answer:
        with self._telemetry.upstream(variation.upstream):
            return await self._upstreams[variation.upstream].answer(ask, plan, variation)

    async def _post_process(
        self, body: Body, ask: Ask, plan: Plan, variation: Variation, processor: PostProcessor
    ) -> Body:
        """It gets the answer with its metadata, and what it replies may have other metadata: that stays."""
        response = msgspec.to_builtins(body)
        response[list_of(ask)] = await self._decorators.processed(response[list_of(ask)], ask, variation)
        with self._telemetry.upstream("post-processor"):
            payload = processing_of(ask, plan, variation, response)
            peer, reply = await invoked(self._outbound, self._signer, processor.function, payload)
            processed = decoded(peer, reply)
        if not isinstance(processed, dict) or not isinstance(processed.get(list_of(ask)), list):
            raise broken(peer, f"replies without a list {list_of(ask)!r}")
        return processed

    async def _became_personal(self, ask: Ask, variation: Variation, scope: Scope) -> bool:
        """Whether a user got a history while the answer that all without one share was made for them."""
        if ask.user_id is None or scope.user is not None:
            return False
        return (await self._upstreams[variation.upstream].scope(ask, variation)).user is not None


def entry(namespace: Namespace, told: Told, automatic: Mapping[str, Any], moment: Moment, name: str) -> Entry:
    """For the targets beside the engine: no credential of the caller's goes along."""
    return Entry(
        id=name,
        at=moment.now.timestamp(),
        targets=tuple(target.key for target in namespace.elsewhere),
        namespace=namespace.key,
        session=told.session,
        user=told.user,
        path=f"/events/{namespace.key}",
        headers=harmless_headers(moment.headers),
        query=harmless_query(moment.caller),
        body=msgspec.Raw(told.body),
        automatic=dict(automatic),
    )


def enrich(ask: Ask, variation: Variation, moment: Moment) -> Ask:
    """Everything that can change the answer; what the caller said wins."""
    ask = filtered(ask, variation, moment)
    if variation.parameters:
        query = moment.caller.query
        told = {name: query[name] for name in variation.parameters if name in query}
        ask = msgspec.structs.replace(ask, parameters=told)
    if not variation.auto_context:
        return ask
    return msgspec.structs.replace(ask, context=context_of(variation.auto_context, moment, ask.context))


def look_ahead(ask: Ask, processor: PostProcessor | None) -> Ask:
    """For more items than the caller wants, so that a post-processor may drop some (specification §1.3)."""
    if processor is None or ask.action == "rerank-items":
        return ask
    wanted = ceil(ask.num_results * processor.multiplier)
    wanted = max(ask.num_results, min(wanted, processor.most or wanted))
    return msgspec.structs.replace(ask, num_results=min(wanted, MOST_RESULTS))


def list_of(ask: Ask) -> str:
    return "personalizedRanking" if ask.action == "rerank-items" else "itemList"


def body_of(answer: Answer, ask: Ask, variation: str | None) -> Body:
    """`variation` is named where there is a choice."""
    body: Body = {list_of(ask): answer.items}
    if answer.recommendation_id is not None:
        body["recommendationId"] = answer.recommendation_id
    if variation is not None:
        body["variation"] = variation
    return body


def encode(body: Body, ask: Ask) -> bytes:
    """With no more items than were asked for."""
    if ask.action != "rerank-items":
        body["itemList"] = body["itemList"][: ask.num_results]
    return msgspec.json.encode(body)


def _wanted(ask: Ask, variation: Variation, scope: Scope, config: Config, moment: Moment) -> Wanted:
    key = key_of(ask, variation.name, config.fingerprint, scope.user)
    policy = policy_for(ask, variation)
    life = timedelta(seconds=policy.max_age_s + policy.stale_while_revalidate_s + policy.stale_if_error_s)
    changes = next_change(_fields(variation), moment, within=life)
    until = changes.timestamp() if changes else inf
    tags = (*scope.tags, *tags_of_answer(ask.namespace, ask.recommender, scope.user))
    return Wanted(key, policy, tags, ask.user_id, until)


def _reply(
    hit: Hit, shown: Shown, wanted: Wanted, vary: tuple[str, ...], now: float, config: Config, located: bool
) -> Reply:
    policy = wanted.policy
    control = _cache_control(policy.private_header if located else policy.header, hit.age_s + wanted.until - now)
    return Reply(
        body=shown.body,
        variation=hit.made.variation,
        model=hit.made.model,
        seed=hit.made.seed,
        outcome=hit.outcome,
        age_s=hit.age_s,
        cache_control=control,
        etag=shown.etag if policy.max_age_s else "",
        vary=vary,
        version=config.version,
    )


def located(caller: Caller) -> bool:
    """Whether the answer depends on where the caller's address is, which no header tells a cache downstream."""
    return isinstance(caller.headers, Viewed) and caller.headers.located


def _cache_control(header: str, life_s: float) -> str:
    """The policy's header; no cache downstream may keep an answer beyond its time-based context."""
    if life_s == inf:
        return header
    life = max(0, int(life_s))
    return _MAX_AGE.sub(lambda said: f"{said[1]}={min(int(said[2]), life)}", header)


def _fields(variation: Variation) -> tuple[ContextField, ...]:
    return (*variation.auto_context, *(field for choice in variation.filters for field in choice.values))


def _question_key(question: Question) -> tuple[Any, ...]:
    return tuple(_hashable(value) for value in msgspec.structs.astuple(question))


def _hashable(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return tuple(_hashable(part) for part in msgspec.structs.astuple(value))
    return pairs(value) if isinstance(value, Mapping) else value
