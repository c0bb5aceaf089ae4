"""The OpenAPI document of all public routes, whatever the configuration: typed clients are generated from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from litestar.openapi.spec import Schema

from gateway.config import parse
from gateway.routes.openapi import described
from gateway.routes.openapi_admin import REF
from gateway.routes.openapi_flags import (
    AMPLITUDE_USER,
    ATTRIBUTES,
    CONTEXT,
    FAILURE,
    FLAG,
    FLAGS,
    PROFILE,
    QUESTION as EVALUATION,
    TRACKED,
)
from gateway.routes.openapi_groups import ALIVE, READINESS
from gateway.routes.openapi_schemas import (
    ANSWERS,
    ATTRIBUTION,
    COHORT,
    EVENT,
    EVENTS,
    EXPLANATION,
    ITEM,
    ITEM_LIST,
    MESSAGE,
    ONE_OF_MANY,
    PIN,
    PROMOTION,
    QUESTION,
    QUESTIONS,
    RANKING,
    RERANK,
)

NAMES = {"NAMESPACE": "namespace", "RECOMMENDER": "recommender"}  # a segment of a path, and the parameter it becomes
RECOMMENDER = """RECOMMENDER:
          variations: {a: {type: engine, model: m}, b: {type: engine, model: m}}
          experiments: {feature: {method: builtin, metrics: {clicks: {}}}}"""
EVERY_ROUTE = f"""
title: recgate
version: "1"
description: Recommendations, events, experiments and operation. Amazon Personalize's API has a description of its own.
namespaces:
  NAMESPACE:
    eventTargets: [{{type: personalize-event-tracker, trackingId: tracker}}]
    intake: {{optimizely: {{keys: [key]}}, shopify: {{}}, amplitude: {{keys: [key]}}}}
    recommenders:
      recommend-items:
        {RECOMMENDER}
          cohorts: {{count: 16}}
      related-items:
        {RECOMMENDER}
      rerank-items:
        {RECOMMENDER}
"""
SECURITY = {
    "ApiKeyAuth": {"type": "apiKey", "name": "X-Api-Key", "in": "header"},
    "BearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}
SCHEMAS: dict[str, Schema] = {  # the smaller first: the larger ones name them
    "Pin": PIN,
    "Item": ITEM,
    "ItemList": ITEM_LIST,
    "Ranking": RANKING,
    "ListOrError": ONE_OF_MANY,
    "ListsAndErrors": ANSWERS,
    "Attribution": ATTRIBUTION,
    "EventBody": EVENT,
    "EventsBody": EVENTS,
    "Promotion": PROMOTION,
    "ListRequest": QUESTION,
    "ListRequests": QUESTIONS,
    "PinpointMessage": MESSAGE,
    "RerankRequest": RERANK,
    "Explanation": EXPLANATION,
    "Cohort": COHORT,
    "EvaluationContext": CONTEXT,
    "EvaluationRequest": EVALUATION,
    "FlagEvaluation": FLAG,
    "FlagEvaluations": FLAGS,
    "EvaluationFailure": FAILURE,
    "UserAttributes": ATTRIBUTES,
    "AmplitudeUser": AMPLITUDE_USER,
    "AmplitudeProfile": PROFILE,
    "TrackedEvent": TRACKED,
    "Liveness": ALIVE,
    "Readiness": READINESS,
}
OPERATIONS = {  # the names that typed clients have, by those of one configuration's document
    "recommend-items": "recommendItems",
    "explain-items": "explainItem",
    "cohorts": "getCohort",
    "cohort-items": "recommendToCohort",
    "related-items": "relatedItems",
    "rerank-items": "rerankItems",
    "post.rerank-items": "rerankManyItems",
    "recommend-many": "recommendMany",
    "pinpoint": "recommendToEndpoints",
    "events": "recordEvents",
    "experiments": "getVerdict",
    "ofrep.one": "evaluateFlag",
    "ofrep.all": "evaluateFlags",
    "ofrep.configuration": "getFlagConfiguration",
    "growthbook.features": "getFeatures",
    "growthbook.eval": "evaluateFeatures",
    "growthbook.sub": "streamFeatures",
    "growthbook.track": "trackFeatures",
    "optimizely.datafile": "getDatafile",
    "amplitude.variants": "getVariants",
    "amplitude.variants.post": "evaluateVariants",
    "amplitude.profile": "getProfile",
    "proxy.recommend-items": "recommendItemsByProxy",
    "proxy.related-items": "relatedItemsByProxy",
    "health": "getHealth",
    "ready": "getReadiness",
    "metrics": "getMetrics",
}
CONDITIONAL = ("/recommend-items/", "/related-items/", "/rerank-items/")  # with ETags
OPEN = ("/health", "/ready", "/metrics")  # without a key
IF_NONE_MATCH = {"name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string"}}
NOT_MODIFIED = {"description": "The answer is still the one with the ETag of If-None-Match."}
RETRY_AFTER = {"description": "Seconds until the next attempt.", "schema": {"type": "integer"}}


def public_document() -> dict[str, Any]:
    """The document of a configuration that has every route, with parameters where that has names."""
    document = described(parse(EVERY_ROUTE, "every-route.yaml", {}))
    components = document["components"]
    named = NamedSchemas(components["schemas"])
    paths = {_with_parameters(path): dict(_operations(path, methods)) for path, methods in document["paths"].items()}
    tags = {_without_namespace(tag["name"]): tag for tag in document["tags"]}
    return {
        **{key: each for key, each in document.items() if key != "x-tagGroups"},
        "paths": named.replaced(paths),
        "tags": [{**tag, "name": name} for name, tag in tags.items()],
        "components": {
            "schemas": dict(sorted(named.schemas.items())),
            "securitySchemes": {**components["securitySchemes"], **SECURITY},
        },
        "security": [*({name: []} for name in SECURITY), {}],
    }


def public_text() -> str:
    """The document as `clients/openapi.json` has it."""
    return json.dumps(public_document(), indent=2, ensure_ascii=False) + "\n"


class NamedSchemas:
    """The document's schemas, which operations name in place of repeating them."""

    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self.schemas = dict(schemas)
        refusal = {key: each for key, each in schemas["ErrorView"].items() if key not in ("title", "description")}
        self._names = {_text(refusal): "ErrorView"}
        for name, schema in SCHEMAS.items():
            inner = self.replaced(schema.to_schema())
            self._names[_text(inner)] = name
            self.schemas.setdefault(name, {"title": name, **inner})

    def replaced(self, part: Any) -> Any:
        """The part with references, from the inside out."""
        if isinstance(part, list):
            return [self.replaced(each) for each in part]
        if not isinstance(part, Mapping):
            return part
        inner = {key: self.replaced(each) for key, each in part.items()}
        name = self._names.get(_text(inner))
        return inner if name is None else {"$ref": REF.format(name=name)}


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, sort_keys=True)


def _with_parameters(path: str) -> str:
    return "/".join(f"{{{NAMES[part]}}}" if part in NAMES else part for part in path.split("/"))


def _without_namespace(tag: str) -> str:
    return tag.removeprefix("NAMESPACE: ")


def _without_example(parameter: Mapping[str, Any]) -> dict[str, Any]:
    """The parameter without what only the configuration above has."""
    return {key: each for key, each in parameter.items() if key != "example"}


def _operations(path: str, methods: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    places = [name for segment, name in NAMES.items() if segment in path.split("/")]
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in places]
    for method, operation in methods.items():
        changed = {
            **operation,
            "operationId": _name(operation["operationId"]),
            "summary": operation["summary"].replace(": RECOMMENDER", ""),
            "tags": [_without_namespace(tag) for tag in operation["tags"]],
            "parameters": [*parameters, *map(_without_example, operation.get("parameters", ()))],
        }
        if method == "get" and path.startswith(CONDITIONAL):
            changed["parameters"].append(IF_NONE_MATCH)
            changed["responses"] = {**operation["responses"], "304": NOT_MODIFIED}
        if path in OPEN:
            changed["security"] = []
        elif "429" in operation["responses"]:
            changed["responses"] = _with_overload(changed["responses"])
        yield method, changed


def _name(operation_id: str) -> str:
    """The operation's name in clients; one of /admin has it already."""
    parts = [part for part in operation_id.split(".") if part not in NAMES]
    return OPERATIONS.get(".".join(parts), operation_id)


def _with_overload(responses: Mapping[str, Any]) -> dict[str, Any]:
    """The responses with 503, and Retry-After on what may be asked again."""
    refusal = responses["429"]
    overload = {**refusal, "description": "No capacity or no origin now; Retry-After says when again."}
    again = {"429": refusal, "503": overload}
    return {
        **responses,
        **{status: {**each, "headers": {"Retry-After": RETRY_AFTER}} for status, each in again.items()},
    }
