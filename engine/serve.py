"""The story of one answer: question → query → scores → mask → top-k → explored, promoted → names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from engine.cohorts.cohorts import EVERYONE
from engine.data.columns import Array, Floats, Ints
from engine.data.exposure import Novelty
from engine.data.group import NO_HISTORY, Group, History
from engine.data.tail import Since
from engine.deployments import Deployed
from engine.errors import EngineError, InvalidInput, NotFound
from engine.filters import Candidates, Filter, Left, Mask, left_by
from engine.nearest.shortlist import Shortlist
from engine.question import Question, Ranked
from engine.rank.explore import Explorer, Places, explored, explored_among, explorer, relevant, seed_of
from engine.rank.promote import mixed, share_of
from engine.rank.topk import top_k
from engine.recipes.base import Query, scored
from engine.shown.ids import named, stable

DECIMALS = 7  # of a score (specification §9.2)
PROMOTED, POPULAR, EXPLORED = "Promoted item", "Popular item", "Exploration"  # reasons (§9.4)


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


class Asked(NamedTuple):
    """A question, the filters that it is asked with, and the one that promotes."""

    question: Question
    filters: tuple[Filter, ...] = ()
    promoting: Filter | None = None


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
    asked = Asked(question, filters, promoting)
    (found,) = answers((asked,), deployed, group, as_of=as_of, now=now, new_id=new_id)
    if isinstance(found, EngineError):
        raise found
    return found


def answers(
    asked: Sequence[Asked], deployed: Deployed, group: Group, *, as_of: int, now: float, new_id: Callable[[], str]
) -> list[Ranked | EngineError]:
    """One for each, the same as if it had been asked alone: an index lists for all, others are scored together."""
    cases = [_case(each, deployed, group, now) for each in asked]
    sound = [case for case in cases if isinstance(case, Case)]
    _list_together(sound)
    _score_together(sound)
    found: list[Ranked | EngineError] = []
    for each, case in zip(asked, cases, strict=True):
        try:
            if isinstance(case, EngineError):
                raise case
            found.append(_ranked(case, each.promoting, as_of, new_id))
        except EngineError as error:
            found.append(error)
    return found


def _case(asked: Asked, deployed: Deployed, group: Group, now: float) -> Case | EngineError:
    """Or what is wrong with the question."""
    question, promoting = asked.question, (asked.promoting,) if asked.promoting else ()
    try:
        check(question, deployed, (*asked.filters, *promoting))
        return case_of(question, deployed, Live.of(group, question.user), asked.filters, now)
    except EngineError as error:
        return error


def _ranked(case: Case, promoting: Filter | None, as_of: int, new_id: Callable[[], str]) -> Ranked:
    arn, shown = case.deployed.campaign.arn, shown_of(case, promoting)
    name = stable_name(case, shown) if case.question.stable_id else named(arn, new_id())
    shown = shown.mixed(name)
    return Ranked(
        items=shown.items,
        scores=shown.scores,
        recommendation_id=name,
        model=case.deployed.model,
        as_of=as_of,
        promotion_names=shown.promotion_names,
        reasons=shown.reasons,
        propensities=shown.propensities,
        seed="" if case.explorer is None else case.explorer.drawn_with,
    )


@dataclass(frozen=True)
class Case:
    """All that one question's answer is chosen from."""

    question: Question
    deployed: Deployed
    live: Live
    now: float
    left: Left | None  # by the filters; None: there is none
    explorer: Explorer | None

    @cached_property
    def query(self) -> Query:
        return query_of(self.question, self.deployed, self.live, self.now)

    @cached_property
    def scores(self) -> Floats:
        """(catalogue,) -inf for what the model does not know."""
        return scores_of(self.question, self.deployed, self.live, self.now)

    @cached_property
    def shortlist(self) -> Shortlist | None:
        """Of the model's index, where it has one for a question like this."""
        scorer = self.deployed.shortlisting
        return scorer.shortlists((self.query,))[0] if self.plain and scorer is not None else None

    @property
    def plain(self) -> bool:
        """Whether an index may answer."""
        question = self.question
        return question.candidates is None and question.promotion is None and question.cohort in (None, EVERYONE)

    @cached_property
    def nearest(self) -> Ints | None:
        """The best by the index that the filters leave, as many as are asked for; None where it has too few of them."""
        if self.shortlist is None:
            return None
        best = self.shortlist.best[self._known(self.shortlist.best, self.shortlist)]
        if self.left is not None:
            best = best[self.left.keeps(best)]
        count = self.question.num_results
        return best[:count] if len(best) >= count else None

    def _known(self, items: Ints, shortlist: Shortlist) -> Array:
        """(k,) whether each is in this answer's catalogue and has a score."""
        absent = self.live.group.exposure.without_record(self.deployed.absent)
        known: Array = items < min(self.live.item_count, shortlist.count)
        return known & ~np.isin(items, absent) if len(absent) else known

    @property
    def best(self) -> Ints:
        """(<= asked for,) by the index, or else by all scores."""
        if self.nearest is not None:
            return self.nearest
        return top_k(self.scores, self.question.num_results, None if self.left is None else self.left.mask[:-1])

    @property
    def allowed(self) -> Floats:
        """The scores of what the filters leave."""
        return self.scores if self.left is None else self.left.of(self.scores)

    @property
    def knows_nothing(self) -> bool:
        """Whether the model knows nothing of what this user did, or the people of this cohort."""
        named = self.question.cohort not in (None, EVERYONE)
        history = self.live.history.items
        if self.nearest is not None and self.shortlist is not None:
            return not np.any(self._known(history, self.shortlist))
        return not named and not np.any(self.scores[history] > -np.inf)

    def shares(self, items: Ints) -> Floats:
        """(k,) softmax over the whole catalogue (specification §9.2), with exploration's share."""
        shares = self._shares(items)
        return self.explorer.mixed_in(shares, items) if self.explorer is not None else shares

    def _shares(self, items: Ints) -> Floats:
        if self.nearest is None or self.shortlist is None:
            return _softmax(self.scores, self.scores[items])
        shares, known = np.zeros(len(items), np.float32), self._known(items, self.shortlist)
        shares[known] = np.exp(self.shortlist.logits_of(items[known]) - np.float32(self.shortlist.log_total))
        return shares

    def places(self, best: Ints, count: int, taken: Ints) -> Places:
        """These best, and what is explored, but for what is taken."""
        if self.explorer is None:
            return relevant(best)
        dropped = () if self.left is None else (self.left.dropped,)
        but_for = (*dropped, self.live.history.items, taken)
        places = explored_among(self.explorer, best, self._young, but_for, count)
        if places is not None:
            return places
        explorable = self.explorable
        explorable[taken] = False
        return explored(self.explorer, best, explorable, count)

    @property
    def _young(self) -> Novelty:
        """Of all that the filters leave to everyone."""
        assert self.explorer is not None
        young = self.explorer.young
        return young if self.left is None else self.left.shared.of(young)

    @property
    def explorable(self) -> Mask:
        """(catalogue,) what the filters leave and the user does not know already."""
        found = np.ones(self.live.item_count, np.bool_) if self.left is None else self.left.mask[:-1].copy()
        found[self.live.history.items] = False
        return found


def shown_of(case: Case, promoting: Filter | None = None) -> Shown:
    """What is shown; the promoted come first, their places are not drawn yet."""
    if case.question.candidates is not None:
        return _reorder(case.question.candidates, case)
    return _promoted(promoting, case) if promoting is not None else _best(case)


def case_of(question: Question, deployed: Deployed, live: Live, filters: tuple[Filter, ...], now: float) -> Case:
    left = left_by(filters, candidates_of(question, live), question.filter_values)
    return Case(question, deployed, live, now, left, _explorer(question, deployed, live, now))


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
    if question.cohort is not None and kind != "USER_PERSONALIZATION":
        raise InvalidInput(f"cohort: the recipe {name} is of type {kind}; only USER_PERSONALIZATION has cohorts.")
    nobody = question.user is None and question.cohort is None
    if nobody and kind in {"USER_PERSONALIZATION", "PERSONALIZED_RANKING"}:
        raise InvalidInput(f"userId is required: the recipe {name} is of type {kind}.")
    if question.item is None and kind == "RELATED_ITEMS":
        raise InvalidInput(f"itemId is required: the recipe {name} is of type {kind}.")
    if nobody and deployed.use_case is not None and deployed.use_case.needs_user:
        raise InvalidInput(f"userId is required: the use case {name} asks for it.")
    for each in filters:
        _check_filter(each, question, deployed)


def _check_filter(filter_: Filter, question: Question, deployed: Deployed) -> None:
    """Of specification §4.3 what does not depend on the parameters."""
    recipe = deployed.recipe
    if filter_.target != "ItemID":
        raise InvalidInput(f"filterArn: the filter is on {filter_.target}; recommendations are filtered by ItemID.")
    if filter_.needs_user and question.cohort is not None:
        raise InvalidInput("filterArn: the filter depends on the user, and the list of a cohort is for many.")
    if filter_.needs_user and question.user is None:
        raise InvalidInput("userId is required: the filter depends on the user.")
    if filter_.needs_item and recipe.kind != "RELATED_ITEMS":
        reason = f"the recipe {recipe.name} is of type {recipe.kind}, not RELATED_ITEMS"
        raise InvalidInput(f"filterArn: the filter depends on CurrentItem, but {reason}.")


def scores_of(question: Question, deployed: Deployed, live: Live, now: float) -> Floats:
    """(catalogue,) one score an item of today's catalogue, -inf for those the model does not know."""
    scores = _of_cohort(question.cohort, deployed)
    if scores is None:
        scores = deployed.scorer(query_of(question, deployed, live, now))
    return _fitting(scores, deployed, live)


def _list_together(cases: Sequence[Case]) -> None:
    """By their model's index, where it has one; each gets the shortlist that it would have alone."""
    listed = [case for case in cases if case.plain]
    scorer = listed[0].deployed.shortlisting if listed else None
    if scorer is not None:
        for case, shortlist in zip(listed, scorer.shortlists([case.query for case in listed]), strict=True):
            vars(case)["shortlist"] = shortlist  # as if the property had been asked for


def _score_together(cases: Sequence[Case]) -> None:
    """The cases of users that no index answers; each gets the scores that it would have alone."""
    scanned = [case for case in cases if case.question.cohort in (None, EVERYONE) and case.nearest is None]
    queries = [case.query for case in scanned]
    if not scanned:
        return
    for case, scores in zip(scanned, scored(scanned[0].deployed.scorer, queries), strict=True):
        vars(case)["scores"] = _fitting(scores, case.deployed, case.live)  # as if the property had been asked for


def _fitting(scores: Floats, deployed: Deployed, live: Live) -> Floats:
    """(items of the model,) scores made (catalogue,)"""
    count = live.item_count
    absent = live.group.exposure.without_record(deployed.absent)
    if len(scores) >= count and not len(absent):
        return scores[:count]
    padded = np.full(count, -np.inf, np.float32)
    padded[: len(scores)] = scores[:count]
    padded[absent] = -np.inf
    return padded


def _of_cohort(cohort: str | None, deployed: Deployed) -> Floats | None:
    """(items of the model,) None where the scores are a user's, or of someone without a history."""
    if cohort is None or cohort == EVERYONE:
        return None
    scores = deployed.cohort_scores(cohort)
    if scores is None:
        raise NotFound(f"The model {deployed.model} has no cohort {cohort}.")
    return scores


def query_of(question: Question, deployed: Deployed, live: Live, now: float) -> Query:
    """What the model is asked."""
    return Query(
        history=live.history.items,
        times=live.history.times,
        item=live.find(question.item) if question.item is not None else -1,
        influence=deployed.campaign.campaign_config.get("rankingInfluence") or {},
        now=now,
        stream=Since(live.group.tail, deployed.seq),
        user=live.group.user_id(question.user) if question.user is not None else -1,
        users=live.group.user_table,
        context=question.context,
    )


def _explorer(question: Question, deployed: Deployed, live: Live, now: float) -> Explorer | None:
    exploration = deployed.exploration
    if exploration is None or exploration.weight == 0 or question.candidates is not None:
        return None
    # what is cached for all users without a history must not depend on which of them asked
    shared = question.stable_id and not len(live.history.items)
    seed = seed_of(question.cohort or "" if shared else question.user or "", deployed.model, now)
    return explorer(exploration, live.group.exposure.novelty(live.item_count, exploration.cut_off_days), seed)


def candidates_of(question: Question, live: Live) -> Candidates:
    return Candidates(live.group, live.item_count, live.history, question.user, question.item)


class Shown(NamedTuple):
    """(shown,) each; all but the first two may be empty, as in `Ranked`."""

    items: tuple[str, ...]
    scores: tuple[float | None, ...]
    promotion_names: tuple[str | None, ...] = ()
    reasons: tuple[str | None, ...] = ()
    propensities: tuple[float, ...] = ()
    explored: tuple[bool, ...] = ()

    def mixed(self, seed: str) -> Shown:
        """The promoted, which come first so far, at places drawn by the seed."""
        promoted = len(self.promotion_names) - self.promotion_names.count(None)
        if not promoted:
            return self
        order = mixed(promoted, len(self.items), seed)
        return Shown(*(tuple(column[place] for place in order) if column else () for column in self))


def stable_name(case: Case, shown: Shown) -> str:
    """Answers of one name show the same items, and each with the same propensity."""
    drawn = (case.explorer.seed,) if case.explorer is not None else ()
    return stable(case.deployed.campaign.arn, case.deployed.model, *drawn, *shown.items)


def _best(case: Case) -> Shown:
    """The best of the catalogue."""
    nothing = np.zeros(0, np.int32)
    return _shown(nothing, case.places(case.best, case.question.num_results, nothing), case)


def _promoted(promoting: Filter, case: Case) -> Shown:
    """The promoted items and then the best of the others; only to the others the question's filter applies (§5.1)."""
    question, promotion = case.question, case.question.promotion
    assert promotion is not None
    mask = promoting.mask(candidates_of(question, case.live), promotion.filter_values)
    promoted = top_k(
        np.where(mask[:-1], case.scores, np.float32(-np.inf)), share_of(question.num_results, promotion.percent)
    )
    others = case.allowed.copy()
    others[promoted] = -np.inf
    count = question.num_results - len(promoted)
    return _shown(promoted, case.places(top_k(others, count), count, promoted), case)


def _shown(promoted: Ints, others: Places, case: Case) -> Shown:
    """Items of the catalogue with what is said about each, the promoted first."""
    items = np.concatenate((promoted, others.items))
    recipe, promotion = case.deployed.recipe, case.question.promotion
    filler = recipe.v2 and case.knows_nothing
    scores = _rounded(case.shares(items)) if recipe.scores and not filler else (None,) * len(items)
    names: tuple[str | None, ...] = ()
    if promotion is not None:
        names = (promotion.name,) * len(promoted) + (None,) * len(others.items)
    reasons: tuple[str | None, ...] = ()
    if recipe.v2:
        usual = POPULAR if filler else None
        told = [EXPLORED if each else usual for each in others.explored.tolist()]
        reasons = (*(PROMOTED,) * len(promoted), *told)
    return Shown(
        tuple(case.live.group.items.names(items)),
        scores,
        names,
        reasons if any(reasons) else (),
        (*(1.0,) * len(promoted), *others.propensities.tolist()) if case.explorer is not None else (),
        (*(False,) * len(promoted), *others.explored.tolist()) if case.explorer is not None else (),
    )


def _reorder(candidates: tuple[str, ...], case: Case) -> Shown:
    """The candidates, best first; those unknown to the model last, in the order given, without a score (§9.3)."""
    live, scores = case.live, case.scores
    mask = case.left.mask if case.left is not None else None
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
    if top == -np.inf:
        return np.zeros(len(of), np.float32)
    below = scores - top
    shares: Floats = np.exp(of - top) / np.exp(below, out=below).sum()
    return shares


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple([round(value, DECIMALS) for value in values.tolist()])
