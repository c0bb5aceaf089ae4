"""The OpenAPI paths of the protocols that experiments are asked for by: OFREP and GrowthBook's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from litestar.openapi.spec import (
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIType

Responses = Mapping[str, OpenAPIResponse | Reference]

TEXT = Schema(type=OpenAPIType.STRING)
ANY = Schema(type=OpenAPIType.OBJECT)
OFREP, GROWTHBOOK = "Experiments: OFREP", "Experiments: GrowthBook"
CONTEXT = Schema(
    type=OpenAPIType.OBJECT,
    properties={"targetingKey": TEXT},
    required=["targetingKey"],
    examples=[{"targetingKey": "user-1", "country": "DE"}],
)
FLAG = Schema(
    type=OpenAPIType.OBJECT,
    properties={**dict.fromkeys(("key", "value", "variant", "reason"), TEXT), "metadata": ANY},
)
FAILURE = Schema(
    type=OpenAPIType.OBJECT,
    properties=dict.fromkeys(("key", "errorCode", "errorDetails"), TEXT),
    required=["errorCode"],
)
LIST = Schema(
    type=OpenAPIType.OBJECT,
    properties={"flags": Schema(type=OpenAPIType.ARRAY, items=FLAG)},
    required=["flags"],
)


def flag_paths(refusals: Responses) -> Iterator[tuple[str, PathItem]]:
    failures = {
        **refusals,
        **dict.fromkeys(("400", "404"), _answer("What is wrong, in the protocol's words.", FAILURE)),
    }
    evaluate, features = "/ofrep/v1/evaluate/flags", _parameter("client_key")
    yield (
        f"{evaluate}/{{key}}",
        PathItem(post=_evaluate("one", "The variation of one experiment", FLAG, failures, [_parameter("key")])),
    )
    yield evaluate, PathItem(post=_evaluate("all", "The variations of all experiments", LIST, failures, []))
    yield (
        "/ofrep/v1/configuration",
        PathItem(get=_read("ofrep.configuration", "What providers should know", OFREP, ANY, refusals, [])),
    )
    yield (
        "/api/features/{client_key}",
        PathItem(get=_read("growthbook.features", "Experiments as features", GROWTHBOOK, ANY, refusals, [features])),
    )
    stream = {"text/event-stream": OpenAPIMediaType(schema=TEXT)}
    pushed = OpenAPIResponse(description="An event `features` at once and whenever they change.", content=stream)
    yield (
        "/sub/{client_key}",
        PathItem(
            get=Operation(
                operation_id="growthbook.sub",
                summary="Features, as they change",
                tags=[GROWTHBOOK],
                parameters=[features],
                responses={**refusals, "200": pushed},
            )
        ),
    )


def experiment_paths(refusals: Responses) -> Iterator[tuple[str, PathItem]]:
    """The paths of an experiment's verdict and of GrowthBook's tracking plugin."""
    place = [_parameter(name) for name in ("namespace", "recommender", "feature")]
    options = [
        Parameter(name="action", param_in="query", required=False, schema=TEXT),
        Parameter(name="method", param_in="query", required=False, schema=Schema(enum=["always", "fixed", "bayesian"])),
        Parameter(name="alpha", param_in="query", required=False, schema=Schema(type=OpenAPIType.NUMBER, default=0.05)),
    ]
    answer = _read("experiments", "What an experiment shows till now", "Experiments", ANY, refusals, [*place, *options])
    yield "/experiments/{namespace}/{recommender}/{feature}", PathItem(get=answer)
    event = Schema(
        type=OpenAPIType.OBJECT,
        properties=dict.fromkeys(("event_name", "properties_json", "context_json"), TEXT),
        required=["event_name"],
    )
    body = Schema(type=OpenAPIType.ARRAY, items=event)
    yield (
        "/track",
        PathItem(
            post=Operation(
                operation_id="growthbook.track",
                summary="Exposures and conversions, as GrowthBook's tracking plugin sends them",
                tags=[GROWTHBOOK],
                parameters=[Parameter(name="client_key", param_in="query", required=False, schema=TEXT)],
                request_body=RequestBody(content={"application/json": OpenAPIMediaType(schema=body)}, required=True),
                responses={**refusals, "200": _answer("Counted.", ANY)},
            )
        ),
    )


def _evaluate(name: str, summary: str, schema: Schema, failures: Responses, ids: list[Parameter]) -> Operation:
    body = Schema(type=OpenAPIType.OBJECT, properties={"context": CONTEXT}, required=["context"])
    return Operation(
        operation_id=f"ofrep.{name}",
        summary=summary,
        tags=[OFREP],
        parameters=[*ids] or None,
        request_body=RequestBody(content={"application/json": OpenAPIMediaType(schema=body)}, required=True),
        responses={**failures, "200": _answer(f"{summary}.", schema)},
    )


def _read(name: str, summary: str, tag: str, schema: Schema, refusals: Responses, ids: list[Parameter]) -> Operation:
    answer = {**refusals, "200": _answer(f"{summary}.", schema)}
    return Operation(operation_id=name, summary=summary, tags=[tag], parameters=[*ids] or None, responses=answer)


def _answer(description: str, schema: Schema) -> OpenAPIResponse:
    return OpenAPIResponse(description=description, content={"application/json": OpenAPIMediaType(schema=schema)})


def _parameter(name: str) -> Parameter:
    return Parameter(name=name, param_in="path", required=True, schema=TEXT)
