"""The part of the engine that the gateway uses; `engine.Engine` has it, and so has the tests' small engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol

from engine import (
    Cap,
    Change,
    Cohort,
    Diversity,
    EngineError,
    Event,
    ExperimentStore,
    Explanation,
    Exploration,
    Fatigue,
    Figure,
    FittingProperties,
    ListRule,
    MergedRows,
    NegativeDeclaration,
    PartialRow,
    Question,
    Ranked,
    RuleBook,
    ServingObjective,
    Settings,
    ShownList,
    Tired,
)


class Campaign(Protocol):
    """A campaign or a recommender."""

    @property
    def arn(self) -> str: ...

    @property
    def name(self) -> str: ...


class DeployedModel(Protocol):
    """A model that answers. `group_uid` is its dataset group's."""

    @property
    def campaign(self) -> Campaign: ...

    @property
    def group_uid(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def trained_at(self) -> float: ...

    @property
    def objective(self) -> ServingObjective | None: ...

    @property
    def rules(self) -> RuleBook | None: ...

    @property
    def diversity(self) -> Diversity | None: ...

    @property
    def fatigue(self) -> Fatigue | None: ...

    @property
    def exploration(self) -> Exploration | None: ...


class AnswersPort(Protocol):
    """Each method is described at `engine.serving.answers.Answers`."""

    def recommend_many(self, questions: Sequence[Question]) -> list[Ranked | EngineError]: ...

    def show_again(self, question: Question, answer: ShownList) -> str: ...

    def explain(self, question: Question, item: str, answered: Sequence[str] | None = None) -> Explanation: ...

    def deployed(self, campaign: str, account: str | None = None) -> DeployedModel: ...

    def is_late(self, campaign: str, account: str | None = None) -> bool: ...

    def deployed_models(self) -> Sequence[DeployedModel]: ...

    def knows(self, group: str, user: str) -> bool: ...

    def owner(self, group: str, session: str) -> str | None: ...

    def seen(self, campaign: str, users: Sequence[str], since: float, account: str | None = None) -> frozenset[str]: ...

    def tired(self, campaign: str, user: str, rule: Fatigue, account: str | None = None) -> Tired: ...

    def knows_showings(self, campaign: str, user: str, account: str | None = None) -> bool: ...

    def note_shown(
        self, campaign: str, user: str, items: Sequence[str], rule: Fatigue, account: str | None = None
    ) -> None: ...

    def cohort(self, campaign: str, user: str, count: int, account: str | None = None) -> Cohort: ...

    def has_cohort(self, campaign: str, cohort: str, account: str | None = None) -> bool: ...

    def filter_names_user(
        self, campaign: str, filter_: str | None, expression: str | None = None, account: str | None = None
    ) -> bool: ...

    def check_filter(self, campaign: str, filter_: str | None, expression: str | None = None) -> None: ...

    def check_objective(self, campaign: str, objective: ServingObjective) -> None: ...

    def rule_faults(self, campaign: str, rules: Sequence[ListRule]) -> list[tuple[ListRule, str]]: ...

    def check_diversity(self, campaign: str, diversity: Diversity) -> None: ...

    def within_caps(
        self,
        campaign: str,
        items: Sequence[str],
        caps: Sequence[Cap],
        pins: Sequence[int | None] = (),
        account: str | None = None,
    ) -> list[int]: ...

    def check_metadata(self, campaign: str, columns: Sequence[str], account: str | None = None) -> None: ...

    def metadata(
        self, campaign: str, items: Sequence[str], columns: Sequence[str] = (), account: str | None = None
    ) -> list[dict[str, Any] | None]: ...

    def size_of(self, campaign: str, account: str | None = None) -> tuple[int, int]: ...

    def behind(self, campaign: str, user: str | None, account: str | None = None) -> bool: ...


class FeedPort(Protocol):
    """Each method is described at `engine.feed.feed.Feed`."""

    def deliver(
        self,
        tracking_ids: Sequence[str],
        session_id: str,
        user_id: str | None,
        events: Sequence[Event],
        automatic: Mapping[str, object],
    ) -> Future[int]: ...

    def takes_at_once(self, tracking_ids: Sequence[str]) -> bool: ...

    def fitting(
        self, tracking_ids: Sequence[str], dataset_type: str, properties: Mapping[str, Any]
    ) -> FittingProperties: ...

    def merge_rows(self, tracking_ids: Sequence[str], dataset_type: str, rows: Sequence[PartialRow]) -> MergedRows: ...

    def announce(self, kind: str, key: str) -> Future[int]: ...

    def subscribe(self, listener: Callable[[Sequence[Change]], None]) -> None: ...

    def changes_since(self, at: float) -> tuple[int, list[Change]]: ...

    def is_current(self, group: str | None = None, user: str = "") -> bool: ...

    def applied(self) -> int: ...

    def lag_s(self) -> float: ...

    def catch_up(self) -> None: ...


class ResourcesPort(Protocol):
    """Each method is described at `engine.resources.Resources`."""

    def attributed(self) -> Sequence[Figure]: ...

    def declare_negative(self, declared: Sequence[NegativeDeclaration]) -> None: ...


class FetcherPort(Protocol):
    """Each part is described at `engine.feed.fetcher.Fetcher`."""

    @property
    def failures(self) -> int: ...

    def waiting(self) -> int: ...


class EnginePort(Protocol):
    """The parts of `engine.Engine`. Every failure is an `EngineError`."""

    settings: Settings
    experiments: ExperimentStore

    @property
    def answers(self) -> AnswersPort: ...

    @property
    def feed(self) -> FeedPort: ...

    @property
    def resources(self) -> ResourcesPort: ...

    @property
    def fetcher(self) -> FetcherPort: ...

    def check(self) -> None: ...

    def close(self) -> None: ...
