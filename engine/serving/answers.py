"""All that a deployed model can be asked: lists, why an item is in one, what another model would have earned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import msgspec
import numpy as np

from engine.cohorts.cohorts import Cohort
from engine.data.group import Group
from engine.data.log import Log
from engine.errors import EngineError, InvalidInput
from engine.feed.directory import Directory, ItemField
from engine.feed.follower import Follower
from engine.impressions.ids import named
from engine.impressions.segment import ShownAnswer
from engine.impressions.showings import Audience, Showings
from engine.impressions.shown_log import ShownLog
from engine.measure.off_policy import Estimates, estimates
from engine.question import Cap, Diversity, Fatigue, Question, Ranked, ServingObjective, ShownList, Tired
from engine.rank.fatigue import tired_of
from engine.rules.rules import ListRule
from engine.serving import actions, explain, replay, serve
from engine.serving.campaigns import Campaigns
from engine.serving.deployments import Deployed
from engine.serving.diversity import Diversifier
from engine.serving.question_filters import FilteredQuestion, QuestionFilters
from engine.serving.ranking import LiveState

SCORES_AT_ONCE = 8_000_000  # of one thread: users times items, 32 MB


@dataclass(frozen=True)
class Answers:
    """Answers of one process. A `campaign` is the ARN or the bare name of a campaign or recommender; methods raise
    `NotFound` where the account (by default the settings' own) has none of that name."""

    campaigns: Campaigns
    filters: QuestionFilters
    directory: Directory
    follower: Follower
    log: Log
    shown: ShownLog
    showings: Showings
    clock: Callable[[], float]
    new_id: Callable[[], str]

    def recommend(self, question: Question) -> Ranked:
        """Raises `NotFound` (no such campaign or filter), `InvalidInput` (a wrong question for its recipe)."""
        (ranked,) = self.recommend_many((question,))
        if isinstance(ranked, EngineError):
            raise ranked
        return ranked

    def recommend_many(self, questions: Sequence[Question]) -> list[Ranked | EngineError]:
        """One for each, the same as if it had been asked alone, for less time: scores of one model are made together.
        What `recommend` raises takes the place of the answer."""
        if any(self.campaigns.is_redeployed(*each) for each in {(each.campaign, each.account) for each in questions}):
            self.follower.catch_up()
        as_of = self.follower.applied  # before the state is read: an event that comes between makes it look older
        answers: list[Ranked | EngineError | None] = [None] * len(questions)
        batches: dict[int, tuple[Deployed, list[int], list[FilteredQuestion]]] = {}
        for place, question in enumerate(questions):
            try:
                deployed = self.campaigns.get(question.campaign, question.account)
                asked = self.filters.of_question(self._with_fatigue(question, deployed), deployed)
                if question.of == "actions":
                    answers[place] = self._rank_actions(asked, deployed, as_of)
                    continue
            except EngineError as error:
                answers[place] = error
                continue
            _, places, batch = batches.setdefault(id(deployed), (deployed, [], []))
            places.append(place)
            batch.append(asked)
        for deployed, places, batch in batches.values():
            for place, ranked in zip(places, self._rank_items(batch, deployed, as_of), strict=True):
                answers[place] = ranked
                if isinstance(ranked, Ranked):
                    self._count_shown(questions[place], ranked.items, deployed)
        return cast("list[Ranked | EngineError]", answers)

    def _rank_actions(self, asked: FilteredQuestion, deployed: Deployed, as_of: int) -> Ranked:
        group, now = self.campaigns.group(deployed), self.clock()
        ranked = actions.answer(asked, deployed, group, as_of=as_of, now=now, new_id=self.new_id)
        self.shown.add(_shown_answer(ranked.recommendation_id, ranked, asked.question, deployed, now))
        return ranked

    def _rank_items(
        self, batch: Sequence[FilteredQuestion], deployed: Deployed, as_of: int
    ) -> list[Ranked | EngineError]:
        try:
            group, now = self.campaigns.group(deployed), self.clock()
        except EngineError as error:
            return [error] * len(batch)
        most = max(1, SCORES_AT_ONCE // max(1, len(group.items)))
        answers: list[Ranked | EngineError] = []
        for first in range(0, len(batch), most):
            some = batch[first : first + most]
            answers += serve.answers(some, deployed, group, as_of=as_of, now=now, new_id=self.new_id)
        for asked, ranked in zip(batch, answers, strict=True):
            if isinstance(ranked, Ranked):
                self.shown.add(_shown_answer(ranked.recommendation_id, ranked, asked.question, deployed, now))
        return answers

    def tired(self, campaign: str, user: str, rule: Fatigue, account: str | None = None) -> Tired:
        """The items that the user (or session) is tired of by now. May read the database (see `knows_showings`)."""
        return self._tired(self.campaigns.get(campaign, account), user, rule)

    def _tired(self, deployed: Deployed, user: str, rule: Fatigue) -> Tired:
        group = self.campaigns.group(deployed)
        times = self.showings.times(self._audience(deployed, user))
        if not times:
            return Tired((), rule.weight)
        touched_at = partial(_touched_at, group, user)
        return Tired(tired_of(times, touched_at, rule, self.clock()), rule.weight)

    def knows_showings(self, campaign: str, user: str, account: str | None = None) -> bool:
        """Tells that `tired` needs no look into the database."""
        return self.showings.is_at_hand(self._audience(self.campaigns.get(campaign, account), user))

    def note_shown(
        self, campaign: str, user: str, items: Sequence[str], rule: Fatigue, account: str | None = None
    ) -> None:
        """Counts a list as shown to the user now, for the rule of fatigue. Never waits."""
        self.showings.note(self._audience(self.campaigns.get(campaign, account), user), items, rule)

    def _count_shown(self, question: Question, items: Sequence[str], deployed: Deployed) -> None:
        rule = deployed.fatigue
        if rule is not None and question.fatigue is None and question.user is not None and _tires(question):
            self.showings.note(self._audience(deployed, question.user), items, rule)

    def show_again(self, question: Question, answer: ShownList) -> str:
        """Remembers a list that is given as the answer to this question once more, as `recommend` remembers those that
        it makes; its own recommendation id. Never waits."""
        deployed = self.campaigns.get(question.campaign, question.account)
        name = named(deployed.campaign.arn, self.new_id())
        self.shown.add(_shown_answer(name, answer, question, deployed, self.clock()))
        self._count_shown(question, answer.items, deployed)
        return name

    def _audience(self, deployed: Deployed, user: str) -> Audience:
        """A session that belongs to a user stands for it."""
        owner = self.follower.owner(deployed.group_uid, user)
        return Audience(deployed.group_uid, owner or user, deployed.campaign.arn)

    def _with_fatigue(self, question: Question, deployed: Deployed) -> Question:
        """The question with what its user is tired of, by the campaign's own rule unless that is said already."""
        rule = deployed.fatigue
        if rule is None or question.fatigue is not None or not _tires(question):
            return question
        assert question.user is not None
        return msgspec.structs.replace(question, fatigue=self._tired(deployed, question.user, rule))

    def explain(self, question: Question, item: str, answered: Sequence[str] | None = None) -> explain.Explanation:
        """Explains why the item is or is not in the answer to this question, as the state is now; `answered` are the
        items of an answer just given. Raises as `recommend` does."""
        deployed = self.campaigns.get(question.campaign, question.account)
        asked = self.filters.of_question(self._with_fatigue(question, deployed), deployed)
        return explain.explain(asked, item, deployed, self.campaigns.group(deployed), self.clock(), answered)

    def off_policy(
        self, campaign: str, instead: str, event_type: str | None = None, account: str | None = None
    ) -> Estimates:
        """Estimates what another campaign would have earned in place of this one, from the answers that are remembered
        and the events that name them. Raises `NotFound`, and `InvalidInput` where nothing can be said."""
        logged, other = self.campaigns.get(campaign, account), self.campaigns.get(instead, account)
        replay.check(logged, other)
        own = (each for each in self.shown.all() if each.source == logged.campaign.arn)
        # a cohort's list was shown to many, and what a question had of a history is not remembered
        answers = [each for each in own if each.items and each.user is not None]
        if not answers:
            raise InvalidInput(f"No answer of {campaign} is remembered.")
        outcomes = replay.outcomes_of(self.log, logged.group_uid, answers, event_type)

        def asked(answer: ShownAnswer, question: Question) -> FilteredQuestion:
            filters = self.filters.named(answer.filter, answer.expression, logged)
            question = msgspec.structs.replace(question, objective=self.filters.objective(other))
            rules = () if other.rules is None else other.rules.in_force(answer.at).of(answer.user)
            diversity = self.filters.diversity(question, other)
            return FilteredQuestion(question, filters, rules=self.filters.compiled(rules, other), diversity=diversity)

        return estimates(replay.shows_of(answers, outcomes, other, self.campaigns.group(other), asked))

    def deployed(self, campaign: str, account: str | None = None) -> Deployed:
        """See `Campaigns.get`."""
        return self.campaigns.get(campaign, account)

    def is_late(self, campaign: str, account: str | None = None) -> bool:
        """See `Deployments.is_late`."""
        return self.campaigns.is_late(campaign, account)

    def deployed_models(self) -> list[Deployed]:
        """The models that this process answers with, of all accounts."""
        return self.campaigns.all()

    def behind(self, campaign: str, user: str | None, account: str | None = None) -> bool:
        """See `Campaigns.behind`."""
        return self.campaigns.behind(campaign, user, account)

    def knows(self, group: str, user: str) -> bool:
        """Tells that something is known of the user (or session) that may set its answers apart: an interaction, or a
        row of Users in the dataset group of this uid."""
        state = self.follower.group(group)
        return state.has_history(user) or state.user_table.row(state.user_id(user)) is not None

    def owner(self, group: str, session: str) -> str | None:
        """The user whose session it is, in the dataset group of this uid."""
        return self.follower.owner(group, session)

    def cohort(self, campaign: str, user: str, count: int, account: str | None = None) -> Cohort:
        """The user's (or session's) cohort among so many, by all that it has done till now. Raises `NotFound` where the
        model was trained without cohorts."""
        deployed = self.campaigns.get(campaign, account)
        cohorts = deployed.divided(count)
        live = LiveState.of(self.campaigns.group(deployed), user).without_negative(deployed)
        name = cohorts.name_of(live.heard.items)
        return Cohort(name, len(cohorts.centres), deployed.model)

    def has_cohort(self, campaign: str, cohort: str, account: str | None = None) -> bool:
        """Tells that the model that answers now has a cohort of this name."""
        return self.campaigns.get(campaign, account).has_cohort(cohort)

    def filter_names_user(
        self, campaign: str, filter_: str | None, expression: str | None = None, account: str | None = None
    ) -> bool:
        """Tells that the filter looks at the user's own fields: even users without history differ then in their
        answers.

        Raises `NotFound` (no such campaign or filter), `InvalidInput` (an expression that can't be used).
        """
        filters = self.filters.named(filter_, expression, self.campaigns.get(campaign, account))
        return any(each.names_user for each in filters)

    def check_filter(self, campaign: str, filter_: str | None, expression: str | None = None) -> None:
        """Raises `NotFound` (no such filter) or `InvalidInput` (of another group, or an expression that can't be used)
        where a campaign's or recommender's data can't be filtered so; a campaign that is not there passes."""
        record = self.campaigns.record(campaign)
        if record is not None:
            self.filters.check(record, filter_, expression)

    def rule_faults(self, campaign: str, rules: Sequence[ListRule]) -> list[tuple[ListRule, str]]:
        """The rules that can't be used for a campaign's or recommender's lists, each with the reason: what
        `check_filter` says of its filter, or that these lists can't be ruled by it. A campaign that is not there has
        none."""
        record = self.campaigns.record(campaign)
        return [] if record is None else self.filters.rule_faults(rules, record, self.campaigns.recipe_of(record))

    def check_diversity(self, campaign: str, diversity: Diversity) -> None:
        """Raises `InvalidInput` where the setting names what a campaign's or recommender's items don't have; a campaign
        that is not there passes."""
        record = self.campaigns.record(campaign)
        if record is not None:
            self.directory.diversity(diversity, record.dataset_group_arn)

    def within_caps(
        self,
        campaign: str,
        items: Sequence[str],
        caps: Sequence[Cap],
        pins: Sequence[int | None] = (),
        account: str | None = None,
    ) -> list[int]:
        """The places of items that caps leave of a list, in the order that they are to have then. `pins` says at which
        place, from 0, an item is to stand. Raises as `recommend` does."""
        deployed = self.campaigns.get(campaign, account)
        rule = self.directory.diversity(Diversity(caps=tuple(caps)), deployed.group_arn)
        if rule is None:
            return list(range(len(items)))
        live = LiveState.of(self.campaigns.group(deployed), None)
        diversifier = Diversifier(rule, live.group.item_table, live.item_count, lambda: None)
        ids = np.array([live.find(item) for item in items], np.int32)
        return diversifier.arrange(ids, {at: place for at, place in enumerate(pins) if place is not None}, len(ids))[0]

    def metadata(
        self, campaign: str, items: Sequence[str], columns: Sequence[str] = (), account: str | None = None
    ) -> list[dict[str, Any] | None]:
        """Each item's columns under camel-case keys (CATEGORY_L2 -> categoryL2), missing values left out; None for an
        item without a row. No `columns`: all. Columns are named in schema spelling, any case."""
        deployed = self.campaigns.get(campaign, account)
        group = self.campaigns.group(deployed)
        fields = self.directory.item_fields(deployed.group_arn, tuple(name.upper() for name in columns))
        return [_row_shown(group.item_table.row(group.items.find(item)), fields) for item in items]

    def check_objective(self, campaign: str, objective: ServingObjective) -> None:
        """Raises `InvalidInput` where a campaign's or recommender's items have no such numeric column; a campaign that
        is not there passes."""
        record = self.campaigns.record(campaign)
        if record is not None:
            self.filters.check_objective(record, objective)

    def check_metadata(self, campaign: str, columns: Sequence[str], account: str | None = None) -> None:
        """Raises `InvalidInput` unless the campaign was told to return metadata, or its recipe needs no telling
        (specification §9.5), and its items have these columns, named in schema spelling, any case."""
        deployed = self.campaigns.get(campaign, account)
        enabled = deployed.campaign.campaign_config.get("enableMetadataWithRecommendations")
        if not deployed.recipe.v2 and not deployed.recipe.metadata and not enabled:
            raise InvalidInput(
                "metadataColumns: the campaign returns no metadata; "
                "set enableMetadataWithRecommendations in its campaignConfig."
            )
        self.directory.check_item_fields(deployed.group_arn, columns)

    def size_of(self, campaign: str, account: str | None = None) -> tuple[int, int]:
        """The numbers of users and of items in the campaign's dataset group."""
        group = self.follower.group(self.campaigns.get(campaign, account).group_uid)
        return len(group.users), len(group.items)

    def seen(self, campaign: str, users: Sequence[str], since: float, account: str | None = None) -> frozenset[str]:
        """The items that these users (or sessions) had an event with since then, epoch seconds."""
        group = self.campaigns.group(self.campaigns.get(campaign, account))
        histories = (group.history(user) for user in users)
        return frozenset(name for each in histories for name in group.items.names(each.items[each.times >= since]))


def _tires(question: Question) -> bool:
    """True for a list of the catalogue's items for one user."""
    return question.user is not None and question.candidates is None and question.of == "items"


def _touched_at(group: Group, user: str, items: Sequence[str]) -> dict[str, int]:
    """The epoch second of the user's last event on each of these, for those that have one."""
    history = group.history(user)
    last: dict[str, int] = {}
    for item in items:
        times = history.times[history.items == group.items.find(item)]
        if len(times):
            last[item] = int(times[-1])
    return last


def _shown_answer(
    name: str, answer: Ranked | ShownList, question: Question, deployed: Deployed, now: float
) -> ShownAnswer:
    return ShownAnswer(
        name,
        now,
        deployed.group_uid,
        deployed.campaign.arn,
        answer.model,
        None if question.history else question.user,
        answer.items,
        answer.propensities,
        question.filter,
        question.expression,
        dict(question.filter_values),
    )


def _row_shown(row: Mapping[str, Any] | None, fields: Sequence[ItemField]) -> dict[str, Any] | None:
    if row is None:
        return None
    present = ((field, row[field.name]) for field in fields if row.get(field.name) is not None)
    return {field.key: field.typed(value) for field, value in present}
