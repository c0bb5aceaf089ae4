"""The explorer: what a recommender, a variation or a model answers a user, or somebody new, and why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from engine import (
    Cards,
    Engine,
    EngineError,
    Explanation,
    ItemCard,
    PipelineStage,
    Question,
    live_group,
    look,
    looked_up,
    of_version,
    pipeline,
    sampled_users,
    user_profile,
)
from gateway.admin.lists import ListedItem, ListError, ListExperiment, ListView, list_of
from gateway.admin.users import UserArm, UserView
from gateway.admin.view import View
from gateway.answer.serve import Gateway, LookedAnswer
from gateway.ask import Action, Ask
from gateway.caller import Caller
from gateway.errors import Invalid, NotConfigured, Problem, problem_of
from gateway.plan.plan import Namespace, Plan, Variation

SOMEBODY_NEW = "somebody new"  # the user who asks where none is named
ACTIONS: tuple[Action, ...] = ("recommend-items", "related-items", "rerank-items")
SAMPLED = 10  # users to begin with
TITLES = ("title", "name", "TITLE", "NAME")  # of metadata that comes from elsewhere


class ExplorerQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """One list to look at. `variation` and `model` stand in place of what the configuration would choose."""

    recommender: str
    action: Action | None = None
    user_id: str | None = None
    item_id: str | None = None
    item_ids: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    variation: str | None = None
    model: str | None = None
    version: str = ""
    num_results: int = 12
    filter: str | None = None
    context: Mapping[str, str] = {}


class ExplorerRecommender(View, frozen=True, kw_only=True):
    recommender: str
    action: str
    variations: list[str]
    experiments: list[str]
    models: list[str]


class ExplorerChoices(View, frozen=True, kw_only=True):
    """Recommenders of a namespace to explore, and users to begin with."""

    namespace: str
    recommenders: list[ExplorerRecommender]
    sample_users: list[str]
    event_types: list[str]


class WhyView(View, frozen=True, kw_only=True):
    """The explanation of /explain-items, with the cards of the items that it names."""

    recommender: str
    variation: str
    item: ItemCard
    explanation: Explanation
    history_items: list[ItemCard]


class PipelineView(View, frozen=True, kw_only=True):
    recommender: str
    variation: str
    model: str
    version: str
    user_id: str
    stages: list[PipelineStage]


class _LookedItem(msgspec.Struct, rename="camel"):
    item_id: str = ""
    score: float | None = None
    promotion_name: str | None = None
    pin: Any = None
    reason: list[str] | None = None
    metadata: dict[str, Any] | None = None


class _LookedBody(msgspec.Struct, rename="camel"):
    item_list: list[_LookedItem] = []
    personalized_ranking: list[_LookedItem] = []
    recommendation_id: str | None = None
    lacking: list[str] = []
    short: bool = False
    unknown_history: int = 0


_body = msgspec.json.Decoder(_LookedBody)


class ListExplorer:
    """Looks by way of the gateway, cache included, or past it into the engine."""

    def __init__(self, gateway: Gateway, engine: Engine) -> None:
        self._gateway, self._engine = gateway, engine

    def choices(self, namespace: Namespace) -> ExplorerChoices:
        plans = list(namespace.plans.values())
        models = [each.model for plan in plans for each in plan.variations if each.model and each.origin is None]
        users: dict[str, None] = {}
        types: dict[str, None] = {}
        for arn in dict.fromkeys(self._groups(models)):
            group = live_group(self._engine, arn)
            users |= dict.fromkeys(sampled_users(group, SAMPLED))
            types |= dict.fromkeys(name for name in group.event_types if name)
        return ExplorerChoices(
            namespace=namespace.key,
            recommenders=[
                ExplorerRecommender(
                    recommender=plan.recommender,
                    action=plan.action,
                    variations=[each.name for each in plan.variations],
                    experiments=list(plan.experiments),
                    models=list(dict.fromkeys(each.model for each in plan.variations if each.model)),
                )
                for plan in plans
            ],
            sample_users=list(users)[:SAMPLED],
            event_types=list(types),
        )

    def _groups(self, models: list[str]) -> list[str]:
        """The ARNs of the dataset groups of those that are there."""
        records = (self._engine.answers.campaigns.record(model) for model in models)
        return [each.dataset_group_arn for each in records if each is not None]

    # ---- lists

    async def listed(self, namespace: Namespace, asked: ExplorerQuestion, caller: Caller) -> ListView:
        """One list. Raises `Problem`."""
        plan = plan_of(namespace, asked)
        if asked.model is not None:
            return await asyncio.to_thread(self._model_list, plan, asked, asked.model)
        began = time.perf_counter()
        seen = await self._gateway.look(ask_of(plan, asked), caller, asked.variation)
        return await self._list_view(plan, seen, (time.perf_counter() - began) * 1000)

    def _model_list(self, plan: Plan, asked: ExplorerQuestion, model: str) -> ListView:
        began = time.perf_counter()
        deployed = looked_up(self._engine, model, asked.version)
        ranked = look(self._engine, question_of(plan, asked, deployed.campaign.arn), deployed)
        cards = Cards.of(self._engine, deployed.group_arn)
        shown = list_of(ranked, deployed, cards, (time.perf_counter() - began) * 1000)
        return msgspec.structs.replace(shown, recommender=plan.recommender, action=plan.action)

    async def _list_view(self, plan: Plan, seen: LookedAnswer, milliseconds: float) -> ListView:
        request, hit = seen.request, seen.fetched.hit
        body, variation = _body.decode(seen.fetched.body.body), request.variation
        items = body.item_list or body.personalized_ranking
        cards = await asyncio.to_thread(self._cards, variation, items)
        return ListView(
            recommender=plan.recommender,
            action=plan.action,
            variation=variation.name,
            origin=variation.upstream,
            model=variation.model,
            version=hit.answer.model.rpartition("/")[2],
            experiment=_experiment(seen),
            cohort=await self._cohort(plan, variation, request.ask),
            cache=hit.outcome,
            recommendation_id=body.recommendation_id,
            as_of=hit.answer.as_of or None,
            short=body.short,
            lacking=body.lacking,
            unknown_history=body.unknown_history,
            milliseconds=round(milliseconds, 2),
            items=[
                ListedItem(
                    place=place,
                    item=card,
                    score=each.score,
                    reason=each.reason[0] if each.reason else None,
                    promotion_name=each.promotion_name,
                    pin=each.pin.get("rule") if isinstance(each.pin, dict) else None,
                )
                for place, (each, card) in enumerate(zip(items, cards, strict=True), 1)
            ],
        )

    async def _cohort(self, plan: Plan, variation: Variation, ask: Ask) -> str | None:
        if plan.cohorts is None or variation.origin is not None or ask.user_id is None:
            return None
        try:
            return (await self._gateway.engine.cohort(ask.user_id, plan.cohorts, variation)).cohort
        except Problem:  # a model without cohorts
            return None

    def _cards(self, variation: Variation, items: list[_LookedItem]) -> list[ItemCard]:
        if variation.origin is None:
            cards = Cards.of(self._engine, self._engine.answers.deployed(variation.model).group_arn)
            return cards.cards(each.item_id for each in items)
        return [_card_elsewhere(each) for each in items]

    # ---- why, and the way

    async def why(self, namespace: Namespace, asked: ExplorerQuestion, item: str, caller: Caller) -> WhyView:
        """Raises `Invalid` where the built-in engine does not answer."""
        plan = plan_of(namespace, asked)
        if asked.model is None:
            explanation = await self._gateway.explain(ask_of(plan, asked), item, caller, asked.variation)
        else:
            question = question_of(plan, asked, asked.model)
            explanation = await asyncio.to_thread(self._engine.answers.explain, question, item)
        return await asyncio.to_thread(self._why_view, plan, asked, explanation)

    def _why_view(self, plan: Plan, asked: ExplorerQuestion, explanation: Explanation) -> WhyView:
        cards = Cards.of(self._engine, self._engine.answers.deployed(explanation.source).group_arn)
        return WhyView(
            recommender=plan.recommender,
            variation=asked.variation or "",
            item=cards.card(explanation.item_id),
            explanation=explanation,
            history_items=cards.cards(each.item_id for each in explanation.history),
        )

    async def pipeline(self, namespace: Namespace, asked: ExplorerQuestion, caller: Caller) -> PipelineView:
        """The stages of one answer. Raises `Invalid` where the built-in engine does not answer."""
        plan = plan_of(namespace, asked)
        seen = await self._gateway.look(ask_of(plan, asked), caller, asked.variation)
        request, variation = seen.request, seen.request.variation
        if variation.origin is not None:
            raise Invalid("NotExplained", f"{plan.path} is answered by {variation.upstream}: its pipeline is its own")
        question = self._gateway.engine.question(request.ask, variation)
        stages, version = await asyncio.to_thread(self._stages, question)
        return PipelineView(
            recommender=plan.recommender,
            variation=variation.name,
            model=variation.model,
            version=version,
            user_id=request.ask.user_id or "",
            stages=[*stages, *_last_stages(seen, stages[-1].after)],
        )

    def _stages(self, question: Question) -> tuple[list[PipelineStage], str]:
        deployed = looked_up(self._engine, question.campaign)
        return pipeline(self._engine, question, deployed), of_version(deployed)

    # ---- one user

    async def user(self, namespace: Namespace, user: str, count: int, caller: Caller) -> UserView:
        """The user in a namespace: its history, arms and lists; a list that can't be made says why."""
        models = [each.model for plan in namespace.plans.values() for each in plan.variations if each.origin is None]
        groups = dict.fromkeys(await asyncio.to_thread(self._groups, models))
        profiles = [await asyncio.to_thread(user_profile, self._engine, arn, user) for arn in groups]
        lists, arms = [], []
        for plan in namespace.plans.values():
            if plan.action != "recommend-items":
                continue
            asked = ExplorerQuestion(recommender=plan.recommender, action=plan.action, user_id=user, num_results=count)
            lists.append(shown := await self._list_or_fault(namespace, asked, caller))
            if shown.experiment is not None:
                arms.append(_arm(plan, shown.experiment))
        is_known = any(each.known for each in profiles)
        return UserView(namespace=namespace.key, user_id=user, known=is_known, groups=profiles, arms=arms, lists=lists)

    async def _list_or_fault(self, namespace: Namespace, asked: ExplorerQuestion, caller: Caller) -> ListView:
        try:
            return await self.listed(namespace, asked, caller)
        except (Problem, EngineError) as error:
            problem = error if isinstance(error, Problem) else problem_of(error)
            fault = ListError(type=problem.type, code=problem.code, message=problem.message)
            return ListView(recommender=asked.recommender, error=fault)


def plan_of(namespace: Namespace, asked: ExplorerQuestion) -> Plan:
    """Raises `NotConfigured` and `Invalid`, naming the choices."""
    actions = ACTIONS if asked.action is None else (asked.action,)
    plans = (namespace.plans.get((action, asked.recommender)) for action in actions)
    plan = next((each for each in plans if each is not None), None)
    if plan is None:
        names = ", ".join(sorted({name for _, name in namespace.plans})) or "none"
        message = f"no recommender {asked.recommender!r} in {namespace.key!r}; configured: {names}"
        raise NotConfigured("RecommenderNotConfigured", message)
    if not plan.variations:
        raise NotConfigured("NoVariationsConfigured", f"{plan.path} has no variations")
    if asked.variation is not None and asked.variation not in plan.by_name:
        names = ", ".join(plan.by_name)
        raise Invalid("ValidationError", f"{plan.path} has no variation {asked.variation!r}; configured: {names}")
    return plan


def ask_of(plan: Plan, asked: ExplorerQuestion) -> Ask:
    """Raises `Invalid` where the action needs what is not said."""
    if plan.action == "related-items" and asked.item_id is None:
        raise Invalid("ValidationError", "itemId: related items are those of an item")
    if plan.action == "rerank-items" and not asked.item_ids:
        raise Invalid("ValidationError", "itemIds: a ranking is of given items")
    is_related = plan.action == "related-items"
    return Ask(
        action=plan.action,
        namespace=plan.namespace,
        recommender=plan.recommender,
        user_id=asked.user_id if is_related else asked.user_id or SOMEBODY_NEW,
        item_id=asked.item_id if is_related else None,
        item_ids=asked.item_ids if plan.action == "rerank-items" else None,
        num_results=len(asked.item_ids) if plan.action == "rerank-items" else asked.num_results,
        filter=asked.filter,
        context=asked.context,
        history=asked.history,
        shaped=False,
    )


def question_of(plan: Plan, asked: ExplorerQuestion, campaign: str) -> Question:
    """The question to a model past the configuration."""
    return Question(
        campaign=campaign,
        user=asked.user_id if plan.action == "related-items" else asked.user_id or SOMEBODY_NEW,
        item=asked.item_id,
        candidates=asked.item_ids or None,
        num_results=asked.num_results,
        filter=asked.filter,
        context=asked.context,
        history=asked.history,
    )


def _experiment(seen: LookedAnswer) -> ListExperiment | None:
    enrolment = seen.enrolment
    if enrolment is None:
        return None
    experiment = enrolment.experiment
    return ListExperiment(
        id=experiment.id, feature=experiment.feature, arm=enrolment.arm.variation, counted=enrolment.counted
    )


def _arm(plan: Plan, experiment: ListExperiment) -> UserArm:
    return UserArm(
        experiment=experiment.id,
        feature=experiment.feature,
        recommender=plan.recommender,
        variation=experiment.arm,
        counted=experiment.counted,
    )


def _card_elsewhere(item: _LookedItem) -> ItemCard:
    """The card of an item that another origin answered with, by its metadata."""
    columns = item.metadata or {}
    title = next((str(columns[name]) for name in TITLES if columns.get(name)), None)
    return ItemCard(item_id=item.item_id, title=title, columns=columns)


def _last_stages(seen: LookedAnswer, listed: int) -> list[PipelineStage]:
    """The gateway's own stages: what it hides, and its cache."""
    variation, hit, wanted = seen.request.variation, seen.fetched.hit, seen.fetched.wanted
    body = _body.decode(seen.fetched.body.body)
    count = len(body.item_list or body.personalized_ranking)
    stages = []
    if variation.metadata is not None or variation.hide or variation.hide_seen_s:
        detail = [("metadata", variation.metadata.type)] if variation.metadata is not None else []
        detail += [("hides where", f"{each.field} {each.operator} {each.value}") for each in variation.hide]
        detail += [("hides what was seen within", f"{variation.hide_seen_s} s")] if variation.hide_seen_s else []
        stages.append(PipelineStage(stage="decoration", title="Decoration", before=listed, after=count, detail=detail))
    policy = wanted.policy
    detail = [("outcome", hit.outcome), ("age", f"{hit.age_s:.1f} s"), ("fresh for", f"{policy.max_age_s} s")]
    detail.append(
        ("shared by", "all without a history" if wanted.key.user is None else f"user {wanted.key.user} alone")
    )
    return [*stages, PipelineStage(stage="cache", title="Cache", before=count, after=count, detail=detail)]
