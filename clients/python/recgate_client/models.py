"""Records of recgate's API. Generated from the OpenAPI document by `make clients`: do not edit."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec


class AmplitudeProfile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    user_data: dict[str, Any] = msgspec.field(name="userData")


class AmplitudeUser(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    user_id: str | None = None
    device_id: str | None = None


class ArmView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An arm, with its share now, the units that were exposed to it and the answers that it gave."""

    variation: str
    share: float
    exposed: int
    answers: int


class Attribution(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    event_attribution_source: str = msgspec.field(name="eventAttributionSource")


class AudienceExample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    user_id: str = msgspec.field(name="userId")
    place: int


class BlendChoice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    situation: str
    ndcg: float
    cases: int
    weights: list[BlendPart]
    why: str


class BlendPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A scorer's weight in a blend, and its NDCG@10 alone on the validation of users in a visit."""

    scorer: str
    weight: float
    alone: float | None = None


class CheckView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sign of health, in words."""

    name: str
    level: Literal["broken", "ok", "warning"]
    words: str
    p: float | None = None
    count: int | None = None


class CheckedInsight(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: str
    title: str
    source: Literal["amazon", "recgate"]
    found: bool


class Cohort(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    cohort: str
    count: int
    model: str


class ConfigurationEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A text that was in use from `at` on. `how` it came: found at the start, changed in its place, or by an
    operator. `added` and `removed` count lines against the entry before."""

    id: str
    at: float
    by: str
    how: Literal["experiment", "file", "filter", "page", "start"]
    comment: str
    etag: str
    fingerprint: str
    version: str
    added: int
    removed: int


class ConfigurationView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`faults` are of a text that lies there and is not in use; `why` says what keeps it from being written here."""

    fingerprint: str
    version: str
    name: str
    warnings: list[str]
    writable: bool
    why: str | None
    etag: str | None
    faults: list[FaultView]
    loaded_at: float | None = msgspec.field(name="loadedAt")
    rules: list[dict[str, Any]] | None = None
    document: dict[str, Any] | None = None


class Contest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`units` are by who began their list: each variation is meant to begin as many. `unattributed` are events of
    units that say of no item of their list, or of no list, that it earned them."""

    method: Literal["always", "bayesian", "fixed"]
    alpha: float
    among: int
    control: str
    units: dict[str, int]
    mismatch: float
    trusted: bool
    unattributed: dict[str, int] | None = None
    rows: list[Standing] | None = None


class CostLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    what: str
    unit: str
    quantity: float
    price: float
    amount: float
    assumption: str


class CostView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`total` is for answers that the cache had not; `if_every_answer_were_asked` without a cache."""

    at: float
    since: float
    prices: PriceSource
    lines: list[CostLine]
    total: float
    per_month: float | None = msgspec.field(name="perMonth")
    answered_from_cache: int = msgspec.field(name="answeredFromCache")
    if_every_answer_were_asked: float = msgspec.field(name="ifEveryAnswerWereAsked")
    quotas: list[QuotaView]
    campaigns: list[ProvisionedView]


class DataStatistics(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sizes of the data. `items` and `users` are those of whom anything is known, be it events or metadata."""

    interactions: int
    users: int
    items: int
    users_with_two_interactions: int = msgspec.field(name="usersWithTwoInteractions")
    event_types: dict[str, int] = msgspec.field(name="eventTypes")
    first_event: int | None = msgspec.field(default=None, name="firstEvent")
    last_event: int | None = msgspec.field(default=None, name="lastEvent")


class DatasetView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    type: str
    name: str
    schema_name: str = msgspec.field(name="schemaName")
    created: float
    rows: int
    fields: list[FieldView]


class DeletedFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    deleted: str


class DeletedGroup(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that was deleted with a dataset group, in its order: `campaign/for-you` for example."""

    group: str
    deleted: list[str]


class DeletionStarted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job that deletes a user from one dataset group."""

    group: str
    arn: str


class DeletionsStarted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    jobs: list[DeletionStarted]


class DeployedVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    version: str


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All insights into a dataset group's data, the gravest first, and the checks that were made."""

    group: str
    examined_at: float = msgspec.field(name="examinedAt")
    seconds: float
    counts: SeverityCounts
    statistics: DataStatistics
    insights: list[Insight]
    checked: list[CheckedInsight]


class DifferenceView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Two texts: `from` and `to` name them."""

    before: str
    after: str
    changes: list[PlaceChange]
    unified: str


class DroppedParts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Parts of messages that are not stored: the partner's name for them, and the reason."""

    name: str
    reason: str
    count: int


class EditableField(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A column of Items that can be changed."""

    name: str
    type: str
    nullable: bool
    categorical: bool
    textual: bool


class EditedItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The columns to change; null takes a value away."""

    properties: dict[str, Any]


class EffectiveList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One variation with everything that it inherits."""

    namespace: str
    action: str
    recommender: str
    variation: str
    upstream: str
    model: str
    weight: float
    cache: dict[str, str]
    filters: list[str]
    promotion: str | None
    rules: list[str]
    diversity: Any
    fatigue: Any
    metadata: str | None
    experiments: list[str]
    fallback: list[str]


class EffectiveView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    fingerprint: str
    recommenders: list[EffectiveList]


class EmptiedAnswers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Sampled users whose answers would be empty, or shorter than `num_results`."""

    of: int
    num_results: int = msgspec.field(name="numResults")
    empty: int
    short: int
    examples: list[EmptiedUser]


class EmptiedUser(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    user_id: str = msgspec.field(name="userId")
    kept: int


class ErrorView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error, as every route tells it."""

    type: str
    code: str
    message: str


EvaluationContext: TypeAlias = dict[str, Any]


class EvaluationFailure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    key: str | None = None
    error_code: str = msgspec.field(name="errorCode")
    error_details: str | None = msgspec.field(default=None, name="errorDetails")


class EvaluationRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    context: EvaluationContext


class EventBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    event_type: str = msgspec.field(name="eventType")
    sent_at: float | None = msgspec.field(default=None, name="sentAt")
    event_id: str | None = msgspec.field(default=None, name="eventId")
    item_id: str | None = msgspec.field(default=None, name="itemId")
    event_value: float | None = msgspec.field(default=None, name="eventValue")
    properties: str | None = None
    recommendation_id: str | None = msgspec.field(default=None, name="recommendationId")
    impression: list[str] | None = None
    metric_attribution: Attribution | None = msgspec.field(default=None, name="metricAttribution")


class EventsBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`apiKey` is a publishable key: a beacon brings no header."""

    session_id: str | None = msgspec.field(default=None, name="sessionId")
    user_id: str | None = msgspec.field(default=None, name="userId")
    event_list: list[EventBody] | None = msgspec.field(default=None, name="eventList")
    experiment_conversions: Any = msgspec.field(default=None, name="experimentConversions")
    api_key: str | None = msgspec.field(default=None, name="apiKey")


class EventsState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    accepted: int
    rejected: int
    lag_s: float = msgspec.field(name="lagS")
    waiting: int
    outbox: list[OutboxState]


class ExperimentDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An experiment with all that is known of it: a verdict or, where lists are interleaved, a contest."""

    namespace: str
    action: str
    recommender: str
    id: str
    feature: str
    method: str
    unit: str
    description: str
    state: Literal["ended", "off", "running", "scheduled"]
    start: float | None
    end: float | None
    traffic: float
    arms: list[ArmView]
    metrics: list[str]
    guardrails: list[str]
    verdict: Literal["better", "harmed", "none", "open", "too early", "untrusted", "worse"]
    words: str
    health: Literal["broken", "ok", "warning"]
    checks: list[CheckView]
    verdict_detail: Verdict | None = msgspec.field(name="verdictDetail")
    contest: Contest | None
    timeline: list[Look]
    configuration: dict[str, Any]
    overrides: dict[str, str]


class ExperimentSummary(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An experiment in a list of them. Times are null where nothing limits them."""

    namespace: str
    action: str
    recommender: str
    id: str
    feature: str
    method: str
    unit: str
    description: str
    state: Literal["ended", "off", "running", "scheduled"]
    start: float | None
    end: float | None
    traffic: float
    arms: list[ArmView]
    metrics: list[str]
    guardrails: list[str]
    verdict: Literal["better", "harmed", "none", "open", "too early", "untrusted", "worse"]
    words: str
    health: Literal["broken", "ok", "warning"]
    checks: list[CheckView]


class ExperimentsView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    experiments: list[ExperimentSummary]


class Explanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`place` counts from 1 in the answer, the ranks in the whole catalogue: by the model's scores, with what rules
    boost and bury, and after the filters; `score` is the share of all scores (specification §9.2), also for
    recipes whose answers carry none."""

    item_id: str = msgspec.field(name="itemId")
    user_id: str | None = msgspec.field(default=None, name="userId")
    source: str
    model: str
    cause: Literal[
        "alike",
        "boost",
        "bury",
        "capped",
        "displaced",
        "diversity",
        "exploration",
        "filtered",
        "notCandidate",
        "notInModel",
        "outranked",
        "pin",
        "pinnedBelow",
        "popularity",
        "promotion",
        "relevance",
        "tired",
        "unknownItem",
        "unwanted",
    ]
    because: str
    place: int | None = None
    propensity: float | None = None
    score: float | None = None
    rank: int | None = None
    rank_after_rules: int | None = msgspec.field(default=None, name="rankAfterRules")
    rank_after_filters: int | None = msgspec.field(default=None, name="rankAfterFilters")
    filters: list[FilterVerdict] | None = None
    history: list[Pull] | None = None
    exploration: Exploring | None = None
    promotion: Promoting | None = None
    objective: ObjectiveShift | None = None
    unknown_history: int | None = msgspec.field(default=None, name="unknownHistory")
    lowered: list[LoweredOdds] | None = None
    rules: list[RuleVerdict] | None = None
    caps: list[FullCap] | None = None


class ExplorerChoices(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Recommenders of a namespace to explore, and users to begin with."""

    namespace: str
    recommenders: list[ExplorerRecommender]
    sample_users: list[str] = msgspec.field(name="sampleUsers")
    event_types: list[str] = msgspec.field(name="eventTypes")


class ExplorerRecommender(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    recommender: str
    action: str
    variations: list[str]
    experiments: list[str]
    models: list[str]


class Exploring(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    young: bool
    interactions: int
    impressions: int
    chance: float | None = None


class FaultView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    place: str
    message: str
    line: int


class FieldView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    type: str
    nullable: bool
    categorical: bool
    textual: bool
    reserved: bool


class FilterFault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong, and where: line and column from 1, the offset in the text from 0; None where it has no place."""

    message: str
    line: int | None = None
    column: int | None = None
    offset: int | None = None
    shown: str


class FilterTrial(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`missing` are parameters without a value: nothing can be previewed then."""

    valid: bool
    fault: FilterFault | None = None
    target: str | None = None
    needs_user: bool | None = msgspec.field(default=None, name="needsUser")
    needs_item: bool | None = msgspec.field(default=None, name="needsItem")
    placeholders: list[str] | None = None
    missing: list[str] | None = None
    items: LeftItems | None = None
    users: EmptiedAnswers | None = None
    user_filter: LeftUsers | None = msgspec.field(default=None, name="userFilter")


class FilterTrialRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`user_id`: preview for this user alone."""

    group: str
    expression: str
    values: dict[str, str] | None = None
    user_id: str | None = msgspec.field(default=None, name="userId")
    item_id: str | None = msgspec.field(default=None, name="itemId")
    users: int | None = None
    num_results: int | None = msgspec.field(default=None, name="numResults")


class FilterUseBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recommender or, with `variation`, one of its variations, and its only filter from now on: `filter` is a name
    or an ARN. Without `filter` and `expression` the place has none of its own."""

    namespace: str
    action: str
    recommender: str
    variation: str | None = None
    filter: str | None = None
    expression: str | None = None
    comment: str | None = None


class FilterUseView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The place where a filter is configured; `variation` null is the recommender itself."""

    namespace: str
    action: str
    recommender: str
    variation: str | None


class FilterVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    filter: str
    keeps: bool
    lacking: list[str] | None = None


class FiltersView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    filters: list[NamedFilterView]


class FlagEvaluation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    key: str | None = None
    variant: str | None = None
    reason: str | None = None
    value: Any = None
    metadata: dict[str, Any] | None = None


class FlagEvaluations(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    flags: list[FlagEvaluation]


class Flaw(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kind of bad row. `lines` are the first ones, as file:line; `example` is the first value that was refused."""

    rule: str
    column: str | None = None
    count: int | None = None
    lines: list[str] | None = None
    example: str | None = None


class FullCap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A cap that has no room for the item: so many of the first places, or of all, have its value already."""

    column: str
    value: str
    most: int
    first: int | None = None


class GroupView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    group: str
    arn: str
    domain: str | None = None
    created: float
    models: list[str]
    interactions: int
    users: int
    items: int
    event_types: dict[str, int] = msgspec.field(name="eventTypes")
    first_event: int | None = msgspec.field(default=None, name="firstEvent")
    last_event: int | None = msgspec.field(default=None, name="lastEvent")
    hidden_items: list[str] = msgspec.field(name="hiddenItems")
    datasets: list[DatasetView]
    trackers: list[TrackerView]
    imports: list[ImportView]


class GroupsView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    groups: list[GroupView]


class HiddenItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    hidden: bool


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    item: ItemCard
    event_type: str = msgspec.field(name="eventType")
    time: int
    value: float | None = None


class HistoryView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    entries: list[ConfigurationEntry]


class ImportReport(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The counts of an import's rows: rows = kept + duplicates + bad. Blank lines are no rows."""

    rows: int | None = None
    kept: int | None = None
    duplicates: int | None = None
    bad: int | None = None
    blank_lines: int | None = msgspec.field(default=None, name="blankLines")
    files: list[str] | None = None
    ignored_columns: list[str] | None = msgspec.field(default=None, name="ignoredColumns")
    flaws: list[Flaw] | None = None
    skip_bad_rows: int | None = msgspec.field(default=None, name="skipBadRows")
    undated: int | None = None
    ahead: int | None = None
    nulls: list[Flaw] | None = None


class ImportView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`report` says how many rows were read, kept and bad, and the first lines of each kind of bad row."""

    name: str
    arn: str
    type: str
    status: str
    created: float
    updated: float
    mode: str
    location: str
    failure_reason: str | None = msgspec.field(default=None, name="failureReason")
    fraction: float | None = None
    message: str | None = None
    report: ImportReport | None = None
    notes: list[str]


class Insight(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is wrong, or might be. `count` of `of` rows, users or items are concerned."""

    id: str | None = None
    title: str | None = None
    source: Literal["amazon", "recgate"] | None = None
    severity: Literal["advice", "error", "warning"]
    datasets: list[str]
    columns: list[str] | None = None
    what: str
    count: int
    of: int
    examples: list[str] | None = None
    todo: str


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    item_id: str = msgspec.field(name="itemId")
    score: float | None = None
    promotion_name: str | None = msgspec.field(default=None, name="promotionName")
    pin: Pin | None = None
    reason: list[str] | None = None
    metadata: dict[str, Any] | None = None


class ItemAudience(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The share of users, a sample of all, who get the item in a model's list, and at which places."""

    model: str
    users: int
    num_results: int = msgspec.field(name="numResults")
    gets: int
    places: dict[str, int]
    examples: list[AudienceExample]


class ItemCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    item_id: str = msgspec.field(name="itemId")
    title: str | None = None
    picture: str | None = None
    columns: dict[str, Any] | None = None


class ItemFilterVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`keeps` is None where that differs from user to user, or a fault says why nothing can be said."""

    filter: str
    expression: str
    keeps: bool | None = None
    needs_user: bool | None = msgspec.field(default=None, name="needsUser")
    fault: str | None = None


class ItemList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    item_list: list[Item] = msgspec.field(name="itemList")
    recommendation_id: str | None = msgspec.field(default=None, name="recommendationId")
    variation: str | None = None
    next: str | None = None
    short: bool | None = None
    unknown_history: int | None = msgspec.field(default=None, name="unknownHistory")
    lacking: list[str] | None = None


class ItemProfile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    group: str
    known: bool
    item: ItemCard
    interactions: int
    users: int
    impressions: int
    first_event: int | None = msgspec.field(default=None, name="firstEvent")
    last_event: int | None = msgspec.field(default=None, name="lastEvent")
    hidden: bool
    editable: list[EditableField]
    neighbours: list[NeighbourItem]
    filters: list[ItemFilterVerdict]
    recent_users: list[RecentUser] = msgspec.field(name="recentUsers")


class ItemView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    namespace: str | None = None
    item_id: str = msgspec.field(name="itemId")
    known: bool
    groups: list[ItemProfile]


class JobDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job with its import's account of rows, and its resource's reason for a failure."""

    id: int
    kind: str
    title: str
    arn: str
    group: str
    state: Literal["cancelled", "done", "failed", "interrupted", "queued", "running"]
    fraction: float
    message: str
    attempts: int
    created_at: float = msgspec.field(name="createdAt")
    started_at: float | None = msgspec.field(name="startedAt")
    ended_at: float | None = msgspec.field(name="endedAt")
    seconds: float | None
    forecast: str
    owner: JobOwner | None
    why: str | None
    can_cancel: bool = msgspec.field(name="canCancel")
    can_retry: bool = msgspec.field(name="canRetry")
    can_retry_why: str | None = msgspec.field(name="canRetryWhy")
    report: dict[str, Any] | None
    failure_reason: str | None = msgspec.field(name="failureReason")


class JobOwner(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The process that does a job; `role` is server, command or worker."""

    role: str
    pid: int
    here: bool


class JobView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`group` is the dataset group's name. `why` says in plain words why it failed or was cancelled."""

    id: int
    kind: str
    title: str
    arn: str
    group: str
    state: Literal["cancelled", "done", "failed", "interrupted", "queued", "running"]
    fraction: float
    message: str
    attempts: int
    created_at: float = msgspec.field(name="createdAt")
    started_at: float | None = msgspec.field(name="startedAt")
    ended_at: float | None = msgspec.field(name="endedAt")
    seconds: float | None
    forecast: str
    owner: JobOwner | None
    why: str | None
    can_cancel: bool = msgspec.field(name="canCancel")
    can_retry: bool = msgspec.field(name="canRetry")
    can_retry_why: str | None = msgspec.field(name="canRetryWhy")


class JobWorkerState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A worker of another machine; `jobs` are the numbers of those that it does."""

    host: str
    pid: int
    kinds: str
    places: int
    silent_s: float = msgspec.field(name="silentS")
    alive: bool
    jobs: list[int]


class JobsView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    at: float
    jobs: list[JobView]
    schedules: list[ScheduleView]


class LeftItems(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The items that a filter keeps; the mean over users where it differs between them."""

    of: int
    kept: float
    kept_examples: list[ItemCard] = msgspec.field(name="keptExamples")
    dropped_examples: list[ItemCard] = msgspec.field(name="droppedExamples")


class LeftUsers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    of: int
    kept: int
    examples: list[str]


class Lift(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The lift of a mean, relative to the control's; bounds are infinite where the data allow every value on that
    side."""

    value: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    p: float | None
    chance_to_win: float | None
    expected_loss: float | None
    enough: bool


class ListChoice(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recommender to choose, and what can be chosen of it."""

    namespace: str
    action: str
    recommender: str
    variations: list[str]
    models: list[str]
    experiments: list[str]


class ListError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    type: str
    code: str
    message: str


class ListExperiment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The experiment and arm that the user is in. `counted`: its requests count; this look does not."""

    id: str
    feature: str
    arm: str
    counted: bool


class ListOrError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    item_list: list[Item] | None = msgspec.field(default=None, name="itemList")
    personalized_ranking: list[Item] | None = msgspec.field(default=None, name="personalizedRanking")
    recommendation_id: str | None = msgspec.field(default=None, name="recommendationId")
    variation: str | None = None
    next: str | None = None
    short: bool | None = None
    unknown_history: int | None = msgspec.field(default=None, name="unknownHistory")
    lacking: list[str] | None = None
    type: str | None = None
    code: str | None = None
    message: str | None = None


class ListPair(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    user_id: str = msgspec.field(name="userId")
    first: list[ItemCard]
    second: list[ItemCard]


class ListRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    action: Literal["recommend-items", "related-items", "rerank-items"] | None = None
    recommender: str
    item_id: str | None = msgspec.field(default=None, name="itemId")
    filter: str | None = None
    locale: str | None = None
    feature: str | None = None
    item_ids: list[str] | None = msgspec.field(default=None, name="itemIds")
    exclude: list[str] | None = None
    fields: list[str] | None = None
    promotions: list[Promotion] | None = None
    filter_values: dict[str, Any] | None = msgspec.field(default=None, name="filterValues")
    context: dict[str, Any] | None = None
    decorate_items: bool | None = msgspec.field(default=None, name="decorateItems")
    synthetic_user: bool | None = msgspec.field(default=None, name="syntheticUser")
    num_results: int | None = msgspec.field(default=None, name="numResults")


class ListRequests(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    user_id: str | None = msgspec.field(default=None, name="userId")
    history: list[str] | None = None
    requests: list[ListRequest]
    distinct: bool | None = None


class ListTraffic(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The lookups of a recommender; actions that share its name count together."""

    namespace: str
    recommender: str
    lookups: int
    hit_rate: float | None = msgspec.field(name="hitRate")
    tiers: Tiers


class ListView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One list. `recommender` is "" where a model was asked past the configuration. `cache`: hit, stale, miss or
    shared; none where nothing is cached."""

    recommender: str | None = None
    action: str | None = None
    variation: str | None = None
    origin: str | None = None
    model: str | None = None
    version: str | None = None
    experiment: ListExperiment | None = None
    cohort: str | None = None
    cache: str | None = None
    recommendation_id: str | None = msgspec.field(default=None, name="recommendationId")
    as_of: int | None = msgspec.field(default=None, name="asOf")
    short: bool | None = None
    lacking: list[str] | None = None
    unknown_history: int | None = msgspec.field(default=None, name="unknownHistory")
    milliseconds: float | None = None
    items: list[ListedItem] | None = None
    error: ListError | None = None


class ListedItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`place` counts from 1."""

    place: int
    item: ItemCard
    score: float | None = None
    reason: str | None = None
    promotion_name: str | None = msgspec.field(default=None, name="promotionName")
    pin: str | None = None


class ListsAndErrors(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    responses: list[ListOrError]


class Liveness(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    status: str


class LogState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    last: int
    applied: int
    behind: int
    lag_s: float = msgspec.field(name="lagS")


class Look(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The verdict as of an epoch second."""

    at: float
    units: dict[str, int]
    mismatch: float
    rows: list[LookRow]


class LookRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A metric in an arm against the control, at one look; bounds are null where there are none yet."""

    metric: str
    arm: str
    value: float | None
    low: float | None
    high: float | None
    p: float | None
    said: str | None


class LoweredOdds(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the item's odds are multiplied by for one reason; `item_id` is the unwanted one that it is like."""

    cause: Literal["fatigue", "unwantedAlike"]
    odds: float
    item_id: str | None = msgspec.field(default=None, name="itemId")


class MemoryState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`limit_bytes`: of the container or the machine; null where the system does not tell."""

    cache_bytes: int = msgspec.field(name="cacheBytes")
    cache_ceiling_bytes: int = msgspec.field(name="cacheCeilingBytes")
    cache_entries: int = msgspec.field(name="cacheEntries")
    evictions: int
    bodies_bytes: int = msgspec.field(name="bodiesBytes")
    resident_bytes: int | None = msgspec.field(name="residentBytes")
    limit_bytes: int | None = msgspec.field(name="limitBytes")


class ModelAge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    version: str
    age_s: float = msgspec.field(name="ageS")


class ModelOverview(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A campaign, a recommender, or a solution that no campaign answers with. `previous` is what a rollback deploys."""

    model: str
    kind: Literal["campaign", "recommender", "solution"]
    arn: str
    group: str
    recipe: str
    status: str
    version: str | None = None
    previous: str | None = None
    trains_every_days: int | None = msgspec.field(default=None, name="trainsEveryDays")
    next_training: float | None = msgspec.field(default=None, name="nextTraining")
    versions: list[ModelVersion]


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`baselines` are NDCG@10 of simple scorers on the version's own validation, beside which its blends stand."""

    version: str
    arn: str
    status: str
    deployed: bool
    created: float
    trained: float | None = None
    training_hours: float | None = msgspec.field(default=None, name="trainingHours")
    mode: str
    training_type: str = msgspec.field(name="trainingType")
    failure_reason: str | None = msgspec.field(default=None, name="failureReason")
    metrics: dict[str, float]
    baselines: dict[str, float]
    blends: list[BlendChoice]
    protocol: str | None = None
    forecast: str | None = None
    job: TrainingJob | None = None


class ModelsView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    models: list[ModelOverview]


class MovedItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An item that the rules put elsewhere; None: it is not in that list."""

    item: ItemCard
    before: int | None
    after: int | None


class NamedFilterView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`used_by`: recommenders of the configuration that name it, as namespace/recommender. `uses`: where it can be
    removed; a recommender that inherits it is in `used_by` alone."""

    name: str
    arn: str
    group: str
    expression: str
    used_by: list[str] = msgspec.field(name="usedBy")
    uses: list[FilterUseView]


class NeighbourItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An item that users of another choose as well: the cosine of who chose them."""

    item: ItemCard
    likeness: float
    users: int


class NewExperiment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    namespace: str
    action: str
    recommender: str
    feature: str
    experiment: dict[str, Any]
    comment: str | None = None


class NewFilter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    group: str
    name: str
    expression: str


class Nothing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An empty object."""


class ObjectiveShift(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an objective does to one item: its `value` in the column, its shift in logits, its rank without it."""

    column: str
    weight: float
    value: float | None = None
    shift: float
    rank_without: int | None = msgspec.field(default=None, name="rankWithout")


class OpenProblem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`do` is how it is mended; `view` shows more of it, of the one thing that `about` names."""

    severity: Literal["error", "note", "warning"]
    code: str
    what: str
    do: str
    view: str
    namespace: str | None = None
    about: str | None = None


class OutboxState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event target, and what it has not got yet."""

    target: str
    records: int
    oldest_s: float = msgspec.field(name="oldestS")
    dead: int


class OverviewView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`recent` is null until two samples were taken; `memory` is null of a part of the server."""

    at: float
    since: float
    machine: str
    ready: bool
    total: TrafficCounts
    recent: TrafficCounts | None
    series: list[TrafficPoint]
    routes: list[RouteTraffic]
    recommenders: list[ListTraffic]
    events: EventsState
    memory: MemoryState | None
    models: list[ModelAge]
    wrong: list[OpenProblem]


class PartnerView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One namespace's partner. `stored` counts records by kind since the server began; names of what was dropped are
    sorted by how often."""

    namespace: str
    partner: str
    keys: int
    paths: list[str]
    stored: dict[str, int]
    dropped: list[DroppedParts]


class PartnersView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    partners: list[PartnerView]


class Pin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    rule: str
    place: int


class PinpointMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    endpoints: dict[str, dict[str, Any]] = msgspec.field(name="Endpoints")


class PipelineStage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`before` items come in and `after` go on; `dropped` and `top` are examples of what goes and of the best."""

    stage: str
    title: str
    in_: int | None = msgspec.field(default=None, name="in")
    out: int
    detail: list[tuple[str, str]] | None = None
    dropped: list[ItemCard] | None = None
    top: list[ItemCard] | None = None


class PipelineView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    recommender: str
    variation: str
    model: str
    version: str
    user_id: str = msgspec.field(name="userId")
    stages: list[PipelineStage]


class PlaceChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A place of the document with another value than before; null where there was none, or is none."""

    place: str
    kind: Literal["added", "changed", "removed"]
    before: Any = None
    after: Any = None


class Preference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A preference for the challenger over the control, from -1 (every vote against it) to 1."""

    users: int
    wins: int
    losses: int
    value: float
    low: float
    high: float
    p: float | None
    chance_to_win: float | None
    enough: bool


class PriceSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    region: str
    as_of: str = msgspec.field(name="asOf")
    source: str
    currency: str


class ProcessState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A process of this server. What it does not have, or the system does not tell, is null."""

    name: str
    kind: str
    pid: int | None
    alive: bool
    started_at: float | None = msgspec.field(default=None, name="startedAt")
    cpu_s: float | None = msgspec.field(default=None, name="cpuS")
    resident_bytes: int | None = msgspec.field(default=None, name="residentBytes")
    event_lag_s: float | None = msgspec.field(default=None, name="eventLagS")
    applied: int | None = None
    behind: int | None = None
    config_version: str | None = msgspec.field(default=None, name="configVersion")
    config_fingerprint: str | None = msgspec.field(default=None, name="configFingerprint")
    is_current: bool | None = msgspec.field(default=None, name="isCurrent")
    written_s: float | None = msgspec.field(default=None, name="writtenS")


class ProcessesView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    at: float
    release: str
    server: str
    processes: list[ProcessState]
    replicas: list[ReplicaState]
    job_workers: list[JobWorkerState] = msgspec.field(name="jobWorkers")
    log: LogState
    jobs_processor_share: float | None = msgspec.field(name="jobsProcessorShare")


class Promoting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    includes: bool


class Promotion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    filter_arn: str = msgspec.field(name="filterArn")
    percent_promoted_items: int = msgspec.field(name="percentPromotedItems")
    filter_values: dict[str, Any] | None = msgspec.field(default=None, name="filterValues")


class ProvisionedView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A campaign or recommender; `used_by` are the recommenders of the configuration that ask it."""

    name: str
    kind: str
    arn: str
    min_provisioned_tps: int = msgspec.field(name="minProvisionedTPS")
    requests: int
    idle: bool
    idle_why: str | None = msgspec.field(name="idleWhy")
    used_by: list[str] = msgspec.field(name="usedBy")
    idle_per_month: float = msgspec.field(name="idlePerMonth")


class Pull(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The contribution of one item of the history to the score; below 0: takes from it."""

    item_id: str = msgspec.field(name="itemId")
    timestamp: int
    contribution: float


class Purge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answers of a namespace, or of one recommender, user or item in it."""

    namespace: str
    recommender: str | None = None
    user: str | None = None
    item: str | None = None


class PurgedView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    purged: Purge


class QuotaView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    code: str
    name: str
    used: int
    limit: int
    share: float
    group: str


class RampBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    traffic: float | None = None
    weights: dict[str, float] | None = None
    at: str | None = None
    comment: str | None = None


class Ranking(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    personalized_ranking: list[Item] = msgspec.field(name="personalizedRanking")
    recommendation_id: str | None = msgspec.field(default=None, name="recommendationId")
    variation: str | None = None
    next: str | None = None
    short: bool | None = None
    unknown_history: int | None = msgspec.field(default=None, name="unknownHistory")
    lacking: list[str] | None = None


class Readiness(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    status: str
    checks: dict[str, Any]
    degraded: list[str] | None = None


class RecentUser(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    user_id: str = msgspec.field(name="userId")
    event_type: str = msgspec.field(name="eventType")
    time: int


class RecordedEvents(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    recorded: int


class ReloadedView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    version: str
    fingerprint: str
    faults: list[str]


class Remark(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    comment: str | None = None


class ReplicaState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A process that answers from the same log; `here`: of this machine. `behind` counts the records that it has not
    said to have heard of. Where Redis carries the news it says so once a second, and those of the last two
    seconds do not count."""

    id: str
    here: bool
    lease_s: float = msgspec.field(name="leaseS")
    heard: int
    behind: int


class RerankRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    item_ids: list[str] = msgspec.field(name="itemIds")
    history: list[str] | None = None


class RetriedJob(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    job: JobView


class RouteTraffic(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    route: str
    requests: int
    errors: int
    p50_ms: float | None = msgspec.field(name="p50Ms")
    p99_ms: float | None = msgspec.field(name="p99Ms")


class RuleTrial(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    faults: list[RuleTrialFault]
    before: list[ItemCard] | None = None
    after: list[ItemCard] | None = None
    moved: list[MovedItem] | None = None


class RuleTrialFault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is wrong with one rule, by its place in the list from 0 and its member; both None for the whole list."""

    index: int | None
    rule: str | None
    member: str | None = None
    message: str
    fault: FilterFault | None = None


class RuleTrialRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`rules` in place of those that are in force, whatever their schedules say."""

    model: str
    rules: list[Any]
    user_id: str | None = msgspec.field(default=None, name="userId")
    item_id: str | None = msgspec.field(default=None, name="itemId")
    num_results: int | None = msgspec.field(default=None, name="numResults")


class RuleVerdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule in force, and what it does to the item: to which place it pins it, how many times more (`boost`) or
    less (`bury`) likely it makes it. Nothing where it is not about the item."""

    name: str
    type: str
    place: int | None = None
    times: float | None = None


class ScheduleView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    arn: str
    name: str
    every_days: int = msgspec.field(name="everyDays")
    next_at: float = msgspec.field(name="nextAt")


class SessionView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`namespaces`: null is the whole server."""

    name: str
    role: Literal["operate", "read"]
    namespaces: list[str] | None
    keyless: bool
    release: str
    server: str
    config_writable: bool = msgspec.field(name="configWritable")
    namespaces_configured: list[str] = msgspec.field(name="namespacesConfigured")
    recommenders: list[ListChoice]


class SeverityCounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    error: int | None = None
    warning: int | None = None
    advice: int | None = None


class Share(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An arm's weight, and what a bandit found it from: the mean of the reward per unit, by period."""

    weight: float
    units: int | None = None
    mean: float | None = None
    error: float | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A variation's credit of a metric, and how many units prefer it to the control; None for the control itself."""

    metric: str
    arm: str
    events: int
    credit: float
    preference: Preference | None
    said: Literal["better", "harmed", "open", "safe", "too early", "worse"] | None
    guardrail: bool


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The arms' weights from an epoch second on; None: from the beginning."""

    since: float | None
    arms: dict[str, Share]


class StoredEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry with its text, in which secrets are marks."""

    id: str
    at: float
    by: str
    how: Literal["experiment", "file", "filter", "page", "start"]
    comment: str
    etag: str
    fingerprint: str
    version: str
    added: int
    removed: int
    text: str


class TextBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    text: str
    comment: str | None = None


class TextView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The text that lies there; secrets are marks, which a text that is written may have in their place."""

    text: str
    format: str
    etag: str
    name: str


class Tiers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Answers by where they came from: of a worker's memory, made for somebody else, outdated, or made."""

    hot: int | None = None
    shared: int | None = None
    stale: int | None = None
    miss: int | None = None
    fallback: int | None = None


class TrackedEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    event_name: str
    properties_json: str | None = None
    context_json: str | None = None


class TrackerView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    tracking_id: str = msgspec.field(name="trackingId")


class TrafficCounts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`errors` are answers of status 500 and more. Latencies are null of a part of the server, and without requests."""

    seconds: float
    requests: int
    answers: int
    hits: int
    hit_rate: float | None = msgspec.field(name="hitRate")
    origin_calls: int = msgspec.field(name="originCalls")
    origin_calls_saved: int = msgspec.field(name="originCallsSaved")
    errors: int
    tiers: Tiers
    p50_ms: float | None = msgspec.field(name="p50Ms")
    p99_ms: float | None = msgspec.field(name="p99Ms")
    events: int
    events_rejected: int = msgspec.field(name="eventsRejected")
    per_second: float | None = msgspec.field(name="perSecond")


class TrafficPoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The traffic between two samples."""

    at: float
    requests_per_second: float = msgspec.field(name="requestsPerSecond")
    hit_rate: float | None = msgspec.field(name="hitRate")
    p50_ms: float | None = msgspec.field(name="p50Ms")
    p99_ms: float | None = msgspec.field(name="p99Ms")
    events_per_second: float = msgspec.field(name="eventsPerSecond")
    origin_calls_per_second: float = msgspec.field(name="originCallsPerSecond")
    event_lag_s: float = msgspec.field(name="eventLagS")


class TrainingJob(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: int
    state: str
    fraction: float
    message: str


class UserArm(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The arm of an experiment that the user is in."""

    experiment: str
    feature: str
    recommender: str
    variation: str
    counted: bool


class UserAttributes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    attributes: dict[str, Any] | None = None
    forced_variations: dict[str, Any] | None = msgspec.field(default=None, name="forcedVariations")
    forced_features: list[Any] | None = msgspec.field(default=None, name="forcedFeatures")


class UserProfile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`sessions` are those that belong to the user; `history` is the newest part, newest first."""

    group: str
    known: bool
    sessions: list[str]
    properties: dict[str, Any]
    events: int
    first_event: int | None = msgspec.field(default=None, name="firstEvent")
    last_event: int | None = msgspec.field(default=None, name="lastEvent")
    history: list[HistoryEntry]


class UserView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`namespace` is null where models were asked past a configuration."""

    namespace: str | None = None
    user_id: str = msgspec.field(name="userId")
    known: bool
    groups: list[UserProfile]
    arms: list[UserArm] | None = None
    lists: list[ListView]


class ValidationView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    valid: bool
    faults: list[FaultView]
    warnings: list[FaultView]
    need_restart: list[str] = msgspec.field(name="needRestart")
    diff: DifferenceView


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    method: Literal["always", "bayesian", "fixed"]
    alpha: float
    among: int
    control: str
    units: dict[str, int]
    mismatch: float
    trusted: bool
    rows: list[VerdictRow] | None = None
    steps: list[Step] | None = None
    alarms: list[str] | None = None


class VerdictRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A metric in an arm, beside the control's; `lift` is None for the control itself."""

    metric: str
    arm: str
    mean: float
    error: float
    lift: Lift | None
    said: Literal["better", "harmed", "open", "safe", "too early", "worse"] | None
    guardrail: bool
    variance_kept: float


class VersionComparison(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`overlap` is the mean share of items that both lists of a user have."""

    model: str
    users: int
    num_results: int = msgspec.field(name="numResults")
    overlap: float
    first: VersionLists
    second: VersionLists
    examples: list[ListPair]


class VersionLists(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The lists of one version. `coverage`: the share of the catalogue in any; `diversity`: how unlike the
    categories of two items of a list are on average; `freshness`: the share of items of the last 30 days of data;
    `popularity`: the mean share of items that are chosen less. None where the data tell nothing. `accuracy`:
    offline metrics."""

    version: str
    coverage: float
    diversity: float | None
    freshness: float
    popularity: float
    accuracy: dict[str, float]


class WhyView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The explanation of /explain-items, with the cards of the items that it names."""

    recommender: str
    variation: str
    item: ItemCard
    explanation: Explanation
    history_items: list[ItemCard] = msgspec.field(name="historyItems")


class WrittenView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    etag: str
    fingerprint: str
    need_restart: list[str] = msgspec.field(name="needRestart")
    changes: list[PlaceChange]
