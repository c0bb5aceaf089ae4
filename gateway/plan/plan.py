"""The configuration, once loaded: one frozen `Plan` a recommender, everything inherited into its variations.

`config` makes these, `serve` follows them; nothing below ever looks at the configuration document again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from math import inf
from typing import Any, Literal

import msgspec

from engine import Diversity, Fatigue, NegativeEvent, RuleBook, ServingObjective
from gateway.ask import Action
from gateway.caller import Caller
from gateway.plan.draw import ends_of, share
from gateway.plan.experiment import Experiment, FieldCondition
from gateway.plan.shape import Shape

UserKind = Literal["userSpecified", "syntheticUserSpecified", "noUserSpecified"]


@dataclass(frozen=True)
class CachePolicy:
    """One kind of caller's policy. `header` is the Cache-Control to send, "" for none (specification §3.3)."""

    max_age_s: int = 0
    stale_while_revalidate_s: int = 0
    stale_if_error_s: int = 0
    storable: bool = False  # max-age above 0 and neither no-store nor no-cache among the directives
    header: str = ""
    private_header: str = ""  # the same for an answer that only its caller's address explains


NO_CACHE = CachePolicy()


class Moment(msgspec.Struct, frozen=True):
    """A request as auto-context rules see it: its caller, the clock in UTC, and the metadata of the item that
    others are to be related to."""

    caller: Caller
    now: datetime
    item: Mapping[str, Any] | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        return self.caller.headers


@dataclass(frozen=True)
class ContextField:
    """One automatic field; `resolve` gives its values in rule order, none when no rule and no default yields."""

    name: str
    type: Literal["string", "integer", "long", "float"]
    resolve: Callable[[Moment], tuple[str | int | float, ...]]
    headers: frozenset[str]  # lower-cased names that its rules read: they go into Vary
    until: Callable[[Moment], datetime] | None  # when a rule that reads the clock may change next; None: none does
    reads_item: bool = False
    queries: frozenset[str] = frozenset()  # names of the query string that its rules read


@dataclass(frozen=True)
class FilterChoice:
    """A configured filter: by name or ARN, or an `expression` in place; `values` are its automatic parameters."""

    filter: str | None = None
    expression: str | None = None
    user_required: bool = False
    values: tuple[ContextField, ...] = ()


@dataclass(frozen=True)
class PromotionChoice:
    """A configured promotion: `percent` of a list's places are for what its filter includes. `fixed` are values of the
    filter's parameters that nobody changes; `choice.values` are automatic, and the caller's own win over them."""

    name: str
    percent: int
    choice: FilterChoice
    fixed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Metadata:
    """The source of item metadata that decorates answers, and its columns; no columns: all of them.

    `of` is None where the origin itself decorates its answers."""

    type: str  # as the configuration spells it
    columns: tuple[str, ...] = ()
    of: Hashable | None = None  # as the kind of source has it
    locales: tuple[str, ...] = ()  # that fields have forms in


@dataclass(frozen=True)
class Limits:
    """The limits of asking an origin: one try's time, how often again, and when it is left alone for a while."""

    timeout_s: float = 2.0
    retries: int = 1
    failures: int = 5  # in a row, after which it is not asked
    open_s: float = 30.0  # for so long


@dataclass(frozen=True)
class Function:
    """A Lambda function, by ARN or name."""

    arn: str
    region: str
    endpoint_url: str | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class PostProcessor:
    """A function that may change an answer, given more items than were asked for."""

    function: Function
    multiplier: float = 1.0
    most: int | None = None


@dataclass(frozen=True)
class Variation:
    name: str
    weight: float
    upstream: str  # of gateway.upstreams
    model: str  # a campaign's bare name or ARN, or what else names the answerer; "" where the configuration names none
    auto_context: tuple[ContextField, ...] = ()
    filters: tuple[FilterChoice, ...] = ()
    promotion: PromotionChoice | None = None
    objective: ServingObjective | None = None
    rules: RuleBook | None = None  # None: the campaign's own
    rule_values: Mapping[str, tuple[ContextField, ...]] = field(default_factory=dict)  # automatic, by the rule's name
    diversity: Diversity | None = None  # None: as the campaign has it
    policies: Mapping[UserKind, CachePolicy] | None = None  # None: no cacheControl anywhere above
    metadata: Metadata | None = None
    hide: tuple[FieldCondition, ...] = ()  # on metadata: items for which one holds are not shown
    fatigue: Fatigue | None = None  # None: nothing is said here; shown 0: nobody tires
    hide_seen_s: int = 0  # items that the user or session had an event with, so many seconds back, are not shown
    origin: Any = None  # as the kind of upstream has it; None: the built-in engine
    parameters: frozenset[str] = frozenset()  # of the query string, that the origin is told
    value: Any = None  # of a flag, where the configuration gives one
    config: Mapping[str, Any] = field(default_factory=dict)  # as the document has it, for payloads

    @cached_property
    def fields(self) -> tuple[ContextField, ...]:
        """Every automatic field that an answer of this variation may depend on."""
        promoting = () if self.promotion is None else self.promotion.choice.values
        ruling = (field for values in self.rule_values.values() for field in values)
        filtering = (field for choice in self.filters for field in choice.values)
        return (*self.auto_context, *filtering, *promoting, *ruling)

    @cached_property
    def headers(self) -> frozenset[str]:
        """The headers that those fields read."""
        return frozenset(name for field in self.fields for name in field.headers)

    @cached_property
    def is_timed(self) -> bool:
        """True if any of those fields reads the clock."""
        return any(field.until is not None for field in self.fields)

    @cached_property
    def reads_item(self) -> bool:
        """True if a filter takes values from the current item's metadata, a promotion's or rule's among them."""
        return self.chooses_by_item or any(each.reads_item for choice in self.filters for each in choice.values)

    @cached_property
    def chooses_by_item(self) -> bool:
        """True if the filter of the promotion or of a rule takes values from the current item's metadata."""
        promoting = () if self.promotion is None else self.promotion.choice.values
        ruling = (each for values in self.rule_values.values() for each in values)
        return any(each.reads_item for each in (*promoting, *ruling))


@dataclass(frozen=True)
class Alias:
    """A path that a recommender answers, too, as other software calls it. `names` are parameters of the query string
    that are called otherwise there: ours by theirs."""

    path: str
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    namespace: str
    action: Action
    recommender: str
    variations: tuple[Variation, ...]  # document order: the first is the default
    cohorts: int | None = None  # how many, where users have cohorts
    fallback: tuple[str, ...] = ()  # recommenders of the same action, in order
    post_processor: PostProcessor | None = None
    shape: Shape | None = None  # of the answers; None: recgate's own
    aliases: tuple[Alias, ...] = ()
    experiments: Mapping[str, Experiment] = field(default_factory=dict)  # by feature, in document order
    flag: str | None = None  # by which the recommender is asked for as a whole
    config: Mapping[str, Any] = field(default_factory=dict)  # as the document has it, for payloads

    @property
    def path(self) -> str:
        """The recommender's name in its namespace."""
        return f"{self.action}/{self.recommender}"

    @property
    def salt(self) -> str:
        """The salt of the hash by which users draw a variation where there are no experiments."""
        return f"{self.namespace}/{self.path}"

    @cached_property
    def by_name(self) -> Mapping[str, Variation]:
        return {each.name: each for each in self.variations}

    @cached_property
    def ends(self) -> tuple[float, ...]:
        return ends_of([each.weight for each in self.variations])

    @cached_property
    def headers(self) -> frozenset[str]:
        """The headers that say whether a request is for an experiment."""
        fields = [field for each in self.experiments.values() for field in each.fields]
        return frozenset(name for field in fields for name in field.headers)


def by_weight(plan: Plan, unit: str) -> Variation:
    """The variation that a user draws where there are no experiments."""
    if len(plan.variations) == 1:
        return plan.variations[0]
    return plan.variations[bisect_right(plan.ends, share(plan.salt, unit))]


@dataclass(frozen=True)
class AccessKey:
    """An access key that may sign requests of the AWS wire, and its account."""

    account: str
    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    expires: float = inf  # epoch seconds


UnsignedCallers = Literal["none", "local", "anyone"]  # nobody, whoever is on this machine, everyone


@dataclass(frozen=True)
class Unsigned:
    """The callers that may use the AWS wire while there are no access keys: its control plane, and its data plane."""

    control: UnsignedCallers = "local"
    data: UnsignedCallers = "anyone"


@dataclass(frozen=True)
class ApiKey:
    """A key of X-Api-Key by the SHA-256 of it; no namespaces or actions: all of them."""

    name: str
    sha256: str  # hexadecimal
    namespaces: frozenset[str] | None = None
    actions: frozenset[str] | None = None
    expires: float = inf  # epoch seconds
    publishable: bool = False  # of one namespace, and may stand where others can read it


@dataclass(frozen=True)
class ApiKeys:
    keys: tuple[ApiKey, ...]

    @cached_property
    def are_in_bodies(self) -> bool:
        """True if bodies of events may bring a key."""
        return any(key.publishable for key in self.keys)

    @cached_property
    def by_digest(self) -> Mapping[str, ApiKey]:
        return {key.sha256: key for key in self.keys}


Role = Literal["read", "operate"]


@dataclass(frozen=True)
class OperatorKey:
    """A key of an operator by the SHA-256 of it; no namespaces: the whole server."""

    name: str
    sha256: str  # hexadecimal
    role: Role = "operate"
    namespaces: frozenset[str] | None = None
    expires: float = inf  # epoch seconds


@dataclass(frozen=True)
class OperatorKeys:
    keys: tuple[OperatorKey, ...]

    @cached_property
    def by_digest(self) -> Mapping[str, OperatorKey]:
        return {key.sha256: key for key in self.keys}


@dataclass(frozen=True)
class Oidc:
    """Tokens of one OpenID Connect issuer. No audiences: any; no `jwks_url`: the issuer's discovery document tells."""

    issuer: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    jwks_url: str | None = None
    subject_must_be_user: bool = False
    user_claim: str = "sub"
    skew_s: int = 60


Auth = ApiKeys | Oidc | None


@dataclass(frozen=True)
class Cors:
    """The origins whose pages may ask; none: all of them."""

    origins: frozenset[str] = frozenset()
    credentials: bool = False  # whether those that are listed may send the browser's credentials


@dataclass(frozen=True)
class RateLimits:
    """Each like `100/second`; None: no limit."""

    per_key: str | None = None
    per_address: str | None = None

    @cached_property
    def are_any(self) -> bool:
        return self.per_key is not None or self.per_address is not None


@dataclass(frozen=True)
class EventTarget:
    """A receiver of events. `key` names it over restarts and in metrics; no two of a configuration are the same."""

    key: str
    type: str  # of gateway.targets
    settings: Any = field(default=None, repr=False)  # what opens it, of the type's own kind


@dataclass(frozen=True)
class EventSource:
    """A place that events are read from. `key` names it over restarts, in the database and in metrics. Of records of
    event targets, those of the namespace `records_of` count."""

    key: str
    namespace: str
    type: str  # of gateway.sources
    records_of: str
    settings: Any = field(default=None, repr=False)  # what opens it, of the type's own kind


@dataclass(frozen=True)
class EngineTracker:
    """The settings of an event tracker of the built-in engine, which takes events at once."""

    tracking_id: str


@dataclass(frozen=True)
class Namespace:
    key: str
    name: str
    plans: Mapping[tuple[Action, str], Plan]
    event_targets: tuple[EventTarget, ...]
    event_context: tuple[ContextField, ...]  # goes into the properties of events
    negative_events: tuple[NegativeEvent, ...] | None = None  # None: nothing is said here
    event_sources: tuple[EventSource, ...] = ()
    example_user: str | None = None  # of the API's description
    example_items: tuple[str, ...] = ()
    exposure_targets: tuple[EventTarget, ...] = ()  # which get exposures to experiments, and no events

    @property
    def trackers(self) -> list[str]:
        """The tracking ids of the built-in engine."""
        settings = (each.settings for each in self.event_targets)
        return [each.tracking_id for each in settings if isinstance(each, EngineTracker)]

    @cached_property
    def experiments(self) -> tuple[Experiment, ...]:
        return tuple(each for plan in self.plans.values() for each in plan.experiments.values())

    @cached_property
    def asks_elsewhere(self) -> bool:
        """True if an origin that is not the built-in engine answers here."""
        return any(each.origin is not None for plan in self.plans.values() for each in plan.variations)

    @cached_property
    def elsewhere(self) -> tuple[EventTarget, ...]:
        """The targets that are not the built-in engine's."""
        return tuple(each for each in self.event_targets if not isinstance(each.settings, EngineTracker))
