"""Explanations why an item is, or is not, in an answer: an extension beside AWS's answers, off the path of requests.

The answer is made once more, from the state as it is now, and its making is looked into. What each item of the user's
history does for the score is found by leaving it out: the score (a logit) with the whole history less the score without
that item (Li, Monroe and Jurafsky, "Understanding neural networks through representation erasure", 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import msgspec
import numpy as np

from engine.data.columns import Floats
from engine.data.group import Group
from engine.filters import CompiledFilter
from engine.rank.aversion import LoweredBy
from engine.rank.diversify import ALL
from engine.rank.explore import chances
from engine.rank.merchandising import CompiledRule
from engine.rules.rules import Pin
from engine.serving import serve
from engine.serving.deployments import Deployed
from engine.serving.question_filters import FilteredQuestion
from engine.serving.ranking import LiveState, RankingContext, ranking_context, scores_of
from engine.serving.serve import ShownItems

LOOKED_AT = 30  # of a history, the latest items
TOLD = 10  # of those, the strongest
NEGLIGIBLE = 1e-6

Cause = Literal[
    "relevance",
    "popularity",
    "exploration",
    "promotion",
    "pin",
    "boost",
    "unknownItem",
    "notCandidate",
    "filtered",
    "unwanted",
    "tired",
    "notInModel",
    "pinnedBelow",
    "bury",
    "outranked",
    "displaced",
    "diversity",
    "capped",
    "alike",
]
TEXTS: dict[Cause, str] = {
    "relevance": "It is in the answer for its score.",
    "popularity": "It is in the answer because it is popular: the model knows nothing of what this user did.",
    "exploration": "It is in the answer because it is young and was drawn to be explored.",
    "promotion": "It is in the answer because the promotion's filter includes it.",
    "pin": "It is in the answer because a rule pins it to a place.",
    "boost": "It is in the answer because a rule boosts it: its own score would not do.",
    "unknownItem": "Nobody has heard of this item: it is in no dataset.",
    "notCandidate": "It is not among the items that were to be ranked.",
    "filtered": "A filter removes it.",
    "unwanted": "The user does not want it: a negative event says so.",
    "tired": "It rests: it was shown to the user often, and nothing came of it.",
    "notInModel": "The model was trained without it, and it was not drawn to be explored.",
    "pinnedBelow": "A rule pins it to a place below the end of this list.",
    "bury": "A rule buries it: its own score would do.",
    "outranked": "Other items have higher scores.",
    "displaced": "Its score would do, but promoted, pinned or explored items took the last places.",
    "diversity": "It is in the answer because items with higher scores are too alike, or a cap keeps them out.",
    "capped": "A cap keeps it out: the list has as many items of its kind as it may have.",
    "alike": "Its score would do, but items of the list are too like it.",
}


class _Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Camel case, and nothing said of what there is not."""


class FilterVerdict(_Shape, frozen=True, kw_only=True):
    filter: str  # its ARN, or the expression
    keeps: bool
    lacking: list[str] = []  # fields that it compares with, and the user or current item has no value in


class Pull(_Shape, frozen=True, kw_only=True):
    """The contribution of one item of the history to the score; below 0: takes from it."""

    item_id: str
    timestamp: int  # of the latest interaction with it
    contribution: float


class Exploring(_Shape, frozen=True, kw_only=True):
    young: bool  # inside explorationItemAgeCutOff
    interactions: int
    impressions: int
    chance: float | None = None  # of being drawn, for whom may be


class FullCap(_Shape, frozen=True, kw_only=True):
    """A cap that has no room for the item: so many of the first places, or of all, have its value already."""

    column: str
    value: str
    most: int
    first: int | None = None


class Promoting(_Shape, frozen=True, kw_only=True):
    name: str
    includes: bool


class ObjectiveShift(_Shape, frozen=True, kw_only=True):
    """What an objective does to one item: its `value` in the column, its shift in logits, its rank without it."""

    column: str
    weight: float
    value: float | None = None
    shift: float
    rank_without: int | None = None


class LoweredOdds(_Shape, frozen=True, kw_only=True):
    """What the item's odds are multiplied by for one reason; `item_id` is the unwanted one that it is like."""

    cause: LoweredBy
    odds: float
    item_id: str | None = None


class RuleVerdict(_Shape, frozen=True, kw_only=True):
    """A rule in force, and what it does to the item: to which place it pins it, how many times more (`boost`) or less
    (`bury`) likely it makes it. Nothing where it is not about the item."""

    name: str
    type: str
    place: int | None = None
    times: float | None = None


class Explanation(_Shape, frozen=True, kw_only=True):
    """`place` counts from 1 in the answer, the ranks in the whole catalogue: by the model's scores, with what rules
    boost and bury, and after the filters; `score` is the share of all scores (specification §9.2), also for recipes
    whose answers carry none."""

    item_id: str
    user_id: str | None = None
    source: str  # ARN of the campaign or recommender
    model: str
    cause: Cause
    because: str
    place: int | None = None
    propensity: float | None = None  # of being shown, where anything was drawn
    score: float | None = None
    rank: int | None = None
    rank_after_rules: int | None = None
    rank_after_filters: int | None = None
    filters: list[FilterVerdict] = []
    history: list[Pull] = []  # the strongest first
    exploration: Exploring | None = None
    promotion: Promoting | None = None
    objective: ObjectiveShift | None = None
    unknown_history: int = 0  # items of the question's history that nobody has heard of
    lowered: list[LoweredOdds] = []  # the strongest first
    rules: list[RuleVerdict] = []
    caps: list[FullCap] = []


def explain(
    asked: FilteredQuestion,
    item: str,
    deployed: Deployed,
    group: Group,
    now: float,
    answered: Sequence[str] | None = None,
) -> Explanation:
    """Explains one item. `answered` are the items of an answer that was given to this question; without, the answer is
    made anew.

    Raises `InvalidInput` as answering does.
    """
    question, promoting = asked.question, asked.promoting
    serve.check(question, deployed, asked.every_filter)
    context = ranking_context(asked, deployed, LiveState.for_question(question, group, now), now)
    shown, _ = serve.final(serve.shown_of(context, promoting), context)
    index = context.live.find(item)
    verdicts = _verdicts(context, index, asked)
    items = answered if answered is not None else shown.items
    caps = _full_caps(context, index, shown) if item not in shown.items else []
    cause = _cause(item, index, context, shown, verdicts, caps)
    return Explanation(
        item_id=item,
        user_id=question.user,
        source=deployed.campaign.arn,
        model=deployed.model,
        cause=cause,
        because=TEXTS[cause],
        place=items.index(item) + 1 if item in items else None,
        propensity=shown.propensities[shown.items.index(item)] if shown.propensities and item in shown.items else None,
        score=float(context.shares(np.array([index]))[0]) if index >= 0 else None,
        rank=_rank(context.averted(context.model_scores), index),
        rank_after_rules=_rank(context.scores, index) if context.is_ruled else None,
        rank_after_filters=_rank(context.allowed, index) if asked.filters else None,
        filters=verdicts,
        history=_pulls(context, index, now),
        exploration=_exploring(context, index),
        promotion=_promoting(context, index, promoting),
        objective=_shift(context, index),
        unknown_history=context.live.unknown,
        lowered=_lowered(context, index),
        rules=[_ruled(context, index, each) for each in asked.rules],
        caps=caps,
    )


def _cause(
    item: str,
    index: int,
    context: RankingContext,
    shown: ShownItems,
    verdicts: Sequence[FilterVerdict],
    caps: Sequence[FullCap],
) -> Cause:
    candidates = context.question.candidates
    if item in shown.items:
        return _why_shown(shown.items.index(item), context, shown)
    if candidates is not None and item not in candidates:
        return "notCandidate"
    if not all(each.keeps for each in verdicts):
        return "filtered"
    if index < 0:
        return "unknownItem"
    if candidates is not None and caps:  # for nothing else a ranking leaves an item out
        return "capped"
    if index in context.aversion.gone:
        return "unwanted"
    if index in context.aversion.last:
        return "tired"
    if index in context.pins.reserved:
        return "capped" if caps else "pinnedBelow"
    rank, diversifier = _rank(context.allowed, index), context.diversifier
    if rank is None:
        return "notInModel"
    if rank > context.question.num_results and (diversifier is None or _is_outranked(context, index, shown)):
        buried = context.ruled_scores[index] < context.model_scores[index]
        return "bury" if buried and _ranks_by_itself(index, context) else "outranked"
    if caps:
        return "capped"
    return "alike" if diversifier is not None and diversifier.rule.strength else "displaced"


def _ranks_by_itself(index: int, context: RankingContext) -> bool:
    """Tell whether the model's score alone would do for a place."""
    own = context.averted(context.model_scores)
    rank = _rank(own if context.left is None else context.left.of(own), index)
    return rank is not None and rank <= context.question.num_results


def _is_outranked(context: RankingContext, index: int, shown: ShownItems) -> bool:
    """True where the item's score is below those of all that are in the answer for their scores."""
    nobody = (False,) * len(shown.items)
    rows = zip(shown.items, shown.explored or nobody, shown.pins or nobody, strict=True)
    items = [context.live.find(item) for item, explored, pin in rows if not explored and not pin]
    return bool(np.all(context.allowed[items] > context.allowed[index]))


def _full_caps(context: RankingContext, index: int, shown: ShownItems) -> list[FullCap]:
    if context.diversifier is None or index < 0:
        return []
    items = np.array([context.live.find(item) for item in shown.items], np.int32)
    return [
        FullCap(column=column, value=term, most=limit.most, first=None if limit.first == ALL else limit.first)
        for limit, column, term in context.diversifier.refusals(index, items)
    ]


def _why_shown(place: int, context: RankingContext, shown: ShownItems) -> Cause:
    if shown.pins and shown.pins[place] is not None:
        return "pin"
    if shown.promotion_names and shown.promotion_names[place] is not None:
        return "promotion"
    if shown.explored and shown.explored[place]:
        return "exploration"
    index = context.live.find(shown.items[place])
    boosted = index >= 0 and context.ruled_scores[index] > context.model_scores[index]
    if boosted and not _ranks_by_itself(index, context):
        return "boost"
    if context.diversifier is not None and context.question.candidates is None:
        rank = _rank(context.allowed, index)
        if rank is None or rank > context.question.num_results:
            return "diversity"
    personal = context.deployed.recipe.kind in ("USER_PERSONALIZATION", "PERSONALIZED_RANKING")
    return "popularity" if personal and context.knows_nothing else "relevance"


def _rank(scores: Floats, index: int) -> int | None:
    """The rank from 1, equal scores by index; None for an item that has no score."""
    if index < 0 or scores[index] == -np.inf:
        return None
    return int((scores > scores[index]).sum() + (scores[:index] == scores[index]).sum()) + 1


def _verdicts(context: RankingContext, index: int, asked: FilteredQuestion) -> list[FilterVerdict]:
    candidates = context.candidates
    values = context.question.filter_values
    return [
        FilterVerdict(
            filter=name,
            keeps=bool(each.mask(candidates, values)[index]),  # -1: an unknown item
            lacking=each.lacking(candidates),
        )
        for name, each in zip(asked.labels, asked.filters, strict=True)
    ]


def _lowered(context: RankingContext, index: int) -> list[LoweredOdds]:
    lowered = [
        LoweredOdds(
            cause=each.cause,
            odds=round(float(each.odds[each.items == index][0]), 6),
            item_id=context.live.group.items.name(each.item) if each.item >= 0 else None,
        )
        for each in context.aversion.lowerings
        if index in each.items
    ]
    return sorted(lowered, key=lambda each: each.odds)


def _promoting(context: RankingContext, index: int, promoting: CompiledFilter | None) -> Promoting | None:
    promotion = context.question.promotion
    if promotion is None or promoting is None:
        return None
    mask = promoting.mask(context.candidates, promotion.filter_values)
    return Promoting(name=promotion.name, includes=bool(mask[index]))


def _shift(context: RankingContext, index: int) -> ObjectiveShift | None:
    objective = context.question.objective
    if objective is None or index < 0:
        return None
    group, question = context.live.group, msgspec.structs.replace(context.question, objective=None)
    value = group.item_table.value(index, objective.column)
    scores = scores_of(question, context.deployed, context.live, context.now)
    return ObjectiveShift(
        column=objective.column,
        weight=objective.weight,
        value=None if value is None else float(value),
        shift=round(float(context.shift[index]), 6),
        rank_without=_rank(scores, index),
    )


def _ruled(context: RankingContext, index: int, compiled: CompiledRule) -> RuleVerdict:
    rule = compiled.rule
    verdict = RuleVerdict(name=rule.name, type=str(rule.__struct_config__.tag))
    if index < 0:
        return verdict
    if isinstance(rule, Pin):
        pins = context.pins
        places = [place + 1 for item, place, name in zip(*pins[:3], strict=True) if (item, name) == (index, rule.name)]
        return msgspec.structs.replace(verdict, place=int(places[0]) if places else None)
    includes = compiled.includes(context.candidates)[index]
    return msgspec.structs.replace(verdict, times=rule.times if includes else None)


def _exploring(context: RankingContext, index: int) -> Exploring | None:
    if context.deployed.exploration is None or index < 0:
        return None
    interactions, impressions = context.live.group.exposure.counts(index)
    young, chance = False, None
    if context.explorer is not None:
        young = bool(context.explorer.novelty[index] > 0)
        pool = chances(context.explorer, context.best, context.explorable, context.room)
        chance = float(pool.chances[index]) or None
    return Exploring(young=young, interactions=interactions, impressions=impressions, chance=chance)


def _pulls(context: RankingContext, index: int, now: float) -> list[Pull]:
    history = context.live.heard
    if index < 0 or context.model_scores[index] == -np.inf or not len(history.items):
        return []
    latest = list(dict.fromkeys(history.items[::-1].tolist()))[:LOOKED_AT]
    pulls = []
    for each in latest:
        others = history.items != each
        live = replace(context.live, chosen=history.where(others))
        without = scores_of(context.question, context.deployed, live, now)[index]
        time = int(history.times[~others][-1])
        change = float(context.model_scores[index] - without)
        pulls.append(Pull(item_id=context.live.group.items.name(each), timestamp=time, contribution=round(change, 6)))
    strong = [pull for pull in pulls if np.isfinite(pull.contribution) and abs(pull.contribution) > NEGLIGIBLE]
    return sorted(strong, key=lambda pull: -abs(pull.contribution))[:TOLD]
