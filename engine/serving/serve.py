"""The story of one answer: question → query → scores → mask → top-k → explored, promoted → names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from engine.data.columns import NO_IDS, Floats, Ints
from engine.data.group import Group
from engine.errors import EngineError, InvalidInput
from engine.filters import Candidates, CompiledFilter
from engine.impressions.ids import named, stable
from engine.question import PinnedPlace, Question, Ranked
from engine.rank.explore import RankedPlaces, relevant, seed_of
from engine.rank.merchandising import NO_PINS, PinnedItems, inserted
from engine.rank.promote import mixed
from engine.rank.topk import top_k
from engine.serving.deployments import Deployed
from engine.serving.diversity import Diversifier, ScoreArray, WithoutSome
from engine.serving.question_filters import FilteredQuestion
from engine.serving.ranking import (
    ContextCatalogue,
    LiveState,
    RankingContext,
    list_together,
    ranking_context,
    score_together,
    softmax,
)

DECIMALS = 7  # of a score (specification §9.2)
CALLS = {"PERSONALIZED_ACTIONS": "GetActionRecommendations", "PERSONALIZED_RANKING": "GetPersonalizedRanking"}
PROMOTED, POPULAR, EXPLORED = "Promoted item", "Popular item", "Exploration"  # reasons (§9.4)
PINNED = "Pinned item"  # a reason of ours


def answer(
    asked: FilteredQuestion, deployed: Deployed, group: Group, *, as_of: int, now: float, new_id: Callable[[], str]
) -> Ranked:
    """Raises `InvalidInput` for a question that the campaign's recipe does not answer."""
    (ranked,) = answers((asked,), deployed, group, as_of=as_of, now=now, new_id=new_id)
    if isinstance(ranked, EngineError):
        raise ranked
    return ranked


def answers(
    asked: Sequence[FilteredQuestion],
    deployed: Deployed,
    group: Group,
    *,
    as_of: int,
    now: float,
    new_id: Callable[[], str],
) -> list[Ranked | EngineError]:
    """One for each, the same as if it had been asked alone: an index lists for all, others are scored together."""
    contexts = [_case(each, deployed, group, now) for each in asked]
    sound = [context for context in contexts if isinstance(context, RankingContext)]
    list_together(sound)
    score_together(sound)
    ranked: list[Ranked | EngineError] = []
    for each, context in zip(asked, contexts, strict=True):
        try:
            if isinstance(context, EngineError):
                raise context
            ranked.append(_ranked(context, each, as_of, new_id))
        except EngineError as error:
            ranked.append(error)
    return ranked


def _case(asked: FilteredQuestion, deployed: Deployed, group: Group, now: float) -> RankingContext | EngineError:
    """Or what is wrong with the question."""
    question = asked.question
    try:
        check(question, deployed, asked.every_filter)
        live = LiveState.for_question(question, group, now)
        return ranking_context(asked, deployed, live, now)
    except EngineError as error:
        return error


def _ranked(context: RankingContext, asked: FilteredQuestion, as_of: int, new_id: Callable[[], str]) -> Ranked:
    question = context.question
    shown, name = final(shown_of(context, asked.promoting), context)
    if not question.stable_id:
        name = named(context.deployed.campaign.arn, new_id())
    is_full = len(shown.items) >= question.wanted
    return Ranked(
        items=shown.items,
        scores=shown.scores,
        recommendation_id=name,
        model=context.deployed.model,
        as_of=as_of,
        promotion_names=shown.promotion_names,
        reasons=shown.reasons,
        propensities=shown.propensities,
        pins=shown.pins,
        seed="" if context.explorer is None else context.explorer.drawn_with,
        unknown_history=context.live.unknown,
        lacking=() if is_full else lacking(asked.filters, context.candidates),
        short=context.short,
    )


def lacking(filters: Iterable[CompiledFilter], candidates: Candidates) -> tuple[str, ...]:
    """The fields that filters compare with and the user, or the current item, has no value in."""
    return tuple(sorted({name for each in filters for name in each.lacking(candidates)}))


def final(shown: ShownItems, context: RankingContext) -> tuple[ShownItems, str]:
    """The items in their places, and the answer's stable name."""
    name, question = stable_name(context, shown), context.question
    own = "" if question.stable_id else seed_of(question.user or "", context.deployed.model, context.now)
    drawn = shown.mixed(name + own)
    if context.diversifier is not None and drawn.is_drawn:
        drawn = _held(drawn, context, context.diversifier)
        return drawn, stable_name(context, drawn)
    return drawn, name


def shown_of(context: RankingContext, promoting: CompiledFilter | None = None) -> ShownItems:
    """The items to show; the promoted come first and the pinned last, their places are to be drawn and taken yet (see
    `final`)."""
    if context.question.candidates is not None:
        return _reorder(context.question.candidates, context)
    return _promoted(promoting, context) if promoting is not None else _best(context)


def check(question: Question, deployed: Deployed, filters: tuple[CompiledFilter, ...]) -> None:
    """The combinations of specification §9.1, §9.3 and §5.1."""
    kind, name = deployed.recipe.kind, deployed.recipe.name
    check_call("GetRecommendations" if question.candidates is None else "GetPersonalizedRanking", deployed)
    if question.candidates is not None and question.promotion is not None:
        raise InvalidInput(f"promotions: the recipe {name} ({kind}) reorders a given list.")
    if question.cohort is not None and kind != "USER_PERSONALIZATION":
        raise InvalidInput(f"cohort: the recipe {name} is of type {kind}; only USER_PERSONALIZATION has cohorts.")
    if question.cohort is not None and question.history:
        raise InvalidInput("history: the list of a cohort is for many.")
    nobody = question.user is None and question.cohort is None and not question.history
    if nobody and kind in {"USER_PERSONALIZATION", "PERSONALIZED_RANKING"}:
        raise InvalidInput(f"userId is required: the recipe {name} is of type {kind}.")
    if question.item is None and kind == "RELATED_ITEMS":
        raise InvalidInput(f"itemId is required: the recipe {name} is of type {kind}.")
    if nobody and deployed.use_case is not None and deployed.use_case.needs_user:
        raise InvalidInput(f"userId is required: the use case {name} asks for it.")
    for each in filters:
        _check_filter(each, question, deployed)


def check_call(call: str, deployed: Deployed) -> None:
    kind = deployed.recipe.kind
    answered = CALLS.get(kind, "GetRecommendations")
    if call != answered:
        raise InvalidInput(f"campaignArn: the recipe {deployed.recipe.name} ({kind}) answers {answered} only.")


def _check_filter(filter_: CompiledFilter, question: Question, deployed: Deployed) -> None:
    """Checks those rules of specification §4.3 that do not depend on the parameters."""
    recipe = deployed.recipe
    if filter_.target != "ItemID":
        raise InvalidInput(f"filterArn: the filter is on {filter_.target}; recommendations are filtered by ItemID.")
    if filter_.needs_user and question.cohort is not None:
        raise InvalidInput("filterArn: the filter depends on the user, and the list of a cohort is for many.")
    if filter_.needs_user and question.user is None and (filter_.names_user or not question.history):
        raise InvalidInput("userId is required: the filter depends on the user.")
    if filter_.needs_item and recipe.kind != "RELATED_ITEMS":
        reason = f"the recipe {recipe.name} is of type {recipe.kind}, not RELATED_ITEMS"
        raise InvalidInput(f"filterArn: the filter depends on CurrentItem, but {reason}.")


class ShownItems(NamedTuple):
    """(shown,) each; all but the first two may be empty, as in `Ranked`."""

    items: tuple[str, ...]
    scores: tuple[float | None, ...]
    promotion_names: tuple[str | None, ...] = ()
    reasons: tuple[str | None, ...] = ()
    propensities: tuple[float, ...] = ()
    explored: tuple[bool, ...] = ()
    pins: tuple[PinnedPlace | None, ...] = ()

    @property
    def promoted(self) -> int:
        """The number of promoted items."""
        return len(self.promotion_names) - self.promotion_names.count(None)

    @property
    def is_drawn(self) -> bool:
        """True where chance or a rule put an item at its place, or the item into the list."""
        return self.promoted > 0 or any(self.explored) or any(self.pins)

    def mixed(self, seed: str) -> ShownItems:
        """The promoted, which come first so far, at places drawn by the seed, and the pinned, the last, at theirs."""
        promoted, places = self.promoted, [pin.place - 1 for pin in self.pins if pin is not None]
        if not promoted and not places:
            return self
        others = len(self.items) - len(places)
        drawn = [
            *(mixed(promoted, others, seed).tolist() if promoted else range(others)),
            *range(others, len(self.items)),
        ]
        return self.at([drawn[place] for place in inserted(others, places)])

    def at(self, places: Iterable[int]) -> ShownItems:
        order = list(places)
        columns: Iterable[Any] = (tuple([column[place] for place in order]) if column else () for column in self)
        return ShownItems(*columns)

    def followed_by(self, others: ShownItems) -> ShownItems:
        """The items with others behind them, which nobody promotes or pins and nothing explores."""
        count = len(others.items)
        return ShownItems(
            self.items + others.items,
            self.scores + others.scores,
            self.promotion_names + (None,) * count if self.promotion_names else (),
            self._reasons + others._reasons if self.reasons or others.reasons else (),
            self.propensities + (1.0,) * count if self.propensities else (),
            self.explored + (False,) * count if self.explored else (),
            self.pins + (None,) * count if self.pins else (),
        )

    @property
    def _reasons(self) -> tuple[str | None, ...]:
        return self.reasons or (None,) * len(self.items)


def stable_name(context: RankingContext, shown: ShownItems) -> str:
    """Answers of one name show the same items, and each with the same propensity."""
    drawn = (context.explorer.seed,) if context.explorer is not None else ()
    pinned = tuple([f"{pin.place}" for pin in shown.pins if pin is not None])
    return stable(context.deployed.campaign.arn, context.deployed.model, *drawn, *shown.items, *pinned)


def _best(context: RankingContext) -> ShownItems:
    """The best of the catalogue, and what is pinned."""
    return _shown(NO_IDS, context.places(context.best, context.room, context.pins.reserved), context)


def _promoted(promoting: CompiledFilter, context: RankingContext) -> ShownItems:
    """The promoted items and then the best of the others; only to the others the question's filter applies (§5.1).
    What is pinned has its places already."""
    question, promotion, pins = context.question, context.question.promotion, context.pins
    assert promotion is not None
    mask = promoting.mask(context.candidates, promotion.filter_values)
    scores = np.where(mask[:-1], context.scores, np.float32(-np.inf))
    scores[pins.reserved] = -np.inf
    scores[context.hidden] = -np.inf
    wanted = min(context.room, promotion.places(question.num_results))
    if context.diversifier is None:
        promoted = top_k(scores, wanted)
    else:
        promoted = context.diversifier.on_whole_lists.choose(ScoreArray(scores), wanted, pins.items).items
    taken, others = np.concatenate((promoted, pins.reserved)), context.allowed.copy()
    others[taken] = -np.inf
    count, before = context.room - len(promoted), np.concatenate((promoted, pins.items))
    best = context.chosen(ScoreArray(others), count, before)
    return _shown(promoted, context.places(best, count, taken), context)


def _held(drawn: ShownItems, context: RankingContext, diversifier: Diversifier) -> ShownItems:
    """The items that chance and rules put where they are, but where a cap refuses one: there stands another. Of a
    ranking nothing else may stand there."""
    items = np.array([context.live.find(item) for item in drawn.items], np.int32)
    pins = {at: pin.place - 1 for at, pin in enumerate(drawn.pins) if pin is not None}
    if context.question.candidates is not None:
        places, _ = diversifier.arrange(items, pins, len(items))
        context.short = context.short or len(places) < len(items)
        return drawn.at(places)
    catalogue = WithoutSome(ContextCatalogue(context), context.pins.reserved)
    held = diversifier.hold(items, catalogue, context.question.num_results, pins)
    context.short = held.short
    return drawn.followed_by(_shown(NO_IDS, relevant(held.others), context, NO_PINS)).at(held.places)


def _shown(
    promoted: Ints, others: RankedPlaces, context: RankingContext, pinned: PinnedItems | None = None
) -> ShownItems:
    """Items of the catalogue with what is said about each, the promoted first, the pinned (the context's) last."""
    pins = context.pins if pinned is None else pinned
    items = np.concatenate((promoted, others.items, pins.items))
    recipe, promotion = context.deployed.recipe, context.question.promotion
    filler = recipe.v2 and context.knows_nothing
    scores = _rounded(context.shares(items)) if recipe.scores and not filler else (None,) * len(items)
    first, last = len(promoted), len(pins.items)
    names: tuple[str | None, ...] = ()
    if promotion is not None:
        names = (promotion.name,) * first + (None,) * (len(items) - first)
    reasons: tuple[str | None, ...] = ()
    if recipe.v2:
        usual = POPULAR if filler else None
        of_others = [EXPLORED if each else usual for each in others.explored.tolist()]
        reasons = (*(PROMOTED,) * first, *of_others, *(PINNED,) * last)
    explores = context.explorer is not None
    return ShownItems(
        tuple(context.live.group.items.names(items)),
        scores,
        names,
        reasons if any(reasons) else (),
        (*(1.0,) * first, *others.propensities.tolist(), *(1.0,) * last) if explores else (),
        (*(False,) * first, *others.explored.tolist(), *(False,) * last) if explores else (),
        (*(None,) * (len(items) - last), *_pinned_places(pins)) if last else (),
    )


def _pinned_places(pins: PinnedItems) -> tuple[PinnedPlace, ...]:
    pairs = zip(pins.rules, pins.places.tolist(), strict=True)
    return tuple([PinnedPlace(rule, place + 1) for rule, place in pairs])


def _reorder(candidates: tuple[str, ...], context: RankingContext) -> ShownItems:
    """The candidates, best first; those unknown to the model last, in the order given, without a score (§9.3), and
    behind them what the user does not want. Pins are of candidates only, and come last here."""
    live, scores, pins = context.live, context.scores, context.pins
    mask = context.left.mask if context.left is not None else None
    ids = {name: live.find(name) for name in candidates}  # the first of duplicates stays
    pinned = dict(zip(pins.items.tolist(), _pinned_places(pins), strict=True))
    allowed = [(name, index) for name, index in ids.items() if mask is None or mask[index] or index in pinned]
    ranked = [(name, index) for name, index in allowed if index >= 0 and scores[index] > -np.inf]  # -1: unknown
    values = scores[np.array([index for _, index in ranked], np.int32)] if ranked else np.zeros(0, np.float32)
    order = np.argsort(-values, kind="stable")
    unknown = [(name, index) for name, index in allowed if index < 0 or scores[index] == -np.inf]
    if len(context.aversion.gone):
        unknown.sort(key=lambda each: each[1] in context.aversion.gone)
    shares = (*_rounded(softmax(values, values[order])), *([None] * len(unknown)))
    ordered = [*(ranked[place] for place in order), *unknown]
    shown = ShownItems(tuple([name for name, _ in ordered]), shares)
    if context.diversifier is not None:
        others = [at for at, (_, index) in enumerate(ordered) if index not in pinned]
        sorted_values = np.concatenate((values[order], np.full(len(unknown), -np.inf, np.float32)))
        places = context.diversifier.order(np.array([ordered[at][1] for at in others], np.int32), sorted_values[others])
        context.short = len(places) < len(others)
        left = [*(others[place] for place in places), *(at for at, (_, i) in enumerate(ordered) if i in pinned)]
        ordered, shown = [ordered[at] for at in left], shown.at(left)
    return shown if not pinned else _with_pins(shown, [pinned.get(index) for _, index in ordered])


def _with_pins(shown: ShownItems, pins: Sequence[PinnedPlace | None]) -> ShownItems:
    """The others in their order, and then the pinned by their places."""
    places = [0 if pin is None else pin.place for pin in pins]
    return shown._replace(pins=tuple(pins)).at(sorted(range(len(pins)), key=lambda at: places[at]))


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple([round(value, DECIMALS) for value in values.tolist()])
