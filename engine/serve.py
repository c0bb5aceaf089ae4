"""The story of one answer: question → query → scores → mask → top-k → promoted → names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np

from engine.data.columns import Floats, Ints
from engine.data.group import NO_HISTORY, Group, History
from engine.data.tail import Since
from engine.deployments import Deployed
from engine.errors import InvalidInput
from engine.filters import Candidates, Filter, Mask
from engine.question import Question, Ranked
from engine.rank.promote import chosen, mixed, share_of
from engine.rank.topk import top_k
from engine.recipes.base import Query
from engine.shown.ids import named, stable

DECIMALS = 7  # of a score (specification §9.2)
PROMOTED, POPULAR = "Promoted item", "Popular item"  # reasons (§9.4)


@dataclass(frozen=True)
class Live:
    """What an answer is made from: one group's state, and what its filters may see of this user.

    The catalogue grows meanwhile: all of one answer sees its first `item_count` items.
    """

    group: Group
    history: History
    item_count: int

    @classmethod
    def of(cls, group: Group, user: str | None) -> Live:
        history = group.history(user) if user is not None else NO_HISTORY
        return cls(group, history, len(group.items))  # counted after: no item of the history is beyond

    def find(self, item: str) -> int:
        """The item's id, -1 where it is not in this answer's catalogue."""
        index = self.group.items.find(item)
        return index if index < self.item_count else -1


def answer(
    question: Question,
    deployed: Deployed,
    group: Group,
    filters: tuple[Filter, ...],
    *,
    as_of: int,
    now: float,
    new_id: Callable[[], str],
    promoting: Filter | None = None,
) -> Ranked:
    """Raises `InvalidInput` for a question that the campaign's recipe does not answer."""
    check(question, deployed, (*filters, *((promoting,) if promoting else ())))
    live = Live.of(group, question.user)
    scores = _scores(question, deployed, live, now)
    mask = _mask(question, filters, live)
    if question.candidates is not None:
        shown = _reorder(question.candidates, live, scores, mask)
    elif promoting is not None:
        shown = _promoted(question, promoting, deployed, live, scores, mask)
    else:
        shown = _best(question, deployed, live, scores, mask)
    source = deployed.campaign.arn
    name = stable(source, deployed.model, *shown.items) if question.stable_id else named(source, new_id())
    shown = shown.mixed(name)
    return Ranked(
        items=shown.items,
        scores=shown.scores,
        recommendation_id=name,
        model=deployed.model,
        as_of=as_of,
        promotion_names=shown.promotion_names,
        reasons=shown.reasons,
    )


def check(question: Question, deployed: Deployed, filters: tuple[Filter, ...]) -> None:
    """The combinations of specification §9.1, §9.3 and §5.1."""
    kind, name = deployed.recipe.kind, deployed.recipe.name
    if kind == "PERSONALIZED_ACTIONS":
        raise InvalidInput(f"campaignArn: the recipe {name} ({kind}) answers GetActionRecommendations only.")
    ranking = kind == "PERSONALIZED_RANKING"
    if ranking != (question.candidates is not None):
        call = "GetPersonalizedRanking" if ranking else "GetRecommendations"
        raise InvalidInput(f"campaignArn: the recipe {name} ({kind}) answers {call} only.")
    if ranking and question.promotion is not None:
        raise InvalidInput(f"promotions: the recipe {name} ({kind}) reorders a given list.")
    if question.user is None and kind in {"USER_PERSONALIZATION", "PERSONALIZED_RANKING"}:
        raise InvalidInput(f"userId is required: the recipe {name} is of type {kind}.")
    if question.item is None and kind == "RELATED_ITEMS":
        raise InvalidInput(f"itemId is required: the recipe {name} is of type {kind}.")
    if question.user is None and deployed.use_case is not None and deployed.use_case.needs_user:
        raise InvalidInput(f"userId is required: the use case {name} asks for it.")
    for each in filters:
        _check_filter(each, question, deployed)


def _check_filter(filter_: Filter, question: Question, deployed: Deployed) -> None:
    """Of specification §4.3 what does not depend on the parameters."""
    recipe = deployed.recipe
    if filter_.target != "ItemID":
        raise InvalidInput(f"filterArn: the filter is on {filter_.target}; recommendations are filtered by ItemID.")
    if filter_.needs_user and question.user is None:
        raise InvalidInput("userId is required: the filter depends on the user.")
    if filter_.needs_item and recipe.kind != "RELATED_ITEMS":
        reason = f"the recipe {recipe.name} is of type {recipe.kind}, not RELATED_ITEMS"
        raise InvalidInput(f"filterArn: the filter depends on CurrentItem, but {reason}.")


def _scores(question: Question, deployed: Deployed, live: Live, now: float) -> Floats:
    """(catalogue,) one score an item of today's catalogue, -inf for those the model does not know."""
    scores = deployed.scorer(
        Query(
            history=live.history.items,
            times=live.history.times,
            item=live.find(question.item) if question.item is not None else -1,
            now=now,
            stream=Since(live.group.tail, deployed.seq),
        )
    )
    count = live.item_count
    if len(scores) >= count:
        return scores[:count]
    padded = np.full(count, -np.inf, np.float32)
    padded[: len(scores)] = scores
    return padded


def _mask(question: Question, filters: tuple[Filter, ...], live: Live) -> Mask | None:
    """(catalogue + 1,) what the filters leave, the last for an unknown item; None where there is no filter."""
    if not filters:
        return None
    candidates = _candidates(question, live)
    return reduce(np.logical_and, (each.mask(candidates, question.filter_values) for each in filters))


def _candidates(question: Question, live: Live) -> Candidates:
    return Candidates(live.group, live.item_count, live.history, question.user, question.item)


class Shown(NamedTuple):
    """(shown,) each; the last two may be empty, as in `Ranked`."""

    items: tuple[str, ...]
    scores: tuple[float | None, ...]
    promotion_names: tuple[str | None, ...] = ()
    reasons: tuple[str | None, ...] = ()

    def mixed(self, seed: str) -> Shown:
        """The promoted, which come first so far, at places drawn by the seed."""
        promoted = len(self.promotion_names) - self.promotion_names.count(None)
        if not promoted:
            return self
        order = mixed(promoted, len(self.items), seed)
        return Shown(*(tuple(column[place] for place in order) if column else () for column in self))


def _best(question: Question, deployed: Deployed, live: Live, scores: Floats, mask: Mask | None) -> Shown:
    """The best of the catalogue; scores are a softmax over all of it (specification §9.2)."""
    return _shown(top_k(_allowed(scores, mask), question.num_results), 0, question, deployed, live, scores)


def _promoted(
    question: Question, promoting: Filter, deployed: Deployed, live: Live, scores: Floats, mask: Mask | None
) -> Shown:
    """The promoted items and then the best of the others; only to the others the question's filter applies (§5.1)."""
    promotion = question.promotion
    assert promotion is not None
    promotable = _allowed(scores, promoting.mask(_candidates(question, live), promotion.filter_values))
    share = share_of(question.num_results, promotion.percent)
    promoted, others = chosen(promotable, _allowed(scores, mask), share, question.num_results)
    return _shown(np.concatenate((promoted, others)), len(promoted), question, deployed, live, scores)


def _allowed(scores: Floats, mask: Mask | None) -> Floats:
    return scores if mask is None else np.where(mask[: len(scores)], scores, np.float32(-np.inf))


def _shown(best: Ints, promoted: int, question: Question, deployed: Deployed, live: Live, scores: Floats) -> Shown:
    """Items of the catalogue with what is said about each; the first few are promoted."""
    count, recipe = len(best), deployed.recipe
    filler = recipe.v2 and not np.any(scores[live.history.items] > -np.inf)  # of this user the model knows nothing
    shares = _rounded(_softmax(scores, scores[best])) if recipe.scores and not filler else (None,) * count
    names: tuple[str | None, ...] = ()
    if question.promotion is not None:
        names = (question.promotion.name,) * promoted + (None,) * (count - promoted)
    reasons: tuple[str | None, ...] = ()
    if recipe.v2 and (promoted or filler):
        reasons = (PROMOTED,) * promoted + (POPULAR if filler else None,) * (count - promoted)
    return Shown(tuple(live.group.items.names(best)), shares, names, reasons)


def _reorder(candidates: tuple[str, ...], live: Live, scores: Floats, mask: Mask | None) -> Shown:
    """The candidates, best first; those unknown to the model last, in the order given, without a score (§9.3)."""
    ids = {name: live.find(name) for name in candidates}  # the first of duplicates stays
    kept = [(name, index) for name, index in ids.items() if mask is None or mask[index]]  # -1: unknown
    known = [(name, index) for name, index in kept if index >= 0 and scores[index] > -np.inf]
    values = scores[np.array([index for _, index in known], np.int32)] if known else np.zeros(0, np.float32)
    order = np.argsort(-values, kind="stable")
    unknown = [name for name, index in kept if index < 0 or scores[index] == -np.inf]
    items = tuple([known[place][0] for place in order] + unknown)
    return Shown(items, (*_rounded(_softmax(values, values[order])), *([None] * len(unknown))))


def _softmax(scores: Floats, of: Floats) -> Floats:
    """exp(of) / sum(exp(scores)), safely."""
    if len(of) == 0:
        return of
    top = scores.max()
    shares: Floats = np.exp(of - top) / np.exp(scores - top).sum()
    return shares


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), DECIMALS) for value in values)
