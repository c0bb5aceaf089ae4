"""The OpenAPI paths of the protocols that ask for experiments: OFREP, GrowthBook's, Optimizely's and Amplitude's."""

from __future__ import annotations

from collections.abc import Iterator

from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, PathItem, Schema
from litestar.openapi.spec.enums import OpenAPIType

from gateway.routes.openapi_terms import (
    ANY,
    REFUSALS,
    TEXT,
    array,
    operation,
    path_parameter,
    query_parameter,
    record,
    response,
)

OFREP, GROWTHBOOK, OPTIMIZELY, AMPLITUDE = (
    f"Experiments: {name}" for name in ("OFREP", "GrowthBook", "Optimizely", "Amplitude")
)
CONTEXT = record({"targetingKey": TEXT}, "targetingKey", examples=[{"targetingKey": "user-1", "country": "DE"}])
CONTEXT.additional_properties = True  # what else is known of the user
FLAG = record({**dict.fromkeys(("key", "variant", "reason"), TEXT), "value": Schema(), "metadata": ANY})
FLAGS = record({"flags": array(FLAG)}, "flags")
FAILURE = record(dict.fromkeys(("key", "errorCode", "errorDetails"), TEXT), "errorCode")
QUESTION = record({"context": CONTEXT}, "context")
ATTRIBUTES = record(
    {"attributes": ANY, "forcedVariations": ANY, "forcedFeatures": array(Schema())},
    examples=[{"attributes": {"id": "user-1", "country": "DE"}}],
)
AMPLITUDE_USER = record(dict.fromkeys(("user_id", "device_id"), TEXT), examples=[{"user_id": "user-1"}])
PROFILE = record({"userData": ANY}, "userData")
TRACKED = record(dict.fromkeys(("event_name", "properties_json", "context_json"), TEXT), "event_name")


def flag_paths() -> Iterator[tuple[str, PathItem]]:
    evaluate, client_key = "/ofrep/v1/evaluate/flags", path_parameter("client_key")
    failure = response("What is wrong, in the protocol's words.", FAILURE)
    failures = {**REFUSALS, "400": failure, "404": failure}
    title = "The variation of one experiment"
    answers = {**failures, "200": response(f"{title}.", FLAG)}
    one = operation("ofrep.one", title, OFREP, answers, [path_parameter("key")], QUESTION)
    yield f"{evaluate}/{{key}}", PathItem(post=one)
    title = "The variations of all experiments"
    answers = {**failures, "200": response(f"{title}.", FLAGS)}
    yield evaluate, PathItem(post=operation("ofrep.all", title, OFREP, answers, body=QUESTION))
    title = "What providers should know"
    answers = {**REFUSALS, "200": response(f"{title}.", ANY)}
    yield "/ofrep/v1/configuration", PathItem(get=operation("ofrep.configuration", title, OFREP, answers))
    title = "Experiments as features"
    answers = {**REFUSALS, "200": response(f"{title}.", ANY)}
    features = operation("growthbook.features", title, GROWTHBOOK, answers, [client_key])
    yield "/api/features/{client_key}", PathItem(get=features)
    title = "Experiments as features, evaluated here for one user"
    answers = {**REFUSALS, "200": response(f"{title}.", ANY)}
    remote = operation("growthbook.eval", title, GROWTHBOOK, answers, [client_key], ATTRIBUTES)
    yield "/api/eval/{client_key}", PathItem(post=remote)
    stream = {"text/event-stream": OpenAPIMediaType(schema=TEXT)}
    pushed = OpenAPIResponse(description="An event `features` at once and whenever they change.", content=stream)
    answers = {**REFUSALS, "200": pushed}
    sub = operation("growthbook.sub", "Features, as they change", GROWTHBOOK, answers, [client_key])
    yield "/sub/{client_key}", PathItem(get=sub)


def datafile_paths() -> Iterator[tuple[str, PathItem]]:
    """The path of Optimizely's SDKs, where a namespace takes their events."""
    title = "Experiments as a datafile"
    answers = {**REFUSALS, "200": response(f"{title}.", ANY)}
    datafile = operation("optimizely.datafile", title, OPTIMIZELY, answers, [path_parameter("sdk_key")])
    yield "/datafiles/{sdk_key}.json", PathItem(get=datafile)


def amplitude_paths() -> Iterator[tuple[str, PathItem]]:
    """The paths that Amplitude's clients read, where a namespace takes their events."""
    title = "The variants of a user"
    answers = {**REFUSALS, "200": response(f"{title}.", ANY)}
    get = operation("amplitude.variants", title, AMPLITUDE, answers)
    post = operation("amplitude.variants.post", title, AMPLITUDE, answers, body=AMPLITUDE_USER)
    yield "/sdk/v2/vardata", PathItem(get=get, post=post)
    title = "A user's profile, with recommendations"
    answers = {**REFUSALS, "200": response(f"{title}.", PROFILE)}
    parameters = [*map(query_parameter, ("user_id", "device_id", "get_recs", "rec_id", "rec_type"))]
    profile = operation("amplitude.profile", title, AMPLITUDE, answers, parameters)
    yield "/v1/userprofile", PathItem(get=profile)


def experiment_paths() -> Iterator[tuple[str, PathItem]]:
    """The paths of an experiment's verdict and of GrowthBook's tracking plugin."""
    parameters = [
        *map(path_parameter, ("namespace", "recommender", "feature")),
        query_parameter("action"),
        query_parameter("method", Schema(enum=["always", "fixed", "bayesian"])),
        query_parameter("alpha", Schema(type=OpenAPIType.NUMBER, default=0.05)),
    ]
    title = "What an experiment shows till now"
    answers = {**REFUSALS, "200": response(f"{title}.", ANY)}
    verdict = operation("experiments", title, "Experiments", answers, parameters)
    yield "/experiments/{namespace}/{recommender}/{feature}", PathItem(get=verdict)
    title = "Exposures and conversions, as GrowthBook's tracking plugin sends them"
    answers = {**REFUSALS, "200": response("Counted.", ANY)}
    parameters = [query_parameter("client_key")]
    track = operation("growthbook.track", title, GROWTHBOOK, answers, parameters, array(TRACKED))
    yield "/track", PathItem(post=track)
