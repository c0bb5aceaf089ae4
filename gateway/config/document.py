"""The configuration document as structs: schema, validator and documentation in one (specification §2.2, §10).

A kind of origin, event target, event source, partner or source of metadata has its struct in its own file:
`gateway/upstreams`, `gateway/targets`, `gateway/sources`, `gateway/intake` and `gateway/metadata`. What all levels
have in common is in `gateway/upstreams/level.py`.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from gateway.ask import Action
from gateway.context.viewer import LOOPBACK
from gateway.document.context import OperatorName
from gateway.document.remote import CircuitBreaker, Origins
from gateway.document.values import (
    AccountId,
    Algorithm,
    AliasName,
    AliasPath,
    AtLeastOne,
    Bytes,
    Count,
    Digest,
    Duration,
    FieldName,
    FlagKey,
    Fraction,
    JmesPath,
    Key,
    KeyAction,
    KeyId,
    Label,
    Line,
    MetricName,
    Network,
    Part,
    Period,
    Rate,
    Region,
    Retries,
    Seconds,
    Secret,
    Text,
    Time,
    Url,
    Value,
    WebOrigin,
    Weight,
    Window,
)
from gateway.intake import IntakePart
from gateway.sources import AnyEventSource
from gateway.targets import AnyEventTarget
from gateway.upstreams import AnyVariation
from gateway.upstreams.level import Level

# ---- who may call, how often, and as whom


class AccessKey(Part, frozen=True, kw_only=True):
    """A key that may sign requests; an account sees nothing of another's. With a session token both must be sent."""

    access_key_id: KeyId
    secret_access_key: Secret
    account_id: AccountId
    session_token: Secret | None = None
    expiration: Time | None = None


class CloudWatch(Part, frozen=True):
    """The metrics of calls of the Personalize wire API, sent to CloudWatch, or to what takes PutMetricData in its place
    at `endpointUrl`: how many calls, errors and milliseconds each campaign, recommender and dataset group had in each
    `period` of seconds. `region` counts instead of each resource's own. Amazon's CloudWatch takes no `namespace` that
    begins with AWS/."""

    namespace: Text = "AWS/Personalize"
    period: Period = 60
    region: Region | None = None
    endpoint_url: Url | None = None


class Aws(Part, frozen=True):
    """The Personalize wire API. With access keys every request must be signed by one. Without, `unsignedCallers` says
    who may make and delete resources: those on this machine (`local`), `anyone` or `none`; so long as nothing is said,
    those on this machine, or with `auth` nobody. Recommendations and events are then for anyone, or with `auth` for the
    same. `firstTrainingDelay`: from a solution's creation to its first automatic training; 3600 if not said, as at
    AWS. `maxAge`: for so long GetRecommendations and GetPersonalizedRanking may give the same list to who asks the
    same, unless something of the user, the items, a filter or the campaign changes; 0: never."""

    quotas: Literal["open", "aws"] = "open"
    account_id: AccountId = "000000000000"
    region: Region = "us-east-1"
    allow_file_urls: bool = False
    first_training_delay: Seconds | None = None
    max_age: Seconds = 60
    access_keys: tuple[AccessKey, ...] | None = None
    unsigned_callers: Literal["none", "local", "anyone"] | None = None
    cloud_watch: CloudWatch | None = None


class AuthPart(Part, frozen=True, tag_field="type"):
    """The proof that callers of the gateway's own routes bring of who they are."""


class NoAuth(AuthPart, frozen=True, tag="none"):
    """Everyone may call."""


class ApiKey(Part, frozen=True, kw_only=True):
    """A key by the SHA-256 of it (`printf %s KEY | sha256sum`); for all namespaces and actions where none is named. One
    that is `publishable` may stand in pages: it is for one namespace, and may also be sent as the user of
    Authorization: Basic, as Bearer, as `apiKey` of the query or of a body of events, and as a key of partners."""

    name: Text
    sha256: Digest
    namespaces: tuple[Key, ...] | None = None
    actions: tuple[KeyAction, ...] | None = None
    publishable: bool = False
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
    each worker for itself. On the AWS wire the key is the access key that has signed."""

    per_key: Rate | None = None
    per_address: Rate | None = None


class CorsPart(Part, frozen=True):
    """Pages of which origins may ask; of all of them where none is listed. With `credentials` those that are listed may
    send cookies and the like, which a proxy in front may ask for. Events may be sent with credentials in any case."""

    origins: tuple[WebOrigin, ...] = ()
    credentials: bool = False


class AdminKey(Part, frozen=True, kw_only=True):
    """A key of X-Api-Key by the SHA-256 of it. `read` looks at everything and changes nothing. With `namespaces` it is
    a tenant's: for these, and for what of the engine their recommenders use."""

    name: Text
    sha256: Digest
    role: Literal["read", "operate"] = "operate"
    namespaces: tuple[Key, ...] | None = None
    expiration: Time | None = None


class Admin(Part, frozen=True):
    """Who may use /admin, and the page that shows it. Without it callers of this machine may; for all others there is
    no such place."""

    keys: tuple[AdminKey, ...]


class Ui(Part, frozen=True):
    """The page at /ui. `prices` is a file in place of the prices of Amazon Personalize that it counts with."""

    enabled: bool = True
    prices: Text | None = None


# ---- tests between variations


class MetricPart(Part, frozen=True, forbid_unknown_fields=False):
    """A metric: what callers report by its name, and events of a type within a `window` after the unit first took part.
    Each counts 1, or what is at the path `valueKey` of the event."""

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
    is answered by the first variation. `weights` are the variations' own where none are given, or else equal. `flag` is
    the key by which clients of flags ask for it, in place of NAMESPACE.RECOMMENDER.FEATURE. `bucketing` says whose SDKs
    find the arms by themselves."""

    description: str = ""
    flag: FlagKey | None = None
    unit: Literal["user", "session"] = "user"
    bucketing: Literal["growthbook", "optimizely"] = "growthbook"
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


# ---- the document itself, its namespaces and their recommenders


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


class Cohorts(Part, frozen=True):
    """Users in so many cohorts of like taste: `/cohorts` says whose is which, `/cohort-items` has one list for each."""

    count: Literal[16, 64, 256] = 64


class AliasPart(Part, frozen=True, kw_only=True):
    """A path that the recommender answers to GET, too, as other software calls it. `query` has what parameters of the
    query string are called there, by our names: `userId`, `itemId` and `itemIds` among them."""

    path: AliasPath
    query: dict[AliasName, Text] = {}


class Recommender(Level, frozen=True):
    """One list on a page: the variations that may answer it, the first being the default. `flag` is a key by which
    clients of flags ask for the variation that answers a user, whichever experiment says so."""

    name: str = ""
    description: str = ""
    flag: FlagKey | None = None
    variations: dict[Label, AnyVariation] = {}
    experiments: dict[Label, AnyExperiment] = {}
    response_post_processor: AnyPostProcessor | None = None
    fallback: tuple[Label, ...] = ()
    cohorts: Cohorts | None = None
    shape: JmesPath | None = None  # over the answer
    aliases: tuple[AliasPart, ...] = ()


class NegativeEventPart(Part, frozen=True, kw_only=True):
    """A type of events that say what their user does not want; a later event on the item of a type in `undoneBy` takes
    it back."""

    event_type: Text
    undone_by: tuple[Text, ...] = ()


class Examples(Part, frozen=True):
    """A user and items that /docs fills its forms with. They are public, as /openapi.json is."""

    user_id: Text | None = None
    item_ids: tuple[Text, ...] = ()


class Namespace(Level, frozen=True):
    """One application's recommenders, and where its events go and come from; a share `holdout` of its users is in no
    experiment."""

    name: str = ""
    description: str = ""
    recommenders: dict[Action, dict[Label, Recommender]] = {}
    event_targets: tuple[AnyEventTarget, ...] = ()
    event_sources: tuple[AnyEventSource, ...] = ()
    intake: IntakePart | None = None
    holdout: Fraction = 0  # of the users, who are in no experiment
    negative_events: tuple[Text | NegativeEventPart, ...] | None = None  # []: none
    examples: Examples = Examples()

    @property
    def takes_events(self) -> bool:
        return any(not each.takes_exposures for each in self.event_targets)


class CacheSize(Part, frozen=True):
    """How much each worker may keep of answers; counts after a restart."""

    megabytes: Count = 64


class BodiesSize(Part, frozen=True):
    """How much each worker holds of request bodies at once; of what is more, whoever sends most is refused with 503."""

    megabytes: Count = 64


class CompressionPart(Part, frozen=True):
    """Answers of `minBytes` or more go out compressed to callers that accept it: by Zstandard, else by gzip (by gzip
    alone where Python has no Zstandard). Smaller ones fit one network packet with their head. Switch it off where one
    body has a secret and text of its request, and browsers are admitted by a cookie: its length would tell of the
    secret (BREACH)."""

    enabled: bool = True
    min_bytes: Count = 860


class GeoIp(Part, frozen=True):
    """A GeoIP file in MaxMind's format: it tells an address's country, city and time zone."""

    file: Text


class OutboxPart(Part, frozen=True):
    """The buffer on disk between `POST /events` and its targets: beyond `maxBytes` events are answered with 503."""

    max_bytes: Bytes = 1024 * 1024 * 1024


class Root(Level, frozen=True, kw_only=True):
    """The configuration of recgate."""

    namespaces: dict[Key, Namespace]
    version: Line = ""
    title: str = ""
    description: str = ""
    origins: Origins = Origins()
    aws: Aws = Aws()
    auth: AnyAuth = NoAuth()
    rate_limits: RateLimitsPart = RateLimitsPart()
    cors: CorsPart = CorsPart()
    outbox: OutboxPart = OutboxPart()
    admin: Admin | None = None
    ui: Ui = Ui()
    cache: CacheSize = CacheSize()
    bodies: BodiesSize = BodiesSize()
    compression: CompressionPart = CompressionPart()
    trusted_proxies: tuple[Network, ...] = LOOPBACK
    geoip: GeoIp | None = None
