"""The built-in engine: an `Ask` becomes its `Question`, off the event loop, and its changes become the cache's tags."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from engine import (
    Cap,
    Change,
    Cohort,
    Diversity,
    Event,
    Explanation,
    Fatigue,
    FittingProperties,
    ListRule,
    Omitted,
    PartialRow,
    Question,
    Ranked,
    ShownList,
    Tired,
)
from gateway.ask import Answer, Ask, Item, ItemPin
from gateway.cache import Tag, purge
from gateway.dependencies import Dependencies
from gateway.document.remote import MODEL_ARN, Enclosing
from gateway.document.report import Report, checks, inside
from gateway.engine_port import DeployedModel
from gateway.errors import Problem, as_problems
from gateway.plan.plan import Plan, Variation
from gateway.upstreams.base import Answerer, Scope, UpstreamType
from gateway.upstreams.batches import Batches
from gateway.upstreams.durable import Landing
from gateway.upstreams.level import VariationPart

T = TypeVar("T")

Choosing = tuple[str | None, str | None]  # a filter's name or ARN, and an expression
FILTERS: Tag = ("filters",)  # any of them: they change rarely
RECORDS: Tag = ("records",)  # any resource of the control plane
EVERYBODYS = ""  # in place of a user in the key of an answer that all without a history share

MODEL_NAME = re.compile(r"[A-Za-z0-9_-]+")


class EngineVariation(VariationPart, frozen=True, tag="engine"):
    """A model of the built-in engine, by its campaign's name."""

    model: str = ""


@checks
def check_engine_variation(part: EngineVariation, place: str, report: Report) -> None:
    if part.model and not MODEL_NAME.fullmatch(part.model) and not MODEL_ARN.fullmatch(part.model):
        report.refuse(inside(place, "model"), f"{part.model!r} is no campaign's name: letters, digits, - and _")
    if not part.model:
        report.warn(place, "names no 'model' yet: it answers 404 RecommenderArnNotConfigured")


def answerer(part: EngineVariation, enclosing: Enclosing) -> Answerer:
    return Answerer("engine", part.model)


class EngineUpstream:
    def __init__(self, dependencies: Dependencies) -> None:
        engine, self._threads = dependencies.engine, dependencies.threads
        self._answers, self._feed = engine.answers, engine.feed
        self._batches: Batches[Question, Ranked] = Batches(self._answers.recommend_many, self._threads)
        self._account = engine.settings.account_id
        self._is_shared, self._patience_s = engine.settings.is_shared, engine.settings.catch_up_s
        self._met: set[tuple[str, str]] = set()  # campaigns that exist, so not many
        self._naming: dict[tuple[str, str | None, str | None, str], bool] = {}  # filters that exist, by model
        self._next: asyncio.Task[None] | None = None  # a look at the log that has not begun
        self._looking, self._merging = asyncio.Lock(), asyncio.Lock()
        self._landing = Landing()
        self._feed.subscribe(self._follow)

    async def catch_up(self, ask: Ask, variation: Variation, position: int = 0) -> int | None:
        behind = await self.see_events_of(ask.user_id, variation.model, self._account, position)
        if variation.hide_seen_s and behind is None:
            behind = await self.see_events_of(ask.session_id, variation.model, self._account)
        return behind

    async def scope(self, ask: Ask, variation: Variation) -> Scope:
        user, model = ask.user_id, variation.model
        deployed = await self._deployed(model, self._account)
        tags, book = self._tags(user, deployed), deployed.rules if ask.rules is None else None
        own = None if user is None else tags[-1]
        rules = ask.rules if book is None else book.rules
        choosing = _filters(ask, rules)
        moved = ask.history or rules or _reads_items(variation, deployed)
        if not choosing and not moved:
            tags = tags[1:]  # items are in the list by their ids alone
        elif any(name is not None for name, _ in choosing):
            tags = (FILTERS, *tags)
        if own is not None and not await self._names_the_user(choosing, model, self._account):
            _, group, name = own
            with as_problems():
                if not self._answers.knows(group, name):
                    user, tags = None, tags[:-1]
        return Scope(user, tags, own, book, deployed.fatigue)

    async def answer(self, ask: Ask, plan: Plan, variation: Variation) -> Answer:
        ranked = await self.rank(_question(ask, variation, self._account))
        nothing = (None,) * len(ranked.items)
        more = (ranked.promotion_names or nothing, ranked.reasons or nothing, ranked.pins or nothing)
        items = [
            Item(
                item_id=item,
                score=score,
                promotion_name=promotion,
                reason=[reason] if reason else None,
                pin=None if pin is None else ItemPin(pin.rule, pin.place),
            )
            for item, score, promotion, reason, pin in zip(ranked.items, ranked.scores, *more, strict=True)
        ]
        return Answer(
            items=items,
            recommendation_id=ranked.recommendation_id,
            model=ranked.model,
            as_of=ranked.as_of,
            seed=ranked.seed,
            unknown_history=ranked.unknown_history,
            lacking=ranked.lacking,
            short=ranked.short,
        )

    async def tired(self, user: str, variation: Variation, rule: Fatigue) -> Tired:
        """The items that the user is tired of by now."""
        look = partial(self._answers.tired, variation.model, user, rule, self._account)
        with as_problems():
            at_hand = self._answers.knows_showings(variation.model, user, self._account)
        if not at_hand:
            return await self._off_loop(look)
        with as_problems():
            return look()

    def note_shown(self, user: str, items: Sequence[str], variation: Variation, rule: Fatigue) -> None:
        """Count a list as shown to the user now."""
        with as_problems():
            self._answers.note_shown(variation.model, user, items, rule, self._account)

    def within_caps(
        self, variations: Sequence[Variation], names: Sequence[str], pins: Sequence[int | None] = ()
    ) -> list[int]:
        """The places of items that the variations' caps leave of a list, in the order that they are to have then.
        `pins`: at which place, from 0, an item is to stand; one below 0 comes first."""
        pins = pins or (None,) * len(names)
        places = list(range(len(names)))
        if not names:
            return places
        with as_problems():
            capped: dict[str, tuple[str, tuple[Cap, ...]]] = {}  # by dataset group: a model, and all its caps
            for variation in variations:
                if variation.origin is not None:
                    continue
                group, caps = self._caps(variation)
                _, others = capped.get(group, ("", ()))
                capped[group] = variation.model, tuple(dict.fromkeys((*others, *caps)))
            for model, caps in capped.values():
                if caps:
                    listed, pinned = [names[at] for at in places], [pins[at] for at in places]
                    left = self._answers.within_caps(model, listed, caps, pinned, self._account)
                    places = [places[place] for place in left]
        return places

    def has_caps(self, variation: Variation) -> bool:
        with as_problems():
            return variation.origin is None and bool(self._caps(variation)[1])

    def _caps(self, variation: Variation) -> tuple[str, tuple[Cap, ...]]:
        """The dataset group of the variation's model, and its caps."""
        deployed = self._answers.deployed(variation.model, self._account)
        diversity = _diversity(variation, deployed)
        return deployed.group_uid, () if diversity is None else diversity.caps

    def seen(self, ask: Ask, variation: Variation, since: float) -> frozenset[str]:
        """The items that the asking user or session had an event with since then, epoch seconds."""
        names = [name for name in (ask.user_id, ask.session_id) if name is not None]
        with as_problems():
            return self._answers.seen(variation.model, names, since, self._account)

    # ---- what the AWS wire and the events need of the engine, off the loop and with its errors as Problems

    async def rank(self, question: Question) -> Ranked:
        with as_problems():
            return await self._batches.ask(question)

    def question(self, ask: Ask, variation: Variation) -> Question:
        """The question that the engine is asked."""
        return _question(ask, variation, self._account)

    async def scope_of(self, question: Question) -> Scope:
        """The scope of a question of the AWS wire. A list that is drawn is each user's own."""
        deployed = await self._deployed(question.campaign, question.account)
        user, tags = question.user, (RECORDS, *self._tags(question.user, deployed))
        own = None if user is None else tags[-1]
        explores = deployed.exploration is not None and deployed.exploration.weight > 0
        is_drawn = question.promotion is not None or (explores and question.candidates is None)
        is_alike = own is not None and not is_drawn and deployed.rules is None
        choosing: tuple[Choosing, ...] = () if question.filter is None else ((question.filter, None),)
        if (
            own is not None
            and is_alike
            and not await self._names_the_user(choosing, question.campaign, question.account)
        ):
            _, group, name = own
            with as_problems():
                if not self._answers.knows(group, name):
                    user, tags = EVERYBODYS, tags[:-1]
        return Scope(user, tags, own, deployed.rules, deployed.fatigue, is_drawn)

    def show_again(self, question: Question, answer: ShownList) -> str:
        """The id of an answer that goes out once more, which is remembered as shown."""
        with as_problems():
            return self._answers.show_again(question, answer)

    async def explain(self, ask: Ask, item: str, variation: Variation) -> Explanation:
        question = self.question(ask, variation)
        return await self._off_loop(lambda: self._answers.explain(question, item))

    async def cohort(self, user: str, count: int, variation: Variation) -> Cohort:
        return await self._off_loop(lambda: self._answers.cohort(variation.model, user, count, self._account))

    async def has_cohort(self, cohort: str, variation: Variation) -> bool:
        """Tell whether the variation's model is there and has the cohort."""
        try:
            await self.tags(None, variation.model, self._account)  # the campaign is met then
            with as_problems():
                return self._answers.has_cohort(variation.model, cohort, self._account)
        except Problem as problem:
            if problem.status == 404:
                return False
            raise

    async def see_events_of(self, user: str | None, campaign: str, account: str, position: int = 0) -> int | None:
        """And the model that is deployed now. See `Upstream.catch_up`."""
        applied = self._feed.applied()
        if position <= applied and not self._answers.behind(campaign, user, account):
            return None
        try:
            # on one machine news are here as soon as they are read, however long it takes to load a model
            async with asyncio.timeout(self._patience_s if position > applied or self._is_shared else None):
                await self._look()
        except TimeoutError:
            return self._feed.applied()
        except Problem:
            if not self._is_shared:
                raise
            return self._feed.applied()
        return None if position <= self._feed.applied() else self._feed.applied()

    async def tags(self, user: str | None, campaign: str, account: str) -> tuple[Tag, ...]:
        """Tags that outdate an answer of this campaign: the items' first, and last the user's own."""
        return self._tags(user, await self._deployed(campaign, account))

    async def _deployed(self, campaign: str, account: str) -> DeployedModel:
        """A campaign that was met is a look into a table; for any other the engine may read the log and the
        database."""
        if (campaign, account) in self._met:
            with as_problems():
                return self._answers.deployed(campaign, account)
        deployed = await self._off_loop(lambda: self._answers.deployed(campaign, account))
        self._met.add((campaign, account))
        return deployed

    def _tags(self, user: str | None, deployed: DeployedModel) -> tuple[Tag, ...]:
        group = deployed.group_uid
        common = (("items", group), ("snapshot", group), ("deploy", deployed.campaign.arn))
        if user is None:
            return common
        owner = self._answers.owner(group, user)  # a session that belongs to a user stands for it
        own = ("user", group, user)
        return (*common, own) if owner is None else (*common, ("user", group, owner), own)

    async def deliver(
        self,
        trackers: Sequence[str],
        session: str,
        user: str | None,
        events: Sequence[Event],
        automatic: Mapping[str, object],
    ) -> Awaitable[int]:
        """Returns once all is checked, with what is done when all is durable; nothing is stored where anything is
        refused."""
        deliver = partial(self._feed.deliver, trackers, session, user, events, automatic)
        if not self._feed.takes_at_once(trackers):  # the database must be asked
            return self._durable(await self._off_loop(deliver))
        with as_problems():
            return self._durable(deliver())

    async def fitting(
        self, trackers: Sequence[str], dataset_type: str, many: Sequence[Mapping[str, object]]
    ) -> list[FittingProperties]:
        """The properties of each that the trackers' schemas have columns for."""
        fit = partial(self._feed.fitting, trackers, dataset_type)
        return await self._off_loop(lambda: [fit(properties) for properties in many])

    async def merge_rows(
        self, trackers: Sequence[str], dataset_type: str, rows: Sequence[PartialRow]
    ) -> Sequence[Omitted]:
        """Returns once the rows are durable, with what of them is not stored. Those of one process come one after the
        other, so that each has the columns of the one before."""
        async with self._merging:
            merged = await self._off_loop(partial(self._feed.merge_rows, trackers, dataset_type, rows))
            if merged.appended is not None:
                await self._durable(merged.appended)
        return merged.omitted

    async def announce(self, kind: str, key: str) -> None:
        """Returns once every answer of this process has heard."""
        await self._landing.of(self._feed.announce(kind, key))
        await self._look()

    async def _durable(self, appended: Future[int]) -> int:
        with as_problems():
            return await self._landing.of(appended)

    async def _look(self) -> None:
        """All that is committed by now is seen when this returns; one look for all who ask before it begins."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._look_next())
            self._next.add_done_callback(_heard)
        await asyncio.shield(self._next)

    async def _look_next(self) -> None:
        async with self._looking:
            self._next = None
            await self._off_loop(self._feed.catch_up)

    async def _names_the_user(self, filters: Sequence[Choosing], model: str, account: str) -> bool:
        """Tell whether one of the filters compares with the user's own fields."""
        naming = self._naming
        for filter_, expression in filters:
            key = (model, filter_, expression, account)
            if key not in naming:  # the engine may have to read the database
                look = partial(self._answers.filter_names_user, *key)
                naming[key] = await self._off_loop(look)
            if naming[key]:
                return True
        return False

    def _follow(self, changes: Sequence[Change]) -> None:
        """A filter of that name may be another one now; who asks meanwhile fills the dictionary thrown away."""
        if any(change.kind == "record" for change in changes):
            self._naming = {}

    async def _off_loop(self, call: Callable[[], T]) -> T:
        with as_problems():
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def _heard(task: asyncio.Task[None]) -> None:
    """Mark the error as seen: those who waited have it, and all of them may have hung up."""
    if not task.cancelled():
        task.exception()


def _reads_items(variation: Variation, deployed: DeployedModel) -> bool:
    """Tell whether what is said of items moves them in the list, or out of it."""
    objective, diversity = variation.objective or deployed.objective, _diversity(variation, deployed)
    return bool((objective and objective.weight) or (diversity and (diversity.strength or diversity.caps)))


def _diversity(variation: Variation, deployed: DeployedModel) -> Diversity | None:
    """The configured one, or else the campaign's."""
    return deployed.diversity if variation.diversity is None else variation.diversity


def tags_of(change: Change) -> tuple[Tag, ...]:
    """Tags of the cache's entries that a change of the engine outdates."""
    match change.kind:
        case "event" | "action_event" | "user":
            return (("user", change.group, change.key),)
        case "item" | "action":
            return (("items", change.group),)
        case "snapshot":
            return (("snapshot", change.group),)
        case "deploy":
            return (("deploy", change.key),)
        case "record" if ":filter/" in change.key:
            return (FILTERS, RECORDS)
        case "record":
            return (RECORDS,)
        case purge.KIND:
            return (purge.tag_of(purge.decode(change.key)),)
    return ()


def _filters(ask: Ask, rules: Sequence[ListRule] | None) -> tuple[Choosing, ...]:
    """The filters that choose among the items, those of a promotion and of rules among them."""
    own, promotion = (ask.filter, ask.expression), ask.promotion
    choosing: tuple[Choosing, ...] = () if own == (None, None) else (own,)
    if promotion is not None:
        choosing = (*choosing, (promotion.filter, promotion.expression))
    if rules:
        ruling = ((rule.filter, rule.expression) for rule in rules)
        choosing = (*choosing, *(each for each in ruling if each != (None, None)))
    return choosing


def _question(ask: Ask, variation: Variation, account: str) -> Question:
    return Question(
        campaign=variation.model,
        account=account,
        user=ask.user_id,
        cohort=ask.cohort,
        item=ask.item_id,
        candidates=ask.item_ids,
        num_results=ask.num_results,
        filter=ask.filter,
        expression=ask.expression,
        filter_values=ask.filter_values,
        context=ask.context,
        promotion=ask.promotion,
        history=ask.history,
        objective=variation.objective,
        rules=ask.rules,
        diversity=variation.diversity,
        stable_id=True,
        fatigue=ask.fatigue,
    )


UPSTREAM = UpstreamType("engine", (EngineVariation,), answerer, EngineUpstream, place=1)
