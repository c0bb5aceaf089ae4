"""The story of one answer with actions: question → query → probabilities → what is open to the user → order → names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Array, Floats, Longs
from engine.data.group import Group, History
from engine.errors import InvalidInput
from engine.filters import Candidates, CompiledFilter, Mask
from engine.impressions.ids import named
from engine.question import Question, Ranked
from engine.recipe import Query
from engine.serving.deployments import Deployed
from engine.serving.question_filters import FilteredQuestion
from engine.serving.ranking import LiveState
from engine.serving.serve import DECIMALS, check_call, lacking

DAY_S = 86_400
EXPIRY = ("EXPIRATION_TIMESTAMP", "ACTION_EXPIRATION_TIMESTAMP")
ONE_IN = 10  # answers end with an action that has no score yet, where there are more scores than places


@dataclass(frozen=True)
class ActionCatalogue:
    """(n,) each: of every action whether it is offered at all, what it is worth, when it ends, how long it rests."""

    listed: Mask
    value: Array  # 0 where none is given
    expires: Array  # epoch seconds, inf: never
    rest: Array  # seconds after an interaction of the user, 0: none

    def open_to(self, done: History, now: float) -> Mask:
        """(n,) what has neither expired nor been met by the user within its REPEAT_FREQUENCY (specification §3.4)."""
        last = np.full(len(self.listed), -np.inf)
        np.maximum.at(last, done.items, done.times.astype(np.float64))
        open_: Mask = self.listed & (self.expires > now) & (last + self.rest <= now)
        return open_


def answer(
    asked: FilteredQuestion, deployed: Deployed, group: Group, *, as_of: int, now: float, new_id: Callable[[], str]
) -> Ranked:
    """Raises `InvalidInput` for a question that the campaign's recipe does not answer."""
    question, filters = asked.question, asked.filters
    user = check(question, deployed, filters)
    actions, name = group.actions, named(deployed.campaign.arn, new_id())
    done = actions.history(user)
    offers = catalogue(actions, len(actions.items))  # counted after: no action of the history is beyond
    scores = _scores(deployed, group, user, done, now, len(offers.listed))
    allowed = offers.open_to(done, now)
    candidates = Candidates(actions, len(scores), done, user)
    if filters:
        allowed &= reduce(np.logical_and, (each.mask(candidates, question.filter_values) for each in filters))[:-1]
    best = _best(scores, offers.value, allowed)
    shown, chances = explored(best, scores[best] > 0, question.num_results, name)
    return Ranked(
        items=tuple(actions.items.names(shown)),
        scores=tuple(float(score) for score in scores[shown]),
        recommendation_id=name,
        model=deployed.model,
        as_of=as_of,
        propensities=chances,
        lacking=() if len(shown) >= question.wanted else lacking(filters, candidates),
    )


def check(question: Question, deployed: Deployed, filters: tuple[CompiledFilter, ...]) -> str:
    """The user who asks. Raises `InvalidInput` (specification §9.6, §4.3)."""
    check_call("GetActionRecommendations", deployed)
    for each in filters:
        if each.target != "ActionID":
            raise InvalidInput(f"filterArn: the filter is on {each.target}; actions are filtered by ActionID.")
    if question.user is None:
        raise InvalidInput(f"userId is required: the recipe {deployed.recipe.name} is of type {deployed.recipe.kind}.")
    return question.user


def _scores(deployed: Deployed, group: Group, user: str, done: History, now: float, count: int) -> Array:
    """(count,) probabilities; 0 of actions that the model does not know or has too few interactions of."""
    history = LiveState.of(group, user).without_negative(deployed).heard
    query = Query(
        history.items,
        history.times,
        now=now,
        user=group.users.find(group.links.get(user, user)),
        actions=done.items,
        action_types=done.types,
    )
    trained: Floats = deployed.scorer(query)[:count]
    scores = np.zeros(count)
    scores[: len(trained)] = np.round(trained.astype(np.float64), DECIMALS)
    return scores


def _best(scores: Array, value: Array, allowed: Mask) -> Longs:
    """The ids of what is allowed, likeliest first; of equals the one worth more."""
    ids = np.flatnonzero(allowed)
    return ids[np.lexsort((ids, -value[ids], -scores[ids]))]


def explored(best: Longs, scored: NDArray[np.bool_], places: int, seed: str) -> tuple[Longs, tuple[float, ...]]:
    """The first few, and how likely each was to be shown. Now and then the last place goes to an action without a
    score, which would else never be met often enough to get one."""
    shown, rest = best[:places], best[places:][~scored[places:]]
    if len(shown) < 2 or not len(rest) or not scored[: len(shown)].all():
        return shown, ()
    draw = int.from_bytes(blake2b(seed.encode(), digest_size=8).digest(), "little")
    certain = (1.0,) * (len(shown) - 1)
    if draw % ONE_IN:
        return shown, (*certain, 1 - 1 / ONE_IN)
    return np.append(shown[:-1], rest[draw // ONE_IN % len(rest)]), (*certain, 1 / (ONE_IN * len(rest)))


def catalogue(actions: Group, count: int) -> ActionCatalogue:
    """The catalogue of the first `count` actions, cached until a row is put."""
    memo, version = actions.item_table.memo, (len(actions.item_table.order), count)
    cached: tuple[tuple[int, int], ActionCatalogue] | None = memo.get("catalogue")
    if cached is not None and cached[0] == version:
        return cached[1]
    rows = [actions.item_table.row(index) for index in range(count)]
    put = actions.stored.item_put
    listed = [
        row is not None or index in actions.item_table.rows or bool(index < len(put) and put[index])
        for index, row in enumerate(rows)
    ]

    def numbers(name: str, missing: float) -> Array:
        return np.array([float((row or {}).get(name, missing)) for row in rows])

    current = ActionCatalogue(
        np.array(listed, np.bool_),
        numbers("VALUE", 0),
        np.minimum(*(numbers(name, np.inf) for name in EXPIRY)),
        numbers("REPEAT_FREQUENCY", 0) * DAY_S,
    )
    memo["catalogue"] = version, current
    return current
