"""The story of one answer: question → query → scores → mask → top-k → names."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from hashlib import blake2b

import numpy as np

from engine.data.columns import Floats
from engine.data.group import NO_HISTORY, Group, History
from engine.data.tail import Since
from engine.deployments import Deployed
from engine.errors import InvalidInput
from engine.filters import Candidates, Filter, Mask
from engine.question import Question, Ranked
from engine.rank.topk import top_k
from engine.recipes.base import Query

DECIMALS = 7  # of a score (specification §9.2)


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
) -> Ranked:
    """Raises `InvalidInput` for a question that the campaign's recipe does not answer."""
    check(question, deployed, filters)
    live = Live.of(group, question.user)
    scores = _scores(question, deployed, live, now)
    mask = _mask(question, filters, live)
    rank = _reorder if question.candidates is not None else _best
    items, shown = rank(question, deployed, live, scores, mask)
    return Ranked(
        items=items,
        scores=shown,
        recommendation_id=f"RID-{_stable_id(deployed.model, items) if question.stable_id else new_id()}",
        model=deployed.model,
        as_of=as_of,
    )


def check(question: Question, deployed: Deployed, filters: tuple[Filter, ...]) -> None:
    """The combinations of specification §9.1 and §9.3."""
    kind, name = deployed.recipe.kind, deployed.recipe.name
    ranking = kind == "PERSONALIZED_RANKING"
    if ranking != (question.candidates is not None):
        call = "GetPersonalizedRanking" if ranking else "GetRecommendations"
        raise InvalidInput(f"campaignArn: the recipe {name} ({kind}) answers {call} only.")
    if question.user is None and kind in {"USER_PERSONALIZATION", "PERSONALIZED_RANKING"}:
        raise InvalidInput(f"userId is required: the recipe {name} is of type {kind}.")
    if question.item is None and kind == "RELATED_ITEMS":
        raise InvalidInput(f"itemId is required: the recipe {name} is of type {kind}.")
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
    candidates = Candidates(live.group, live.item_count, live.history, question.user, question.item)
    return reduce(np.logical_and, (each.mask(candidates, question.filter_values) for each in filters))


Shown = tuple[tuple[str, ...], tuple[float | None, ...]]


def _best(question: Question, deployed: Deployed, live: Live, scores: Floats, mask: Mask | None) -> Shown:
    """The best of the catalogue; scores are a softmax over all of it (specification §9.2)."""
    allowed = scores if mask is None else np.where(mask[: len(scores)], scores, -np.inf)
    best = top_k(allowed, question.num_results)
    items = tuple(live.group.items.names(best))
    if not deployed.recipe.scores:
        return items, (None,) * len(items)
    return items, _rounded(_softmax(scores, scores[best]))


def _reorder(question: Question, deployed: Deployed, live: Live, scores: Floats, mask: Mask | None) -> Shown:
    """The candidates, best first; those unknown to the model last, in the order given, without a score (§9.3)."""
    ids = {name: live.find(name) for name in question.candidates or ()}  # the first of duplicates stays
    kept = [(name, index) for name, index in ids.items() if mask is None or mask[index]]  # -1: unknown
    known = [(name, index) for name, index in kept if index >= 0 and scores[index] > -np.inf]
    values = scores[np.array([index for _, index in known], np.int32)] if known else np.zeros(0, np.float32)
    order = np.argsort(-values, kind="stable")
    unknown = [name for name, index in kept if index < 0 or scores[index] == -np.inf]
    items = tuple([known[place][0] for place in order] + unknown)
    return items, (*_rounded(_softmax(values, values[order])), *([None] * len(unknown)))


def _stable_id(model: str, items: tuple[str, ...]) -> str:
    return str(uuid.UUID(bytes=blake2b("\0".join((model, *items)).encode(), digest_size=16).digest(), version=5))


def _softmax(scores: Floats, of: Floats) -> Floats:
    """exp(of) / sum(exp(scores)), safely."""
    if len(of) == 0:
        return of
    top = scores.max()
    shares: Floats = np.exp(of - top) / np.exp(scores - top).sum()
    return shares


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), DECIMALS) for value in values)
