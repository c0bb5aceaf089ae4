"""A small engine at the seam that the gateway sees, and a gateway over it."""

from __future__ import annotations

import threading
import weakref
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
from litestar import Litestar

from engine import (
    Cap,
    Change,
    Cohort,
    Diversity,
    EngineError,
    Event,
    Explanation,
    Fatigue,
    Figure,
    FittingProperties,
    InvalidInput,
    ListRule,
    MergedRows,
    NegativeDeclaration,
    NotFound,
    PartialRow,
    Question,
    Ranked,
    ServingObjective,
    Settings,
    ShownList,
    Tired,
)
from engine.experiments.store import ExperimentStore
from engine.storage.sql import Database, sqlite_url
from gateway.app import AppOptions, create_app
from gateway.aws.events import Row
from gateway.config import parse

CONFIG = """
version: "7"
namespaces:
  shop:
    name: Shop
    autoContext:
      country: {type: string, default: XX, rules: [{type: header-value, header: cloudfront-viewer-country}]}
    inferenceItemMetadata: {type: engine, itemColumns: [PRICE]}
    cacheControl:
      userSpecified: {maxAge: 60, directives: "private,stale-while-revalidate=30,stale-if-error=600"}
      syntheticUserSpecified: {maxAge: 120, directives: public}
      noUserSpecified: {maxAge: 300, directives: public}
    recommenders:
      recommend-items:
        home: {variations: {only: {type: engine, model: home}}}
        split:
          variations: {left: {type: engine, model: home, weight: 1}, right: {type: engine, model: home, weight: 1}}
        live:
          cacheControl: {userSpecified: {maxAge: 0, directives: no-store}}
          variations: {only: {type: engine, model: home}}
        crowd:
          cohorts: {count: 16}
          variations: {only: {type: engine, model: home}}
        gone: {variations: {only: {type: engine, model: nowhere}}}
      related-items:
        like: {variations: {only: {type: engine, model: home}}}
      rerank-items:
        order: {variations: {only: {type: engine, model: home}}}
    eventTargets: [{type: personalize-event-tracker, trackingId: tracker-1}]
  quiet:
    recommenders: {recommend-items: {home: {variations: {only: {type: engine, model: home}}}}}
"""

ITEMS = tuple(f"i{number}" for number in range(20))
ARN = "arn:aws:personalize:us-east-1:000000000000:campaign/home"


class Clock:
    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += seconds


class SmallEngine:
    """Ranks what a user has touched first, then the catalogue; an event is seen when `catch_up` runs."""

    def __init__(self, data_dir: Path) -> None:
        self.settings = Settings.of(data_dir, {})
        data_dir.mkdir(exist_ok=True)
        database = Database(sqlite_url(data_dir))
        self._finalizer = weakref.finalize(self, database.close)  # an app that never began ends nothing
        self.experiments = ExperimentStore(database)
        self.answers = self.feed = self.resources = self.fetcher = self
        self.failures = 0
        self._applied = 0
        campaign = SimpleNamespace(arn=ARN, name="home")
        settings = dict.fromkeys(("objective", "rules", "diversity", "fatigue", "exploration"))  # the tags' own
        about = {"model": "home/1", "trained_at": 1_699_999_000.0, **settings}
        self.home = SimpleNamespace(campaign=campaign, group_uid="g1", **about)
        self.kinds: dict[str, str] = {}  # what caps count
        self.asked: list[Question] = []
        self.put: list[tuple[str, str, str | None, list[Event]]] = []
        self.rows: list[tuple[str, PartialRow]] = []
        self.price, self.stock, self.looked_up = 9.5, dict[str, int](), 0
        self.more: dict[str, Any] = {}  # columns of every item
        self.items = ITEMS
        self.shown: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.again: list[tuple[Question, ShownList]] = []
        self.declared: list[NegativeDeclaration] = []
        self.broken: Exception | None = None
        self.down: Exception | None = None
        self.closed = False
        self.writing: Future[int] | None = None  # in place of events that are durable at once
        self.answering = threading.Event()
        self.answering.set()
        self._log: list[Change] = []
        self._seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._items: dict[int, str] = {}
        self._listeners: list[Any] = []

    def attributed(self) -> list[Figure]:
        return []

    def measured(self, name: str, account: str) -> str:
        return name if name == ARN else ""

    def recommend(self, question: Question) -> Ranked:
        self.deployed(question.campaign)
        self.asked.append(question)
        as_of = self._applied
        liked = self._seen[question.user or ""]
        assert self.answering.wait(60)  # on a busy machine a test may need long until it lets this go on
        if self.broken is not None:
            raise self.broken
        self._find_filter(question.filter)
        if question.promotion is not None:
            self._find_filter(question.promotion.filter)
        pool = question.candidates or self.items
        if question.item is not None:
            pool = tuple(item for item in pool if item != question.item)
        resting = question.fatigue.items if question.fatigue else ()
        ranked = tuple(sorted(pool, key=lambda item: (item in resting, -liked[item])))[: question.num_results]
        scores = tuple(1 / (place + 1) for place in range(len(ranked)))
        name = f"RID-{len(self.asked)}"
        return Ranked(
            items=ranked, scores=scores, recommendation_id=name, model=self.home.model, as_of=as_of, seed="5eed"
        )

    def recommend_many(self, questions: Sequence[Question]) -> list[Ranked | EngineError]:
        found: list[Ranked | EngineError] = []
        for question in questions:
            try:
                found.append(self.recommend(question))
            except EngineError as error:
                found.append(error)
        return found

    def show_again(self, question: Question, answer: ShownList) -> str:
        self.again.append((question, answer))
        return f"RID-again-{len(self.again)}"

    def deployed(self, campaign: str, account: str | None = None) -> Any:
        if campaign not in ("home", ARN):
            raise NotFound(f"Resource Arn {campaign} does not exist.")
        return self.home

    def check_diversity(self, campaign: str, diversity: Diversity) -> None:
        return

    def within_caps(
        self,
        campaign: str,
        items: Sequence[str],
        caps: Sequence[Cap],
        pins: Sequence[int | None] = (),
        account: str | None = None,
    ) -> list[int]:
        """The places that all caps leave, which count kinds over the whole list."""
        counts, places = Counter[str](), []
        for place, item in enumerate(items):
            kind = self.kinds.get(item)
            if kind is None or all(counts[kind] < cap.most for cap in caps):
                places.append(place)
                counts[kind or ""] += 1
        return places

    def is_late(self, campaign: str, account: str | None = None) -> bool:
        return False

    def waiting(self) -> int:
        return 0

    def deployed_models(self) -> list[Any]:
        return [self.home]

    def size_of(self, campaign: str, account: str | None = None) -> tuple[int, int]:
        self.deployed(campaign, account)
        return 1000, len(self.items)

    def seen(self, campaign: str, users: Sequence[str], since: float, account: str | None = None) -> frozenset[str]:
        self.deployed(campaign)
        return frozenset(item for user in users for item in self._seen.get(user, {}) if since < 1_700_000_000)

    def tired(self, campaign: str, user: str, rule: Fatigue, account: str | None = None) -> Tired:
        often = (item for item, times in self.shown[user].items() if times >= rule.shown)
        return Tired(tuple(sorted(item for item in often if not self._seen[user][item])), rule.weight)

    def knows_showings(self, campaign: str, user: str, account: str | None = None) -> bool:
        return bool(self.shown[user])

    def note_shown(
        self, campaign: str, user: str, items: Sequence[str], rule: Fatigue, account: str | None = None
    ) -> None:
        self.shown[user].update(items)

    def declare_negative(self, declared: Sequence[NegativeDeclaration]) -> None:
        self.declared = list(declared)

    def knows(self, group: str, user: str) -> bool:
        return bool(self._seen.get(user))

    def owner(self, group: str, session: str) -> str | None:
        return None

    def cohort(self, campaign: str, user: str, count: int, account: str | None = None) -> Cohort:
        """By what the user has touched most."""
        liked = self._seen[user].most_common(1)
        name = f"c{ITEMS.index(liked[0][0]) + 1}-0123abcd" if liked else "c0"
        return Cohort(name, count, self.deployed(campaign).model)

    def has_cohort(self, campaign: str, cohort: str, account: str | None = None) -> bool:
        self.deployed(campaign)
        return cohort.endswith("-0123abcd")

    def filter_names_user(
        self, campaign: str, filter_: str | None, expression: str | None = None, account: str | None = None
    ) -> bool:
        self._find_filter(filter_)
        return filter_ == "for-adults" or "CurrentUser" in (expression or "")

    def _find_filter(self, name: str | None) -> None:
        if name == "unknown":
            raise NotFound("Resource Arn filter/unknown does not exist.")

    def metadata(
        self, campaign: str, items: Sequence[str], columns: Sequence[str] = (), account: str | None = None
    ) -> list[dict[str, Any] | None]:
        self.looked_up += 1
        rows = [
            {"price": self.price, "stock": self.stock.get(item, 5), **self.more} if item != "i1" else None
            for item in items
        ]
        return [row and {key: row[key] for key in row if not columns or key.upper() in columns} for row in rows]

    def deliver(
        self,
        tracking_ids: Sequence[str],
        session_id: str,
        user_id: str | None,
        events: Sequence[Event],
        automatic: Mapping[str, object],
    ) -> Future[int]:
        for tracking in tracking_ids:
            if tracking != "tracker-1":
                raise InvalidInput(f"The tracking ID {tracking!r} does not exist.")
        events = [msgspec.structs.replace(event, properties={**automatic, **event.properties}) for event in events]
        self.put.extend((tracking, session_id, user_id, list(events)) for tracking in tracking_ids)
        for event in events:
            self._items[len(self._log) + 1] = event.item_id or ""
            self._log.append(Change(len(self._log) + 1, "g1", "event", user_id or session_id))
        if self.writing is not None:
            return self.writing
        done: Future[int] = Future()
        done.set_result(len(self._log))
        return done

    def fitting(
        self, tracking_ids: Sequence[str], dataset_type: str, properties: Mapping[str, Any]
    ) -> FittingProperties:
        return FittingProperties(properties, ())

    def merge_rows(self, tracking_ids: Sequence[str], dataset_type: str, rows: Sequence[PartialRow]) -> MergedRows:
        self.rows += [(dataset_type, row) for row in rows]
        return MergedRows(None, ())

    def takes_at_once(self, tracking_ids: Sequence[str]) -> bool:
        return False

    def change(self, kind: str, key: str, item: str = "") -> None:
        """Of an event, `item` is what the user touched."""
        self._items[len(self._log) + 1] = item
        self._log.append(Change(len(self._log) + 1, "g1", kind, key))
        self.catch_up()

    def announce(self, kind: str, key: str) -> Future[int]:
        self.change(kind, key)
        done: Future[int] = Future()
        done.set_result(len(self._log))
        return done

    def changes_since(self, at: float) -> tuple[int, list[Change]]:
        return 0, list(self._log)

    def subscribe(self, listener: Any) -> None:
        self._listeners.append(listener)

    def behind(self, campaign: str, user: str | None, account: str | None = None) -> bool:
        return any(change.key == user or change.kind == "deploy" for change in self._log[self._applied :])

    def is_current(self, group: str | None = None, user: str = "") -> bool:
        new = self._log[self._applied :]
        return not any(change.kind == "deploy" or (group is not None and change.key == user) for change in new)

    def applied(self) -> int:
        return self._applied

    def lag_s(self) -> float:
        return 0.25

    def catch_up(self) -> None:
        new = self._log[self._applied :]
        for change in new:
            if change.kind == "event":
                self._seen[change.key][self._items[change.seq]] += 1
        for listener in self._listeners:
            listener(new)
        self._applied += len(new)

    def explain(self, question: Question, item: str, answered: Sequence[str] | None = None) -> Explanation:
        raise NotImplementedError

    def check_filter(self, campaign: str, filter_: str | None, expression: str | None = None) -> None:
        self._find_filter(filter_)

    def check_objective(self, campaign: str, objective: ServingObjective) -> None:
        return

    def rule_faults(self, campaign: str, rules: Sequence[ListRule]) -> list[tuple[ListRule, str]]:
        return []

    def check_metadata(self, campaign: str, columns: Sequence[str], account: str | None = None) -> None:
        return

    def control(self, account: str, region: str) -> Any:
        raise NotImplementedError

    def check(self) -> None:
        if self.down is not None:
            raise self.down

    def put_events(
        self, tracking_id: str, session_id: str, user_id: str | None, events: Sequence[Event], account: str
    ) -> Future[int]:
        raise NotImplementedError

    def put_rows(self, dataset_arn: str, dataset_type: str, rows: Sequence[Row], account: str) -> Future[int]:
        raise NotImplementedError

    def put_action_interactions(self, tracking_id: str, deeds: Sequence[Any], account: str) -> Future[int]:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True
        self._finalizer()


parsed = cache(parse)  # many tests have the same configuration, and none changes it


def app_over(engine: SmallEngine, clock: Clock | None = None, config: str = CONFIG, **more: Any) -> Litestar:
    assert not engine.closed, "an earlier app has closed it: what it writes would go nowhere"
    environ: dict[str, str] = {}
    options = {"environ": environ, "draw": lambda: 0.0, **more}
    return create_app(parsed(config), engine, AppOptions(clock=clock or Clock(), **options))
