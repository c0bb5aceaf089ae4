"""The context that one answer is ranked in: question → query → scores, or an index's best, and what filters leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from engine.cohorts.cohorts import EVERYONE
from engine.data.columns import NO_IDS, Array, Bools, Floats, Ints
from engine.data.exposure import Novelty
from engine.data.group import NO_HISTORY, Group, History
from engine.data.tail import Since
from engine.filters import Candidates, Eligible, Mask, eligible_by
from engine.nearest.shortlist import Shortlist
from engine.question import MOST_RESULTS, Question
from engine.rank.aversion import Aversion, Lowering
from engine.rank.explore import Explorer, RankedPlaces, explored, explored_among, explorer, relevant, seed_of
from engine.rank.merchandising import (
    NO_PINS,
    CompiledRule,
    ListToPin,
    PinnedItems,
    factors_of,
    pinned_items,
    reweighted,
)
from engine.rank.objective import ObjectiveColumn, moved
from engine.rank.rule import DiversityRule
from engine.rank.topk import top_k
from engine.recipe import Query, scored
from engine.rules.rules import Pin
from engine.serving.deployments import Deployed
from engine.serving.diversity import Diversifier, ScoreArray, ScoredCatalogue, ScoredItems, WithoutSome
from engine.serving.question_filters import FilteredQuestion

MOST_UNWANTED = 50  # of a user, the latest, whose like are lowered
NO_AVERSION = Aversion()


@dataclass(frozen=True)
class LiveState:
    """One group's state as an answer sees it, with this user's history.

    The catalogue grows meanwhile: all of one answer sees its first `item_count` items.
    """

    group: Group
    history: History
    item_count: int
    chosen: History | None = None  # the history that the model hears of, where that is not all of it
    asked: int = 0  # of the history: the last items, which came with the question
    unknown: int = 0  # items that came with the question and that nobody has heard of

    @classmethod
    def of(cls, group: Group, user: str | None) -> LiveState:
        history = NO_HISTORY if user is None else group.history(user)
        return cls(group, history, len(group.items))  # counted after: no item of the history is beyond

    def before(self, time: int) -> LiveState:
        """The state with the user's events before an epoch second only."""
        return replace(self, history=self.history.where(self.history.times < time))

    def without_negative(self, deployed: Deployed) -> LiveState:
        """The state with the history that is left for the model."""
        if not deployed.negative_events:
            return self
        return replace(self, chosen=deployed.negative_events.wishes(self.group, self.history).chosen)

    @property
    def heard(self) -> History:
        """The history that the model hears of."""
        return self.history if self.chosen is None else self.chosen

    @classmethod
    def for_question(cls, question: Question, group: Group, now: float) -> LiveState:
        live = cls.of(group, question.user)
        return live.after(question.history, now) if question.history else live

    def after(self, chosen: Sequence[str], now: float) -> LiveState:
        """The state as if the user had just chosen these, in this order; what nobody has heard of is passed over."""
        ids = np.array([index for index in map(self.find, chosen) if index >= 0], np.int32)
        time = max(int(now), int(self.history.times.max(initial=0)))
        history = self.history.then(ids, time)
        return replace(self, history=history, asked=len(ids), unknown=len(chosen) - len(ids))

    @property
    def is_new(self) -> bool:
        """True where nothing that the user did is stored."""
        return len(self.history.items) == self.asked

    def find(self, item: str) -> int:
        """The item's id, -1 where it is not in this answer's catalogue."""
        index = self.group.items.find(item)
        return index if index < self.item_count else -1


@dataclass
class RankingContext:
    """All that one question's answer is chosen from.

    Scores and the shortlist are computed when they are asked for, unless `score_together` or `list_together` has set
    them for several contexts at once.
    """

    question: Question
    deployed: Deployed
    live: LiveState
    now: float
    left: Eligible | None  # by the filters; None: there is none
    explorer: Explorer | None
    aversion: Aversion = NO_AVERSION
    rules: tuple[CompiledRule, ...] = ()  # in force
    diversifier: Diversifier | None = None  # None: the most relevant items are listed
    short: bool = False  # whether caps left fewer items than were asked for

    @property
    def candidates(self) -> Candidates:
        return candidates_of(self.question, self.live)

    @cached_property
    def query(self) -> Query:
        return query_of(self.question, self.deployed, self.live, self.now)

    @cached_property
    def model_scores(self) -> Floats:
        """(catalogue,) -inf for what the model does not know."""
        return scores_of(self.question, self.deployed, self.live, self.now)

    @cached_property
    def ruled_scores(self) -> Floats:
        """(catalogue,) the model's, with what rules boost and bury."""
        factors = factors_of(self.rules, self.candidates) if self.rules else None
        if factors is None:
            return self.model_scores
        return reweighted(self.model_scores, factors, are_logits=self.deployed.gives_logits)

    @cached_property
    def scores(self) -> Floats:
        """(catalogue,) those that the answer is ranked by, with the user's aversion; -inf for what never comes."""
        return self.averted(self.ruled_scores)

    @property
    def is_ruled(self) -> bool:
        """True where rules boost or bury anything."""
        return self.ruled_scores is not self.model_scores

    def averted(self, scores: Floats) -> Floats:
        """(catalogue,) the scores with the user's aversion."""
        return self.aversion.of(scores, self.deployed.gives_logits) if self.aversion else scores

    @cached_property
    def pins(self) -> PinnedItems:
        """The items that rules pin."""
        named = [item for each in self.rules if isinstance(each.rule, Pin) for item in each.rule.items]
        if not named and not any(isinstance(each.rule, Pin) for each in self.rules):
            return NO_PINS
        question, live, among = self.question, self.live, None
        if question.candidates is not None:
            among = frozenset([id_ for name in question.candidates if (id_ := live.find(name)) >= 0])
        length = question.num_results if among is None else MOST_RESULTS  # none of those given goes
        pinning = ListToPin(self.scores, self.left, length, among, self._barred(named))
        return pinned_items(self.rules, self.candidates, pinning)

    def _barred(self, named: Sequence[str]) -> frozenset[int]:
        """Items that no rule may pin: of those named the ones without a record, the current one, what is hidden, and
        what the user does not want."""
        ids = np.array([id_ for name in named if (id_ := self.live.find(name)) >= 0], np.int32)
        barred = {*self.live.group.exposure.without_record(ids).tolist(), *self.aversion.gone.tolist()}
        barred |= set(self.hidden.tolist())
        if self.deployed.recipe.kind == "RELATED_ITEMS" and self.question.item is not None:
            barred.add(self.live.find(self.question.item))
        return frozenset(barred - {-1})

    @property
    def hidden(self) -> Ints:
        """The items that an operator has hidden."""
        return np.array([id_ for name in self.deployed.hidden if (id_ := self.live.find(name)) >= 0], np.int32)

    @cached_property
    def shortlist(self) -> Shortlist | None:
        """The shortlist of the model's index, where it has one for a question like this."""
        scorer = self.deployed.shortlisting
        return scorer.shortlists((self.query,))[0] if self.plain and scorer is not None else None

    @property
    def plain(self) -> bool:
        """True where an index may answer: it finds the best by the model's own scores."""
        question = self.question
        if question.candidates is not None or question.promotion is not None or question.objective is not None:
            return False
        return question.cohort in (None, EVERYONE) and not self.rules

    @property
    def shift(self) -> Floats:
        """(catalogue,) by how many logits the question's objective moves each item."""
        return shift_of(self.question, self.live)

    @cached_property
    def nearest(self) -> Ints | None:
        """The best by the index that the filters leave, as many as are asked for; None where it has too few of them."""
        listed, count = self._listed, self.question.num_results
        return listed[:count] if listed is not None and len(listed) >= count else None

    @cached_property
    def _listed(self) -> Ints | None:
        """All that the index lists and the filters leave."""
        if self.shortlist is None:
            return None
        best = self.shortlist.best[self._has_score(self.shortlist.best, self.shortlist)]
        if self.aversion:
            best = self.aversion.nearest(best, self.shortlist.logits_of(best))
        return best if self.left is None else best[self.left.keeps(best)]

    def _has_score(self, items: Ints, shortlist: Shortlist) -> Array:
        """(k,) True for those that are in this answer's catalogue and have a score."""
        absent = self.live.group.exposure.without_record(self.deployed.absent)
        in_model: Array = items < min(self.live.item_count, shortlist.count)
        return in_model & ~np.isin(items, absent) if len(absent) else in_model

    @property
    def room(self) -> int:
        """The number of places in the list that no rule pins an item to."""
        return self.question.num_results - len(self.pins.items)

    @property
    def best(self) -> Ints:
        """(<= room,) by the index, or else by all scores, but for what is pinned; where the list is to be diverse, so
        chosen."""
        pins = self.pins
        if len(pins.reserved):
            catalogue = WithoutSome(ContextCatalogue(self), pins.reserved)
            return self.chosen(catalogue, self.room, pins.items)[: self.room]
        if self.diversifier is not None:
            return self.chosen(ContextCatalogue(self), self.question.num_results)
        if self.nearest is not None:
            return self.nearest
        return top_k(self.scores, self.question.num_results, None if self.left is None else self.left.mask[:-1])

    @property
    def allowed(self) -> Floats:
        """The scores of what the filters leave."""
        return self.scores if self.left is None else self.left.of(self.scores)

    @property
    def knows_nothing(self) -> bool:
        """True where the model knows nothing of what this user did, or the people of this cohort."""
        named = self.question.cohort not in (None, EVERYONE)
        history = self.live.heard.items
        if self.nearest is not None and self.shortlist is not None:
            return not np.any(self._has_score(history, self.shortlist))
        return not named and not np.any(self.model_scores[history] > -np.inf)

    def chosen(self, catalogue: ScoredCatalogue, count: int, before: Ints = NO_IDS) -> Ints:
        """(<= count,) the best for the places after those of `before`."""
        if self.diversifier is None:
            return catalogue.best(count).items
        chosen = self.diversifier.choose(catalogue, count, before)
        self.short = self.short or chosen.short
        return chosen.items

    def shares(self, items: Ints) -> Floats:
        """(k,) softmax over the whole catalogue (specification §9.2), with exploration's share."""
        shares = self._shares(items)
        return self.explorer.mixed_in(shares, items) if self.explorer is not None else shares

    def _shares(self, items: Ints) -> Floats:
        if self.nearest is None or self.shortlist is None:
            return softmax(self.scores, self.scores[items])
        shares, has_score = np.zeros(len(items), np.float32), self._has_score(items, self.shortlist)
        logits, log_total = self.shortlist.logits_of(items[has_score]), self.shortlist.log_total
        if self.aversion:
            logits, log_total = self._averse(items[has_score], logits, self.shortlist)
        shares[has_score] = np.exp(logits - np.float32(log_total))
        return shares

    def _averse(self, items: Ints, logits: Floats, shortlist: Shortlist) -> tuple[Floats, float]:
        """Those items' logits, and the logarithm of the sum over all, with the user's aversion."""
        touched = self.aversion.touched
        touched = touched[self._has_score(touched, shortlist)]
        before = shortlist.logits_of(touched)
        lost = np.exp(before - np.float32(shortlist.log_total)) * (1 - self.aversion.odds_of(touched))
        left = max(1 - float(lost.sum()), 1e-9)
        with np.errstate(divide="ignore"):
            return logits + np.log(self.aversion.odds_of(items)), shortlist.log_total + float(np.log(left))

    def places(self, best: Ints, count: int, taken: Ints) -> RankedPlaces:
        """These best, and what is explored, but for what is taken."""
        if self.explorer is None:
            return relevant(best)
        dropped = () if self.left is None else (self.left.dropped,)
        but_for = (*dropped, self.live.history.items, self.aversion.absent, taken)
        places = explored_among(self.explorer, best, self._young, but_for, count)
        if places is not None:
            return places
        explorable = self.explorable
        explorable[taken] = False
        return explored(self.explorer, best, explorable, count)

    @property
    def _young(self) -> Novelty:
        """The novelty of all items that the filters leave to everyone."""
        assert self.explorer is not None
        young = self.explorer.young
        return young if self.left is None else self.left.shared.of(young)

    @property
    def explorable(self) -> Mask:
        """(catalogue,) what the filters leave, no rule pins, and the user does not know already."""
        mask = np.ones(self.live.item_count, np.bool_) if self.left is None else self.left.mask[:-1].copy()
        mask[self.live.history.items] = False
        mask[self.aversion.absent] = False
        mask[self.pins.reserved] = False
        return mask


@dataclass(frozen=True)
class ContextCatalogue:
    """The catalogue of one answer: what the index lists first, where it lists enough."""

    context: RankingContext

    def best(self, count: int) -> ScoredItems:
        context = self.context
        if context.nearest is None or context.shortlist is None or context._listed is None:
            return ScoreArray(context.allowed).best(count)
        items = context._listed[:count]
        logits = context.shortlist.logits_of(items)
        if context.aversion:
            logits = logits + np.log(context.aversion.odds_of(items))  # above 0: the index lists no other
        return ScoredItems(items, logits)

    def next_best(self, closed: Bools, taken: Ints, count: int) -> ScoredItems:
        return ScoreArray(self.context.allowed).next_best(closed, taken, count)


def ranking_context(asked: FilteredQuestion, deployed: Deployed, live: LiveState, now: float) -> RankingContext:
    question = asked.question
    left = eligible_by(asked.filters, candidates_of(question, live), question.filter_values)
    explorer, aversion = _explorer(question, deployed, live, now), NO_AVERSION
    if deployed.negative_events or question.fatigue is not None:
        live, aversion = aversion_of(question, deployed, live)
    diversifier = None
    if asked.diversity is not None:
        diversifier = diversifier_of(asked.diversity, deployed, live, aversion)
    return RankingContext(question, deployed, live, now, left, explorer, aversion, asked.rules, diversifier)


def diversifier_of(rule: DiversityRule, deployed: Deployed, live: LiveState, aversion: Aversion) -> Diversifier:
    table = live.group.item_table
    return Diversifier(rule, table, live.item_count, lambda: deployed.item_vectors, aversion.last)


def aversion_of(question: Question, deployed: Deployed, live: LiveState) -> tuple[LiveState, Aversion]:
    """The user's aversion, and the state with the history that is left for the model."""
    gone, lowerings = NO_IDS, []
    if deployed.negative_events and len(live.history.items):
        chosen, gone, strengths = deployed.negative_events.wishes(live.group, live.history)
        live = replace(live, chosen=chosen)
        pairs = list(zip(gone.tolist(), strengths.tolist(), strict=True))[-MOST_UNWANTED:]
        lowerings = [deployed.alike.lowering(item, strength) for item, strength in pairs]
    tired = NO_IDS
    if question.fatigue is not None and question.fatigue.items:
        ids = {live.find(name) for name in question.fatigue.items} - {-1, *gone.tolist()}
        tired = np.array(sorted(ids), np.int32)
    if question.fatigue is None or question.fatigue.weight == 0:
        return live, Aversion(gone, tired, tuple(lowerings))
    lowerings.append(Lowering("fatigue", tired, np.full(len(tired), question.fatigue.weight, np.float32)))
    return live, Aversion(gone, NO_IDS, tuple(lowerings))


def candidates_of(question: Question, live: LiveState) -> Candidates:
    return Candidates(live.group, live.item_count, live.history, question.user, question.item)


def query_of(question: Question, deployed: Deployed, live: LiveState, now: float) -> Query:
    """The question in the model's terms."""
    negative, heard = deployed.negative_events, live.heard
    return Query(
        history=heard.items,
        times=heard.times,
        item=live.find(question.item) if question.item is not None else -1,
        influence=deployed.campaign.campaign_config.get("rankingInfluence") or {},
        now=now,
        stream=Since(live.group.tail, deployed.seq, live.group.type_codes(negative.names) if negative else ()),
        user=live.group.user_id(question.user) if question.user is not None else -1,
        users=live.group.user_table,
        context=question.context,
    )


def _explorer(question: Question, deployed: Deployed, live: LiveState, now: float) -> Explorer | None:
    exploration = deployed.exploration
    if exploration is None or exploration.weight == 0 or question.candidates is not None:
        return None
    # what is cached for all users without a history must not depend on which of them asked
    shared = question.stable_id and live.is_new
    seed = seed_of(question.cohort or "" if shared else question.user or "", deployed.model, now)
    return explorer(exploration, live.group.exposure.novelty(live.item_count, exploration.cut_off_days), seed)


def scores_of(question: Question, deployed: Deployed, live: LiveState, now: float) -> Floats:
    """(catalogue,) one score an item of today's catalogue, -inf for those the model does not know."""
    if question.cohort is None or question.cohort == EVERYONE:
        scores = deployed.scorer(query_of(question, deployed, live, now))
    else:
        scores = deployed.cohort_scores(question.cohort)
    return _finished(scores, question, deployed, live)


def _finished(scores: Floats, question: Question, deployed: Deployed, live: LiveState) -> Floats:
    """(items of the model,) scores made (catalogue,), and moved by the question's objective."""
    fitting = _fitting(scores, deployed, live)
    if question.objective is None:
        return fitting
    return moved(fitting, shift_of(question, live), logits=deployed.gives_logits)


def shift_of(question: Question, live: LiveState) -> Floats:
    """(catalogue,) by how many logits the question's objective moves each item."""
    objective = question.objective
    if objective is None:
        return np.zeros(live.item_count, np.float32)
    shares = ObjectiveColumn.of(live.group.item_table, objective.column).shares(live.item_count)
    return shares * np.float32(objective.weight)


def _fitting(scores: Floats, deployed: Deployed, live: LiveState) -> Floats:
    """(items of the model,) scores made (catalogue,)"""
    count = live.item_count
    absent = live.group.exposure.without_record(deployed.absent)
    if len(scores) >= count and not len(absent):
        return scores[:count]
    padded = np.full(count, -np.inf, np.float32)
    padded[: len(scores)] = scores[:count]
    padded[absent] = -np.inf
    return padded


def list_together(contexts: Sequence[RankingContext]) -> None:
    """Sets the shortlists of questions that their model's index may answer, each the one that it would have alone."""
    listed = [context for context in contexts if context.plain]
    scorer = listed[0].deployed.shortlisting if listed else None
    if scorer is not None:
        for context, shortlist in zip(listed, scorer.shortlists([context.query for context in listed]), strict=True):
            context.shortlist = shortlist


def score_together(contexts: Sequence[RankingContext]) -> None:
    """Sets the scores of questions that no index answers, each the ones that it would have alone."""
    scanned = [
        context for context in contexts if context.question.cohort in (None, EVERYONE) and context.nearest is None
    ]
    queries = [context.query for context in scanned]
    if not scanned:
        return
    for context, scores in zip(scanned, scored(scanned[0].deployed.scorer, queries), strict=True):
        context.model_scores = _finished(scores, context.question, context.deployed, context.live)


def softmax(scores: Floats, of: Floats) -> Floats:
    """exp(of) / sum(exp(scores)), safely."""
    if len(of) == 0:
        return of
    top = scores.max()
    if top == -np.inf:
        return np.zeros(len(of), np.float32)
    below = scores - top
    shares: Floats = np.exp(of - top) / np.exp(below, out=below).sum()
    return shares
