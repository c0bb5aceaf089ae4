"""The engine, opened: one object that answers, takes events and tells what changed. Safe to use from many threads."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import msgspec
import sqlalchemy as sa

from engine.arns import arn_of
from engine.attribution.figures import Figure, Figures
from engine.cohorts.cohorts import Cohort
from engine.control.control import Control
from engine.control.lifecycle import ACTIVE, shown
from engine.control.schedule import USUAL_DAYS, Scheduled, days_of
from engine.data.compaction import Compaction, compact
from engine.data.doorbell import Doorbell
from engine.data.group import Group
from engine.data.log import DEPLOYED, Log, LogEntry
from engine.data.report import ImportReport as ImportReport
from engine.data.snapshot import Snapshot
from engine.errors import EngineError, InvalidInput, NotFound, Unavailable
from engine.experiments.store import Trials
from engine.feed.directory import Directory, Shown
from engine.feed.follower import Follower, Listener
from engine.feed.intake import ActionEvent, Intake
from engine.filters import CompiledFilter
from engine.measure.off_policy import Estimates, estimates
from engine.question import Change, Event, Promotion, Question, Ranked
from engine.queue.queue import Queue
from engine.recipes import check_recipes
from engine.records import (
    DatasetGroupRecord,
    DatasetImportJobRecord,
    FilterRecord,
    RecommenderRecord,
    Records,
    SolutionRecord,
    SolutionVersionRecord,
)
from engine.serving import actions, replay, serve
from engine.serving.deployments import Deployed, Deployments
from engine.serving.explain import Explanation, explain
from engine.serving.serve import Asked
from engine.settings import Settings
from engine.shown.ids import tag_of
from engine.shown.impressions import Impressions
from engine.shown.log import ShownLog
from engine.shown.segment import Shown as Answer
from engine.storage.sql import Database
from engine.storage.writer import Beside, Server

SCORES_AT_ONCE = 8_000_000  # of one thread: users times items, 32 MB


def _uuid() -> str:
    return str(uuid.uuid4())


class Engine:
    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        hands: Server | Beside | None = None,
    ) -> None:
        self.settings, self.clock, self.new_id, self.hands = settings, clock, new_id, hands
        server = isinstance(hands, Server) or (isinstance(hands, Beside) and hands.connection() is not None)
        self.database = Database(settings.database_url, is_served=server, only_read=isinstance(hands, Server))
        self.log = Log(self.database, Doorbell(settings.data_dir / "doorbell"), clock, beside=server)
        self.records = Records(self.database, self._record_changed)
        self.jobs = Queue(self.database, clock)
        self.trials = Trials(self.database)
        self.directory = Directory(self.records)
        self.follower = Follower(settings.data_dir, self.database, self.log, clock)
        self.deployments = Deployments(settings.data_dir, self.records)
        self.shown = ShownLog(
            settings.data_dir / "shown",
            clock,
            new_id,
            keep_s=settings.shown_hours * 3600,
            most_bytes=settings.shown_bytes,
        )
        self._figures = Figures(self.database, self.records, clock)
        self.impressions = Impressions(self.shown, self.log)
        self._intake = Intake(self.directory, self.log, self.follower.owner, self.impressions)

    @classmethod
    def open(
        cls,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[], str] = _uuid,
        *,
        follow: bool = True,
        hands: Server | Beside | None = None,
    ) -> Engine:
        """Open the data directory (made where missing); to `follow` is to load every deployed model and group, and to
        keep up with the log. Without it the engine only keeps records and takes events. `hands` do its writes.

        Raises `Unavailable` where the directory, the database or an installed recipe can't be used, with the reason.
        """
        check_recipes()
        _make_folder(settings.data_dir)
        engine = cls(settings, clock, new_id, hands)
        if follow:
            groups = (group for group in engine.records.list(DatasetGroupRecord) if group.deleted_at is None)
            engine.follower.load([group.uid for group in groups])
            engine.follower.subscribe(engine._follow_records)
            engine.deployments.load_all()
            engine.follower.start()
            engine.shown.start()
            engine.impressions.start()
        return engine

    def close(self) -> None:
        self.follower.close()
        self.impressions.close()
        self.shown.close()
        self.log.close()
        self.database.close()
        if self.hands is not None:
            self.hands.close()

    # ---- answers

    def recommend(self, question: Question) -> Ranked:
        """Raises `NotFound` (no such campaign or filter), `InvalidInput` (a wrong question for its recipe)."""
        (found,) = self.recommend_many((question,))
        if isinstance(found, EngineError):
            raise found
        return found

    def recommend_many(self, questions: Sequence[Question]) -> list[Ranked | EngineError]:
        """One for each, the same as if it had been asked alone, for less time: scores of one model are made together.
        What `recommend` raises takes the place of the answer."""
        if any(self._is_redeployed(*each) for each in {(each.campaign, each.account) for each in questions}):
            self.follower.catch_up()
        as_of = self.follower.applied  # before the state is read: an event that comes between makes it look older
        found: list[Ranked | EngineError | None] = [None] * len(questions)
        together: dict[int, tuple[Deployed, list[int], list[Asked]]] = {}
        for place, question in enumerate(questions):
            try:
                deployed = self.deployed(question.campaign, question.account)
                asked = self._asked(question, deployed)
                if question.of == "actions":
                    found[place] = self._of_actions(asked, deployed, as_of)
                    continue
            except EngineError as error:
                found[place] = error
                continue
            _, places, batch = together.setdefault(id(deployed), (deployed, [], []))
            places.append(place)
            batch.append(asked)
        for deployed, places, batch in together.values():
            for place, answered in zip(places, self._answers(batch, deployed, as_of), strict=True):
                found[place] = answered
        return cast("list[Ranked | EngineError]", found)

    def _asked(self, question: Question, deployed: Deployed) -> Asked:
        filtering = deployed
        if question.cohort is not None:  # what a use case drops for each user can't be dropped for all of them
            filtering = replace(deployed, use_case=None)
        filters = self._filters(question.filter, question.expression, filtering)
        promoting = self._promoting(question.promotion, deployed)
        return Asked(question, filters, promoting)

    def _of_actions(self, asked: Asked, deployed: Deployed, as_of: int) -> Ranked:
        group, now = self._group(deployed), self.clock()
        ranked = actions.answer(
            asked.question, deployed, group, asked.filters, as_of=as_of, now=now, new_id=self.new_id
        )
        self.shown.add(_shown_of(ranked, asked.question, deployed, now))
        return ranked

    def _answers(self, batch: Sequence[Asked], deployed: Deployed, as_of: int) -> list[Ranked | EngineError]:
        try:
            group, now = self._group(deployed), self.clock()
        except EngineError as error:
            return [error] * len(batch)
        most = max(1, SCORES_AT_ONCE // max(1, len(group.items)))
        found: list[Ranked | EngineError] = []
        for first in range(0, len(batch), most):
            some = batch[first : first + most]
            found += serve.answers(some, deployed, group, as_of=as_of, now=now, new_id=self.new_id)
        for asked, ranked in zip(batch, found, strict=True):
            if isinstance(ranked, Ranked):
                self.shown.add(_shown_of(ranked, asked.question, deployed, now))
        return found

    def explain(self, question: Question, item: str, answered: Sequence[str] | None = None) -> Explanation:
        """Why the item is or is not in the answer to this question, as the state is now; `answered` are the items of an
        answer just given. Raises as `recommend` does."""
        deployed = self.deployed(question.campaign, question.account)
        filters = self._labelled(question.filter, question.expression, deployed)
        promoting = self._promoting(question.promotion, deployed)
        group, now = self._group(deployed), self.clock()
        return explain(question, item, deployed, group, filters, now=now, promoting=promoting, answered=answered)

    def off_policy(
        self, campaign: str, instead: str, event_type: str | None = None, account: str | None = None
    ) -> Estimates:
        """What another campaign would have earned in place of this one, from the answers that are remembered and the
        events that name them. Raises `NotFound`, and `InvalidInput` where nothing can be said."""
        answered, other = self.deployed(campaign, account), self.deployed(instead, account)
        replay.check(answered, other)
        own = (each for each in self.shown.all() if each.source == answered.campaign.arn)
        answers = [each for each in own if each.items and each.user is not None]  # a cohort's list was shown to many
        if not answers:
            raise InvalidInput(f"No answer of {campaign} is remembered.")
        deeds = replay.deeds_of(self.log, answered.group_uid, answers, event_type)
        filters = partial(self._filters_then, answered)
        return estimates(replay.shows_of(answers, deeds, other, self._group(other), filters))

    def deployed(self, campaign: str, account: str | None = None) -> Deployed:
        """By ARN or by bare name; of no account but this one (the default: the settings' own). What another process
        deployed a moment ago is looked for once more. Raises `NotFound`."""
        account = account or self.settings.account_id
        found = self._find(campaign, account)
        if found is None:
            self.follower.catch_up()
            found = self._find(campaign, account)
        if found is None:
            found = self.deployments.get(self._arn(campaign, account), account)
        status = shown(found.campaign, self.clock(), self.settings.pending_s)
        if status != found.campaign.status and not found.campaign.deleted_at:
            raise NotFound(f"Resource Arn {found.campaign.arn} is not ACTIVE, it is in {status} state.")
        return found

    def deployed_models(self) -> list[Deployed]:
        """The models that this process answers with."""
        return self.deployments.all()

    def knows(self, group: str, user: str) -> bool:
        """Whether anything is known of the user (or session) that may set its answers apart: an interaction, or a row
        of Users in the dataset group of this uid."""
        known = self.follower.group(group)
        return known.has_history(user) or known.user_table.row(known.user_id(user)) is not None

    def cohort(self, campaign: str, user: str, count: int, account: str | None = None) -> Cohort:
        """The user's (or session's) cohort among so many, by all that it has done till now. Raises `NotFound` where the
        model was trained without cohorts."""
        deployed = self.deployed(campaign, account)
        cohorts = deployed.divided(count)
        name = cohorts.name_of(self._group(deployed).history(user).items)
        return Cohort(name, len(cohorts.centres), deployed.model)

    def has_cohort(self, campaign: str, cohort: str, account: str | None = None) -> bool:
        """Whether the model that answers now has a cohort of this name."""
        return self.deployed(campaign, account).has_cohort(cohort)

    def filter_names_user(
        self, campaign: str, filter_: str | None, expression: str | None = None, account: str | None = None
    ) -> bool:
        """Whether the filter looks at the user's own fields: even users without history differ then in their answers.

        Raises `NotFound` (no such campaign or filter), `InvalidInput` (an expression that can't be used).
        """
        return any(each.names_user for each in self._filters(filter_, expression, self.deployed(campaign, account)))

    def check_filter(self, campaign: str, filter_: str | None, expression: str | None = None) -> None:
        """Whether a campaign's or recommender's data can be filtered so; one that is not there passes.

        Raises `NotFound` (no such filter), `InvalidInput` (of another group, or an expression that can't be used).
        """
        record = self.deployments.record(self._arn(campaign, self.settings.account_id))
        if record is None:
            return
        if expression is not None:
            self.directory.expression(expression, record.dataset_group_arn, self.settings.quotas)
        if filter_ is not None:
            arn = filter_ if ":" in filter_ else f"{record.arn.rpartition(':')[0]}:filter/{filter_}"
            self.directory.filter(arn, record.dataset_group_arn, self.settings.quotas)

    def metadata(
        self, campaign: str, items: Sequence[str], columns: Sequence[str] = (), account: str | None = None
    ) -> list[dict[str, Any] | None]:
        """Each item's columns under camel-case keys (CATEGORY_L2 -> categoryL2), missing values left out; None for an
        item without a row. No `columns`: all. Columns are named in schema spelling, any case."""
        deployed = self.deployed(campaign, account)
        group = self._group(deployed)
        fields = self.directory.item_fields(deployed.group_arn, tuple(name.upper() for name in columns))
        return [_shown(group.item_row(group.items.find(item)), fields) for item in items]

    def check_metadata(self, campaign: str, columns: Sequence[str], account: str | None = None) -> None:
        """Raises `InvalidInput` unless the campaign was told to return metadata, or its recipe needs no telling
        (specification §9.5), and its items have these columns, named in schema spelling, any case."""
        deployed = self.deployed(campaign, account)
        enabled = deployed.campaign.campaign_config.get("enableMetadataWithRecommendations")
        if not deployed.recipe.v2 and not deployed.recipe.metadata and not enabled:
            raise InvalidInput(
                "metadataColumns: the campaign returns no metadata; "
                "set enableMetadataWithRecommendations in its campaignConfig."
            )
        self.directory.check_item_fields(deployed.group_arn, columns)

    def size_of(self, campaign: str, account: str | None = None) -> tuple[int, int]:
        """How many users and items the campaign's dataset group has."""
        group = self.follower.group(self.deployed(campaign, account).group_uid)
        return len(group.users), len(group.items)

    def seen(self, campaign: str, users: Sequence[str], since: float, account: str | None = None) -> frozenset[str]:
        """The items that these users (or sessions) had an event with since then, epoch seconds."""
        group = self._group(self.deployed(campaign, account))
        histories = (group.history(user) for user in users)
        return frozenset(name for each in histories for name in group.items.names(each.items[each.times >= since]))

    def group_of(self, campaign: str, account: str | None = None) -> str:
        """The uid of the campaign's dataset group, as changes name it."""
        return self.deployed(campaign, account).group_uid

    def source_of(self, recommendation_id: str) -> str | None:
        """The ARN of the campaign or recommender that gave this answer, in whatever process; None where none of today's
        did. Deleted ones are known as long as their records are kept."""
        tag = tag_of(recommendation_id)
        if tag is None:
            return None
        if tag not in self.directory.sources() and self.log.rung() > self.follower.applied:
            self.follower.catch_up()  # another process made it a moment ago
        return self.directory.sources().get(tag)

    # ---- intake: each returns a future of the log's sequence number, done once the records are durable

    def put_events(
        self,
        tracking_id: str,
        session_id: str,
        user_id: str | None,
        events: Sequence[Event],
        account: str | None = None,
    ) -> Future[int]:
        """To a tracker of this account. Raises `InvalidInput` at once, before anything is stored."""
        self._intake.check_tracker(tracking_id, account or self.settings.account_id)
        return self._intake.put_events((tracking_id,), session_id, user_id, events, {})

    def deliver(
        self,
        tracking_ids: Sequence[str],
        session_id: str,
        user_id: str | None,
        events: Sequence[Event],
        automatic: Mapping[str, object],
    ) -> Future[int]:
        """All events to all trackers, or none to any; `automatic` properties go where the schema has their field."""
        return self._intake.put_events(tracking_ids, session_id, user_id, events, automatic)

    def takes_at_once(self, tracking_ids: Sequence[str]) -> bool:
        """Whether `deliver` to these trackers waits for nothing, so that an event loop may call it."""
        return self._intake.knows(tracking_ids)

    def put_items(
        self, dataset_arn: str, items: Sequence[tuple[str, Mapping[str, Any]]], account: str | None = None
    ) -> Future[int]:
        return self._intake.put_rows(dataset_arn, "ITEMS", items, account or self.settings.account_id)

    def put_users(
        self, dataset_arn: str, users: Sequence[tuple[str, Mapping[str, Any]]], account: str | None = None
    ) -> Future[int]:
        return self._intake.put_rows(dataset_arn, "USERS", users, account or self.settings.account_id)

    def put_actions(
        self, dataset_arn: str, rows: Sequence[tuple[str, Mapping[str, Any]]], account: str | None = None
    ) -> Future[int]:
        return self._intake.put_rows(dataset_arn, "ACTIONS", rows, account or self.settings.account_id)

    def put_action_interactions(
        self, tracking_id: str, deeds: Sequence[ActionEvent], account: str | None = None
    ) -> Future[int]:
        """Each is a session, a user or None, and an event whose item is an action."""
        return self._intake.put_action_interactions(tracking_id, deeds, account or self.settings.account_id)

    # ---- resources

    def control(self, account: str, region: str, settings: Settings | None = None, new_id: str = "") -> Control:
        """What API operations of one account and region work with; `new_id` is the only one that they make, if any."""
        return Control(
            settings=settings or self.settings,
            database=self.database,
            records=self.records,
            clock=self.clock,
            new_id=(lambda: new_id) if new_id else self.new_id,
            enqueue=self.jobs.enqueue,
            cancel=self.jobs.cancel,
            announce=self._announce,
            account=account,
            region=region,
        )

    def snapshot(self, group_arn: str) -> Snapshot:
        """A group's data as of now, for evaluation. Raises `NotFound`."""
        group = self.directory.get(group_arn, DatasetGroupRecord)
        state = self.follower.restored(group.uid)
        last = state.stored.snapshot
        items, users, interactions = (
            {name: type(column) for name, column in columns.items()}
            for columns in (last.item_columns, last.user_columns, last.interaction_columns)
        )
        return compact(Compaction(state, item_kinds=items, user_kinds=users, interaction_kinds=interactions)).snapshot

    def recommenders(self) -> list[RecommenderRecord]:
        """All accounts', oldest first."""
        return [each for each in self.records.list(RecommenderRecord) if each.deleted_at is None]

    def forecast(self, version_arn: str) -> str:
        """What a solution version's training was to take, in words; empty where nothing was forecast (yet)."""
        version = self.records.find(version_arn, SolutionVersionRecord)
        return "" if version is None else str(version.forecast.get("words", ""))

    def forecast_s(self, version_arn: str) -> float:
        """The seconds of the same, 0 without."""
        version = self.records.find(version_arn, SolutionVersionRecord)
        return 0.0 if version is None else float(version.forecast.get("seconds", 0.0))

    def schedules(self) -> list[Scheduled]:
        """When solutions and recommenders train by themselves, the next first."""
        solutions = (each for each in self.records.list(SolutionRecord) if each.deleted_at is None)
        found = [(each.arn, days_of(each.solution_config), each.next_training_at) for each in solutions]
        found += [(each.arn, USUAL_DAYS, each.next_training_at) for each in self.recommenders()]
        known = (Scheduled(arn, days, at) for arn, days, at in found if at is not None)
        return sorted(known, key=lambda each: each.next_at)

    def import_report(self, job_arn: str) -> dict[str, Any]:
        """What became of an import's rows (see engine.data.report.Report), in camel case."""
        return self.records.get(job_arn, DatasetImportJobRecord).report

    def import_notes(self, job_arn: str) -> list[str]:
        """What a user should know of an import that went well, a sentence each."""
        return msgspec.convert(self.import_report(job_arn), ImportReport).notes()

    def attributed(self) -> list[Figure]:
        """What metric attributions have counted, by metric and source; at most two seconds old."""
        return self._figures.read()

    # ---- the change feed

    def subscribe(self, listener: Listener) -> None:
        """`listener` is called by the follower with every change, in order, once it can be seen in answers."""
        self.follower.subscribe(listener)

    def announce(self, kind: str, key: str) -> Future[int]:
        """Tell the listeners of every process something of the caller's own, in order with all that changes."""
        return self.log.append([LogEntry("", kind, key, b"")])

    def changes_since(self, at: float) -> tuple[int, list[Change]]:
        """What has changed since then (epoch seconds), and the log's sequence number before it."""
        first, records = self.log.since(at)
        return first, [Change(each.seq, each.group, each.kind, each.key) for each in records]

    def behind(self, campaign: str, user: str | None, account: str | None = None) -> bool:
        """Whether this process's answers of the campaign are not of the model that is deployed now, or lack an
        acknowledged event of this user, whichever process deployed or took it (~1 µs)."""
        found = self._find(campaign, account or self.settings.account_id)
        if found is None or self._has_news(found):
            return True
        return user is not None and self.follower.behind(found.group_uid, user)

    def is_current(self, group: str | None = None, user: str = "") -> bool:
        """Whether this process's answers are of the models that are deployed now, and have seen every acknowledged
        event of the group's user (none: nobody's), from any process (~0.2 µs)."""
        seen = self.follower.applied
        if self.log.rung() <= seen:
            return True
        if self.log.rung_for(*DEPLOYED) > seen:
            return False
        return group is None or self.log.rung_for(group, user) <= seen

    def applied(self) -> int:
        """The last record of the log that answers have seen."""
        return self.follower.applied

    def lag_s(self) -> float:
        """The seconds that the last record waited to be seen in answers."""
        return self.follower.lag_s

    def catch_up(self) -> None:
        """Apply everything that is committed in the log now; listeners have been called when it returns."""
        self.follower.catch_up()

    def check(self) -> None:
        """Raise `Unavailable` where the engine can't answer."""
        self.database.check()

    # ---- inside

    def _record_changed(self, connection: sa.Connection, arn: str) -> None:
        self.log.append_within(connection, [LogEntry("", "record", arn, b"")])

    def _announce(self, group_uid: str, kind: str, key: str, within: sa.Connection) -> None:
        self.log.append_within(within, [LogEntry(group_uid, kind, key, b"")])

    def _follow_records(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.kind == "record":
                self.directory.forget()
                if ":campaign/" in change.key or ":recommender/" in change.key:
                    self.deployments.reload(change.key)

    def _group(self, deployed: Deployed) -> Group:
        """The state that the model's ids are of, or a later one: a model may be deployed before its data is seen."""
        group = self.follower.group(deployed.group_uid)
        if group.stored.seq < deployed.seq:
            self.follower.catch_up()
            group = self.follower.group(deployed.group_uid)
        if group.stored.seq < deployed.seq:
            raise Unavailable(f"The data that {deployed.model} was trained on can't be read.")
        return group

    def _find(self, campaign: str, account: str) -> Deployed | None:
        found = self.deployments.find(self._arn(campaign, account))
        if found is not None and found.campaign.account != account:
            return None
        if found is None and ":" not in campaign:  # made under another region's name
            named = (each for each in self.deployments.all() if each.campaign.name == campaign)
            found = next((each for each in named if each.campaign.account == account), None)
        return found

    def _is_redeployed(self, campaign: str, account: str) -> bool:
        found = self._find(campaign, account)
        return found is not None and self._has_news(found)

    def _has_news(self, deployed: Deployed) -> bool:
        """Whether it has been deployed anew, by any process, and this one has not heard."""
        return self.follower.behind(deployed.group_uid, deployed.campaign.arn)

    def _arn(self, campaign: str, account: str) -> str:
        return campaign if ":" in campaign else arn_of(self.settings.region, account, f"campaign/{campaign}")

    def _filters(self, name: str | None, expression: str | None, deployed: Deployed) -> tuple[CompiledFilter, ...]:
        return tuple(each for _, each in self._labelled(name, expression, deployed))

    def _filters_then(self, deployed: Deployed, answer: Answer) -> tuple[CompiledFilter, ...]:
        return self._filters(answer.filter, answer.expression, deployed)

    def _labelled(
        self, name: str | None, expression: str | None, deployed: Deployed
    ) -> tuple[tuple[str, CompiledFilter], ...]:
        """With what each is called: one written in place, what a recommender's use case always drops, and a filter by
        ARN or bare name."""
        drops = deployed.use_case.drops if deployed.use_case is not None else None
        group, rules = deployed.group_arn, self.settings.quotas
        texts = (text for text in (expression, drops) if text is not None)
        found = tuple((text, self.directory.expression(text, group, rules)) for text in texts)
        return (*found, (name, self._named(name, deployed))) if name is not None else found

    def _promoting(self, promotion: Promotion | None, deployed: Deployed) -> CompiledFilter | None:
        """The promotion's filter. Raises as `_named` does, and `InvalidInput` where it has none or two."""
        if promotion is None:
            return None
        if (promotion.filter is None) == (promotion.expression is None):
            raise InvalidInput(f"promotions: {promotion.name} needs a filter, by ARN or written in place.")
        if promotion.filter is not None:
            return self._named(promotion.filter, deployed)
        return self.directory.expression(promotion.expression or "", deployed.group_arn, self.settings.quotas)

    def _named(self, name: str, deployed: Deployed) -> CompiledFilter:
        """Raises `NotFound`, and `InvalidInput` where it is of another group or not ACTIVE yet (specification §4.3)."""
        arn = name if ":" in name else f"{deployed.campaign.arn.rpartition(':')[0]}:filter/{name}"
        record = self.directory.get(arn, FilterRecord, deployed.campaign.account)
        compiled = self.directory.filter(arn, deployed.group_arn, self.settings.quotas)
        if shown(record, self.clock(), self.settings.pending_s) != ACTIVE:
            raise InvalidInput(f"filterArn: {arn} is not in ACTIVE state yet.")
        return compiled


def _shown_of(ranked: Ranked, question: Question, deployed: Deployed, now: float) -> Answer:
    return Answer(
        ranked.recommendation_id,
        now,
        deployed.group_uid,
        deployed.campaign.arn,
        ranked.model,
        question.user,
        ranked.items,
        ranked.propensities,
        question.filter,
        question.expression,
        dict(question.filter_values),
    )


def _shown(row: Mapping[str, Any] | None, fields: Sequence[Shown]) -> dict[str, Any] | None:
    if row is None:
        return None
    present = ((field, row[field.name]) for field in fields if row.get(field.name) is not None)
    return {field.key: field.typed(value) for field, value in present}


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        (path / ".writable").touch()
    except OSError as error:
        raise Unavailable(
            f"the data directory {path} can't be used: {error.strerror}; choose another by --data"
        ) from error
