"""The configuration document as structs: schema, validator and documentation in one (specification §2.2, §10).

To add a variation, metadata source or event target: one struct under its base class, its `type` as the tag.
"""

from __future__ import annotations

import hashlib
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Union, cast, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from gateway.ask import Action
from gateway.autocontext import OPERATORS, RULES, FieldType, HeaderName, Rule
from gateway.viewer import LOOPBACK

Key = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]*$", description="Letters, digits, - and _.")]
Label = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]*$", description="Letters, digits, ., - and _.")]
FieldName = Annotated[
    str, Meta(pattern="^[A-Za-z0-9]+$", description="Letters and digits: the dataset's column in camelCase.")
]
MetadataField = Annotated[
    str, Meta(pattern="^[A-Za-z0-9_]+$", description="Letters, digits and _: a field of metadata as answers have it.")
]
Placeholder = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$", description="A placeholder's name, without the $.")]
Text = Annotated[str, Meta(min_length=1, description="A text that is not empty.")]
Seconds = Annotated[int, Meta(ge=0, description="Whole seconds, 0 or more.")]
Weight = Annotated[float, Meta(ge=0, description="A number, 0 or more.")]
AccountId = Annotated[str, Meta(pattern="^[0-9]{12}$", description="Twelve digits.")]
Region = Annotated[str, Meta(pattern="^[a-z0-9-]+$", description="A region's name, such as eu-west-1.")]
Secret = Annotated[str, Meta(min_length=1, description="A text that is not empty.", extra={"secret": True})]
KeyId = Annotated[str, Meta(pattern="^[A-Za-z0-9_]{3,128}$", description="Letters, digits and _, 3 to 128 of them.")]
Network = Annotated[str, Meta(description="An address or a network, such as 10.0.0.0/8.")]
Time = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$",
        description="A time with its zone, such as 2030-01-31T12:00:00Z.",
    ),
]
Digest = Annotated[str, Meta(pattern="^[0-9a-fA-F]{64}$", description="A SHA-256 in 64 hexadecimal digits.")]
Url = Annotated[str, Meta(pattern="^https?://[^/]+", description="An http or https URL.")]
Rate = Annotated[
    str,
    Meta(
        pattern=r"^[1-9]\d{0,8} ?(/|per) ?([1-9]\d{0,4} ?)?(second|minute|hour|day)s?$",
        description="A number and a time, such as 100/second or 1000/5 minutes.",
    ),
]
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
KeyAction = Literal["recommend-items", "related-items", "rerank-items", "events"]
Duration = Annotated[float, Meta(gt=0, le=900, description="Seconds, above 0 and at most 900.")]
Count = Annotated[int, Meta(ge=1, description="A whole number, 1 or more.")]
Retries = Annotated[int, Meta(ge=0, le=10, description="A whole number from 0 to 10.")]
AtLeastOne = Annotated[float, Meta(ge=1, description="A number, 1 or more.")]
TrackingId = Annotated[str, Meta(pattern="[A-Za-z0-9-]", description="A tracking id: letters, digits and -.")]
Fraction = Annotated[float, Meta(ge=0, le=1, description="A number from 0 to 1.")]
Window = Annotated[str, Meta(pattern="^[1-9][0-9]{0,5}[smhd]$", description="A time such as 30m, 12h or 7d.")]
MetricName = Annotated[str, Meta(pattern=r"^\S+$", description="A name without spaces.")]
HeaderText = Annotated[str, Meta(description="A text.", extra={"secret": True})]
Locale = Annotated[
    str, Meta(pattern="^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,3}$", description="A language, such as de or de-AT.")
]
Remember = Annotated[int, Meta(ge=1, le=3600, description="Whole seconds, 1 to 3600.")]
TableName = Annotated[
    str, Meta(pattern="^[A-Za-z0-9_.-]{3,255}$", description="A table's name: letters, digits, _, . and -, 3 to 255.")
]
SyncInterval = Annotated[int, Meta(ge=5, le=3600, description="Whole seconds, 5 to 3600.")]
StreamName = Annotated[str, Meta(pattern="[A-Za-z0-9_.-]", description="A stream's name: letters, digits, _, . and -.")]
Topic = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,249}$", description="Letters, digits, _, . and -, at most 249 of them.")
]
BatchSize = Annotated[int, Meta(ge=1, le=500, description="A whole number from 1 to 500.")]
RedisUrl = Annotated[str, Meta(pattern="^(rediss?|unix)://", description="A redis, rediss or unix URL.")]
Bytes = Annotated[int, Meta(ge=65_536, description="A number of bytes, 65536 or more.")]
Value = str | int | float


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One map of the document."""

    extra: ClassVar[bool] = False  # whether unknown keys are let in, with a warning


# --- caching


class CachePolicy(Part, frozen=True):
    """How long one kind of caller's answers are fresh, and what Cache-Control says besides."""

    max_age: Seconds = 0
    directives: str = ""


class CacheControl(Part, frozen=True):
    """A policy a kind of caller; a kind that is absent is inherited."""

    auto_provision: bool = True
    user_specified: CachePolicy | None = None
    synthetic_user_specified: CachePolicy | None = None
    no_user_specified: CachePolicy | None = None


# --- automatic fields

if TYPE_CHECKING:
    OperatorName = str
else:
    OperatorName = Literal[tuple(OPERATORS)]


class Mapping(Part, frozen=True, forbid_unknown_fields=False):
    """A comparison with the rule's value, and what the field becomes where it holds."""

    extra: ClassVar[bool] = True

    operator: OperatorName
    value: Value
    map_to: Value


class RulePart(Part, frozen=True, tag_field="type"):
    value_mappings: tuple[Mapping, ...] = ()

    def own_keys(self) -> dict[str, str]:
        """The keys of this type alone, by the names of the rule's parameters."""
        common = RulePart.__struct_fields__
        return {name: getattr(self, name) for name in self.__struct_fields__ if name not in common}


def rule_struct(name: str, rule: Rule) -> type[RulePart]:
    hints = get_type_hints(rule.value, include_extras=True)
    given = signature(rule.value).parameters
    own: list[Any] = [
        (key, hint) if given[key].default is Parameter.empty else (key, hint, given[key].default)
        for key, hint in hints.items()
        if key not in ("moment", "return")
    ]
    title = "".join(word.capitalize() for word in name.split("-"))
    more: dict[str, Any] = {"__doc__": rule.value.__doc__}
    options: dict[str, Any] = {"tag": name, "frozen": True, "kw_only": True}
    made: Any = msgspec.defstruct(title, own, bases=(RulePart,), namespace=more, module=__name__, **options)
    return cast("type[RulePart]", made)


if TYPE_CHECKING:
    AnyRule = RulePart
else:
    AnyRule = Union[tuple(rule_struct(name, rule) for name, rule in RULES.items())]  # noqa: UP007 - made at run time


class AutoField(Part, frozen=True):
    """One field: the first rule that yields gives its value, or all of them with `evaluateAll`."""

    type: FieldType
    rules: tuple[AnyRule, ...]
    description: str = ""
    default: Value | None = None
    evaluate_all: bool = False


AutoContext = dict[FieldName, AutoField]


# --- filters


class Filter(Part, frozen=True):
    """A filter by ARN or written in place; the first one whose condition holds applies."""

    arn: Text | None = None
    expression: Text | None = None
    condition: Literal["user-required"] | None = None
    auto_dynamic_filter_values: dict[Placeholder, AutoField] = {}


class CircuitBreaker(Part, frozen=True):
    """After so many failures in a row an origin is not asked for so many seconds."""

    failures: Count = 5
    open: Duration = 30


# --- item metadata


class MetadataPart(Part, frozen=True, tag_field="type"):
    """Which fields, or all; with locales, title_de and titleDe are the German title, for who asks ?locale=de."""

    item_columns: tuple[Text, ...] = ()
    locales: tuple[Locale, ...] = ()


class EngineMetadata(MetadataPart, frozen=True, tag="engine"):
    """Columns of the engine's items dataset; none named: all. `model` says whose, where another origin answers."""

    model: str = ""


class PersonalizeMetadata(MetadataPart, frozen=True, tag="personalize"):
    """Columns that the origin returns with its answer."""


class LocalDbMetadata(MetadataPart, frozen=True, tag="localdb"):
    """JSON Lines, each an object with an `id`: a file, folder or `s3://` prefix, looked after every so many seconds.
    A folder is the union of its files named *.jsonl, *.jsonl.gz or *.jsonl.gzip, or of those in import/NAMESPACE/."""

    source: str = ""
    sync_interval: SyncInterval = 300


class Throughput(Part, frozen=True, forbid_unknown_fields=False):
    """Capacity of a table; accepted, and not used."""

    extra: ClassVar[bool] = True

    read_capacity_units: Seconds = 0
    write_capacity_units: Seconds = 0


class DynamoDbMetadata(MetadataPart, frozen=True, tag="dynamodb"):
    """Rows `{id, attributes}` of a DynamoDB table, by default PersonalizationApiItemMetadata_NAMESPACE, with the
    credentials of AWS's usual environment variables; each is remembered for so many seconds."""

    table: TableName | None = None
    region: Region | None = None
    endpoint_url: Url | None = None
    remember: Remember = 60
    timeout: Duration = 1
    retries: Retries = 1
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    auto_provision: bool | None = None
    billing_mode: Literal["PROVISIONED", "PAY_PER_REQUEST"] | None = None
    provisioned_throughput: Throughput | None = None


AnyMetadata = EngineMetadata | PersonalizeMetadata | LocalDbMetadata | DynamoDbMetadata


class Hide(Part, frozen=True):
    """Items whose metadata compares so are left out on the way out, from cached answers too; refilled from below."""

    field: MetadataField
    operator: OperatorName
    value: Value


# --- the levels


class Level(Part, frozen=True):
    """What every level may say; a level that says nothing inherits from the one above."""

    auto_context: AutoContext | None = None
    cache_control: CacheControl | None = None
    filters: tuple[Filter, ...] | None = None
    inference_item_metadata: AnyMetadata | None = None
    hide: tuple[Hide, ...] | None = None
    hide_seen: Seconds | None = None


class VariationPart(Level, frozen=True, tag_field="type"):
    weight: Weight | None = None
    filter: Filter | None = None


class EngineVariation(VariationPart, frozen=True, tag="engine"):
    """A model of the built-in engine, by its campaign's name."""

    model: str = ""

    @property
    def model_name(self) -> str:
        return self.model


class ArnVariation(VariationPart, frozen=True):
    arn: str = ""

    @property
    def model_name(self) -> str:
        return self.arn.rpartition("/")[2]


class CampaignVariation(ArnVariation, frozen=True, tag="personalize-campaign"):
    """A campaign by ARN: the engine's model of that name."""


class RecommenderVariation(ArnVariation, frozen=True, tag="personalize-recommender"):
    """A recommender by ARN: the engine's model of that name."""


class RemoteVariation(VariationPart, frozen=True):
    """Answered elsewhere: seconds for one try, how often again where that may help, and when not to ask at all."""

    timeout: Duration = 2
    retries: Retries = 1
    circuit_breaker: CircuitBreaker = CircuitBreaker()


class FunctionVariation(RemoteVariation, frozen=True, tag="function"):
    """An AWS Lambda function, by ARN or name."""

    arn: str = ""
    region: Region | None = None
    endpoint_url: Url | None = None


class LambdaVariation(FunctionVariation, frozen=True, tag="lambda"):
    """The old spelling of `function`."""


class SageMakerVariation(RemoteVariation, frozen=True, tag="sagemaker"):
    """A SageMaker endpoint that takes the payload of functions."""

    endpoint_name: str = ""
    region: Region | None = None
    endpoint_url: Url | None = None


class HttpVariation(RemoteVariation, frozen=True, tag="http", kw_only=True):
    """Any recommender over HTTP. In the URL after its host, and in headers, may stand `{userId}`, `{itemId}`,
    `{itemIds}`, `{numResults}`, `{namespace}`, `{recommender}`, `{action}`, `{filter}`, `{context.NAME}`,
    `{filterValues.NAME}`, and any other name, which is a query parameter of the request; each value is percent-encoded.
    POST sends the payload of functions. `items` is a JMESPath expression for the list of items."""

    url: Url
    method: Literal["GET", "POST"] = "GET"
    headers: dict[HeaderName, HeaderText] = {}
    items: Text | None = None


AnyVariation = (
    EngineVariation
    | CampaignVariation
    | RecommenderVariation
    | FunctionVariation
    | LambdaVariation
    | SageMakerVariation
    | HttpVariation
)


class PostProcessorPart(Part, frozen=True, tag_field="type"):
    """A function that gets the decorated answer, and replies with the one to give."""

    timeout: Duration = 2
    retries: Retries = 1
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    arn: str = ""
    region: Region | None = None
    endpoint_url: Url | None = None
    look_ahead_multiplier: AtLeastOne = 1
    look_ahead_maximum_value: AtLeastOne | None = None


class LambdaPostProcessor(PostProcessorPart, frozen=True, tag="lambda"):
    """An AWS Lambda function, by ARN or name."""


class FunctionPostProcessor(PostProcessorPart, frozen=True, tag="function"):
    """An AWS Lambda function, by ARN or name."""


AnyPostProcessor = LambdaPostProcessor | FunctionPostProcessor


class MetricPart(Part, frozen=True, forbid_unknown_fields=False):
    """What users do that counts: what callers report by the metric's name, and events of a type within a `window` after
    the unit first took part. Each counts 1, or what is at the path `valueKey` of the event."""

    extra: ClassVar[bool] = True

    event_type: Text | None = None
    window: Window = "7d"
    direction: Literal["increase", "decrease"] = "increase"


class EvidentlyMetric(MetricPart, frozen=True, forbid_unknown_fields=False, kw_only=True):
    """A metric of CloudWatch Evidently: `entityIdKey` and `valueKey` are paths, with dots, into its events. An exposure
    counts once, for all metrics, also where `trackExposures` says that Evidently was not told of it for this one."""

    entity_id_key: str
    value_key: str
    track_exposures: bool = True


class Metric(MetricPart, frozen=True, forbid_unknown_fields=False):
    """A metric of the gateway's own; the path `valueKey` is `eventValue` or begins with `properties.`"""

    entity_id_key: str = ""
    value_key: str = ""


class Condition(Part, frozen=True):
    """Of a field of the context; whoever has no such field is not meant."""

    field: FieldName
    operator: OperatorName
    value: Value


class Schedule(Part, frozen=True):
    """When an experiment runs: without a start from now on, without an end until it is taken out."""

    start: Time | None = None
    end: Time | None = None


class RampStep(Part, frozen=True, kw_only=True):
    """From then on, this share of the units takes part, or variations have these weights; what it omits stays."""

    at: Time
    traffic: Fraction | None = None
    weights: dict[Label, Weight] | None = None


class Exclusion(Part, frozen=True, kw_only=True):
    """A unit is in one experiment of a `group` at most: each has a range of it, from 0 to 1, and no two overlap."""

    group: Text
    range: tuple[Fraction, ...]


class Confirmation(Part, frozen=True):
    """A unit is exposed once an event tells that it saw its list: one of this type; where none is said, one that names
    the list by `recommendationId` or has an `impression`."""

    event_type: Text | None = None


class ExperimentPart(Part, frozen=True, tag_field="method"):
    """A test between the variations of a recommender, by the name of the feature that shows them. Whoever is in none
    is answered by the first variation. `weights` are the variations' own where none are given, or else equal."""

    description: str = ""
    unit: Literal["user", "session"] = "user"
    seed: Text | None = None
    weights: dict[Label, Weight] | None = None
    traffic: Fraction | None = None
    ramp: tuple[RampStep, ...] = ()
    schedule: Schedule = Schedule()
    audience: tuple[Condition, ...] = ()
    holdout: Fraction = 0
    exclusion: Exclusion | None = None
    overrides: dict[Text, Label] = {}
    include_synthetic: bool = False
    confirmation: Confirmation | None = None


class EvidentlyExperiment(ExperimentPart, frozen=True, tag="evidently", kw_only=True):
    """An experiment as it was written for CloudWatch Evidently, which has ended: the gateway runs it."""

    project: str
    metrics: dict[MetricName, EvidentlyMetric]
    guardrails: dict[MetricName, EvidentlyMetric] = {}


class BuiltinExperiment(ExperimentPart, frozen=True, tag="builtin", kw_only=True):
    """An experiment between variations: each unit is in one of them."""

    metrics: dict[MetricName, Metric]
    guardrails: dict[MetricName, Metric] = {}
    project: str = ""


class InterleavingExperiment(ExperimentPart, frozen=True, tag="interleaving", kw_only=True):
    """All variations' lists drafted into one, each item with its `team`: whose items earn more of the metrics is the
    better variation. There are no `weights`: each has the same part in every list."""

    metrics: dict[MetricName, Metric]
    guardrails: dict[MetricName, Metric] = {}


class BanditExperiment(ExperimentPart, frozen=True, tag="bandit", kw_only=True):
    """Weights that follow what the variations earn, by Thompson sampling: the `reward` is a metric, the first if not
    said. `weights` hold until each variation has had `burnIn` units; from then on they change with every `period`."""

    metrics: dict[MetricName, Metric]
    guardrails: dict[MetricName, Metric] = {}
    project: str = ""
    reward: MetricName | None = None
    period: Window = "1h"
    minimum_weight: Fraction = 0.01
    burn_in: Count = 100


AnyExperiment = EvidentlyExperiment | BuiltinExperiment | InterleavingExperiment | BanditExperiment


class Cohorts(Part, frozen=True):
    """Users in so many cohorts of like taste: `/cohorts` says whose is which, `/cohort-items` has one list for each."""

    count: Literal[16, 64, 256] = 64


class Recommender(Level, frozen=True):
    """One list on a page: the variations that may answer it, the first being the default."""

    name: str = ""
    description: str = ""
    variations: dict[Label, AnyVariation] = {}
    experiments: dict[Label, AnyExperiment] = {}
    response_post_processor: AnyPostProcessor | None = None
    fallback: tuple[Label, ...] = ()
    cohorts: Cohorts | None = None


class EventTargetPart(Part, frozen=True, tag_field="type"):
    """Where a namespace's events go; all but the engine's trackers get them from a buffer on disk."""

    @property
    def named(self) -> str:
        """What names the target in its namespace, over restarts and in metrics: never a secret."""
        return ""


class EventTracker(EventTargetPart, frozen=True, tag="personalize-event-tracker"):
    """An event tracker: the built-in engine's, or Amazon Personalize's where `origins.personalize` is of type aws."""

    tracking_id: TrackingId

    @property
    def named(self) -> str:
        return self.tracking_id


class StreamPart(EventTargetPart, frozen=True, kw_only=True):
    stream_name: StreamName
    region: Region | None = None
    endpoint_url: Url | None = None
    timeout: Duration = 10

    @property
    def named(self) -> str:
        return self.stream_name


class KinesisStream(StreamPart, frozen=True, tag="kinesis-stream"):
    """A Kinesis data stream: a record a request, the session's id as its partition key."""


class KinesisFirehose(StreamPart, frozen=True, tag="kinesis-firehose"):
    """A Firehose stream: a line of JSON a request."""


class HttpTarget(EventTargetPart, frozen=True, tag="http", kw_only=True):
    """Any service over HTTP: a POST of a record as JSON, or of a list of up to `batchSize`; one that is sent again has
    the same `Idempotency-Key`. In the URL after its host, and in headers, may stand `{namespace}` and, without a
    `batchSize`, `{id}`, `{sessionId}` and `{userId}`."""

    url: Url
    method: Literal["POST"] = "POST"
    headers: dict[HeaderName, str] = {}
    batch_size: BatchSize = 1
    timeout: Duration = 10

    @property
    def named(self) -> str:
        url = urlsplit(self.url)
        digest = f"#{hashlib.sha256(url.query.encode()).hexdigest()[:8]}" if url.query else ""
        return f"{url.netloc.rpartition('@')[2]}{url.path}{digest}"


class RedisStream(EventTargetPart, frozen=True, tag="redis-stream", kw_only=True):
    """A stream of Redis or Valkey, at RECGATE_REDIS_URL where no `url` is given; about `maxLength` entries are kept."""

    stream: Text
    url: RedisUrl | None = None
    max_length: Count | None = None
    timeout: Duration = 10

    @property
    def named(self) -> str:
        return self.stream


class Kafka(EventTargetPart, frozen=True, tag="kafka", kw_only=True):
    """A Kafka topic, the session's id as the key. `properties` are librdkafka's, such as security.protocol."""

    bootstrap_servers: Text
    topic: Topic
    properties: dict[Text, str] = {}
    timeout: Duration = 30

    @property
    def named(self) -> str:
        return self.topic


AnyEventTarget = EventTracker | KinesisStream | KinesisFirehose | HttpTarget | RedisStream | Kafka


class Namespace(Level, frozen=True):
    """One application's recommenders, and where its events go; a share `holdout` of its users is in no experiment."""

    name: str = ""
    description: str = ""
    recommenders: dict[Action, dict[Label, Recommender]] = {}
    event_targets: tuple[AnyEventTarget, ...] = ()
    holdout: Fraction = 0  # of the users, who are in no experiment


# --- the root


class OriginPart(Part, frozen=True, tag_field="type"):
    """Who answers for ARNs of Amazon Personalize."""


class EngineOrigin(OriginPart, frozen=True, tag="engine"):
    """An ARN means the built-in engine's model of that name."""


class AwsOrigin(OriginPart, frozen=True, tag="aws"):
    """An ARN means Amazon Personalize itself, with the credentials of AWS's usual environment variables."""

    timeout: Duration = 2
    retries: Retries = 1
    circuit_breaker: CircuitBreaker = CircuitBreaker()
    region: Region | None = None
    endpoint_url: Url | None = None


class Origins(Part, frozen=True):
    """Who the ARNs of the document mean."""

    personalize: EngineOrigin | AwsOrigin = EngineOrigin()


class AccessKey(Part, frozen=True, kw_only=True):
    """A key that may sign requests; an account sees nothing of another's. With a session token both must be sent."""

    access_key_id: KeyId
    secret_access_key: Secret
    account_id: AccountId
    session_token: Secret | None = None
    expiration: Time | None = None


class Aws(Part, frozen=True):
    """The Personalize wire API. With access keys every request must be signed by one; without, anyone may call."""

    quotas: Literal["open", "aws"] = "open"
    account_id: AccountId = "000000000000"
    region: Region = "us-east-1"
    allow_file_urls: bool = False
    access_keys: tuple[AccessKey, ...] | None = None


class AuthPart(Part, frozen=True, tag_field="type"):
    """How callers of the gateway's own routes prove who they are."""


class NoAuth(AuthPart, frozen=True, tag="none"):
    """Everyone may call."""


class ApiKey(Part, frozen=True, kw_only=True):
    """A key by the SHA-256 of it (`printf %s KEY | sha256sum`); for all namespaces and actions where none is named."""

    name: Text
    sha256: Digest
    namespaces: tuple[Key, ...] | None = None
    actions: tuple[KeyAction, ...] | None = None
    expiration: Time | None = None


class ApiKeyAuth(AuthPart, frozen=True, tag="api_key"):
    """Callers send a key in X-Api-Key. A key added or removed here counts within seconds."""

    keys: tuple[ApiKey, ...]


class OidcAuth(AuthPart, frozen=True, tag="oidc", kw_only=True):
    """Callers send a token of this issuer in Authorization: Bearer."""

    issuer: Url
    audience: str | tuple[str, ...] = ()
    jwks_url: Url | None = None
    algorithms: tuple[Algorithm, ...] = ("RS256", "ES256")
    subject_must_be_user: bool = False
    user_claim: Text = "sub"
    clock_skew: Seconds = 60


AnyAuth = NoAuth | ApiKeyAuth | OidcAuth


class RateLimitsPart(Part, frozen=True):
    """How often one key or token, and one address, may ask; counted in Redis where RECGATE_REDIS_URL names one, else in
    each worker for itself."""

    per_key: Rate | None = None
    per_address: Rate | None = None


class AdminKey(Part, frozen=True, kw_only=True):
    """A key of X-Api-Key by the SHA-256 of it."""

    name: Text
    sha256: Digest
    expiration: Time | None = None


class Admin(Part, frozen=True):
    """Who may purge, reload and see the configuration under /admin; without it there is no such place."""

    keys: tuple[AdminKey, ...]


class CacheSize(Part, frozen=True):
    """How much each worker may keep of answers; counts after a restart."""

    megabytes: Count = 64


class GeoIp(Part, frozen=True):
    """A GeoIP file in MaxMind's format: it tells an address's country, city and time zone."""

    file: Text


class OutboxPart(Part, frozen=True):
    """The buffer on disk between `POST /events` and its targets: beyond `maxBytes` events are answered with 503."""

    max_bytes: Bytes = 1024 * 1024 * 1024


class Root(Level, frozen=True, kw_only=True):
    """The configuration of recgate."""

    namespaces: dict[Key, Namespace]
    version: str = ""
    title: str = ""
    description: str = ""
    origins: Origins = Origins()
    aws: Aws = Aws()
    auth: AnyAuth = NoAuth()
    rate_limits: RateLimitsPart = RateLimitsPart()
    outbox: OutboxPart = OutboxPart()
    admin: Admin | None = None
    cache: CacheSize = CacheSize()
    trusted_proxies: tuple[Network, ...] = LOOPBACK
    geoip: GeoIp | None = None
