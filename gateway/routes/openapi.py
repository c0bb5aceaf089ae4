"""The OpenAPI document of a configuration: one path a recommender, as callers spell it (specification §1.10)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

from litestar.openapi.spec import (
    Components,
    Info,
    OpenAPI,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
    Server,
    Tag,
)
from litestar.openapi.spec.enums import OpenAPIType

from engine import MOST_RESULTS, Cause
from gateway.config import Config
from gateway.plan.plan import ApiKeys, Namespace, Oidc, Plan
from gateway.routes.openapi_flags import experiment_paths, flag_paths
from gateway.routes.query import NAMES

Responses = dict[str, OpenAPIResponse | Reference]

TITLES = {"recommend-items": "Recommend Items", "related-items": "Related Items", "rerank-items": "Rerank Items"}
TEXT = Schema(type=OpenAPIType.STRING)
COUNT = Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MOST_RESULTS, default=25)
ANY = Schema(type=OpenAPIType.OBJECT)
FLAG = Schema(type=OpenAPIType.BOOLEAN)
EVENT = Schema(
    type=OpenAPIType.OBJECT,
    required=["eventType"],
    properties={
        **dict.fromkeys(("eventType", "eventId", "itemId", "properties", "recommendationId"), TEXT),
        **dict.fromkeys(("sentAt", "eventValue"), Schema(type=OpenAPIType.NUMBER)),
        "impression": Schema(type=OpenAPIType.ARRAY, items=TEXT, max_items=25),
        "metricAttribution": Schema(type=OpenAPIType.OBJECT, properties={"eventAttributionSource": TEXT}),
    },
)
PROMOTION = Schema(
    type=OpenAPIType.OBJECT,
    required=["name", "percentPromotedItems", "filterArn"],
    properties={
        **dict.fromkeys(("name", "filterArn"), TEXT),
        "percentPromotedItems": Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=100),
        "filterValues": ANY,
    },
)
PAGES = ("pageSize", "next")
OF_ONE_USER = ("context", "syntheticUser", "feature", "sessionId")  # parameters that a cohort's list has not


def described(config: Config) -> dict[str, Any]:
    paths = dict(path for namespace in config.namespaces.values() for path in _paths(namespace))
    if config.flags:
        paths |= flag_paths(_refusals())
        paths |= experiment_paths(_refusals())
    tags = sorted({tag for path in paths.values() for operation in _operations(path) for tag in operation.tags or ()})
    document = OpenAPI(
        info=Info(
            title=config.title or "Personalization APIs",
            version=config.version or "0",
            description=config.description or None,
        ),
        servers=[Server(url="/")],
        paths=paths,
        tags=[Tag(name=tag) for tag in tags],
        components=Components(security_schemes=_schemes(config)),
        security=[{name: []} for name in _schemes(config)] or None,
    )
    return document.to_schema()


def _schemes(config: Config) -> dict[str, SecurityScheme | Reference]:
    match config.auth:
        case ApiKeys():
            return {"ApiKeyAuth": SecurityScheme(type="apiKey", name="X-Api-Key", security_scheme_in="header")}
        case Oidc():
            return {"BearerAuth": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        case _:
            return {}


def _operations(path: PathItem) -> list[Operation]:
    return [operation for operation in (path.get, path.post) if operation is not None]


def _paths(namespace: Namespace) -> Iterator[tuple[str, PathItem]]:
    for plan in namespace.plans.values():
        base = f"/{plan.action}/{namespace.key}/{plan.recommender}"
        match plan.action:
            case "recommend-items":
                yield f"{base}/{{user_id}}", PathItem(get=_read(namespace, plan, ["user_id"]))
                place = f"/explain-items/{namespace.key}/{plan.recommender}"
                yield f"{place}/{{user_id}}/{{item_id}}", PathItem(get=_explain(namespace, plan))
                if plan.cohorts is not None:
                    place = f"{namespace.key}/{plan.recommender}"
                    yield f"/cohorts/{place}/{{user_id}}", PathItem(get=_cohort(namespace, plan))
                    yield f"/cohort-items/{place}/{{cohort}}", PathItem(get=_cohort_items(namespace, plan))
            case "related-items":
                yield f"{base}/{{item_id}}", PathItem(get=_read(namespace, plan, ["item_id"]))
            case "rerank-items":
                yield f"{base}/{{user_id}}/{{item_ids}}", PathItem(get=_read(namespace, plan, ["user_id", "item_ids"]))
                yield f"{base}/{{user_id}}", PathItem(post=_rerank(namespace, plan))
    if namespace.plans:
        yield f"/recommend-many/{namespace.key}", PathItem(post=_many(namespace))
    if namespace.event_targets:
        yield f"/events/{namespace.key}", PathItem(post=_events(namespace))


def _read(namespace: Namespace, plan: Plan, ids: list[str]) -> Operation:
    return Operation(
        operation_id=f"{plan.action}.{namespace.key}.{plan.recommender}",
        summary=f"{TITLES[plan.action]}: {plan.recommender}",
        tags=[_tag(namespace, TITLES[plan.action])],
        parameters=[*(_id(name) for name in ids), *_query(plan)],
        responses=_answers(plan),
    )


def _explain(namespace: Namespace, plan: Plan) -> Operation:
    schema = Schema(
        type=OpenAPIType.OBJECT,
        required=["itemId", "source", "model", "cause", "because"],
        properties={
            **dict.fromkeys(("itemId", "userId", "source", "model", "because"), TEXT),
            "cause": Schema(type=OpenAPIType.STRING, enum=list(get_args(Cause))),
            **{name: Schema(type=OpenAPIType.INTEGER) for name in ("place", "rank", "rankAfterFilters")},
            **{name: Schema(type=OpenAPIType.NUMBER) for name in ("score", "propensity")},
            **{name: Schema(type=OpenAPIType.ARRAY, items=ANY) for name in ("filters", "history")},
            **dict.fromkeys(("exploration", "promotion"), ANY),
        },
    )
    content = {"application/json": OpenAPIMediaType(schema=schema)}
    return Operation(
        operation_id=f"explain-items.{namespace.key}.{plan.recommender}",
        summary=f"Explain Items: {plan.recommender}",
        tags=[_tag(namespace, "Explain Items")],
        parameters=[_id("user_id"), _id("item_id"), *(each for each in _query(plan) if each.name not in PAGES)],
        responses={
            "200": OpenAPIResponse(description="Why the item is or is not there.", content=content),
            **_refusals(),
        },
    )


def _cohort(namespace: Namespace, plan: Plan) -> Operation:
    schema = Schema(
        type=OpenAPIType.OBJECT,
        required=["cohort", "count", "model"],
        properties={"cohort": TEXT, "count": Schema(type=OpenAPIType.INTEGER), "model": TEXT},
    )
    content = {"application/json": OpenAPIMediaType(schema=schema)}
    return Operation(
        operation_id=f"cohorts.{namespace.key}.{plan.recommender}",
        summary=f"A user's cohort: {plan.recommender}",
        tags=[_tag(namespace, "Cohorts")],
        parameters=[_id("user_id"), *_choosing(plan)],
        responses={"200": OpenAPIResponse(description="The cohort, as of now.", content=content), **_refusals()},
    )


def _cohort_items(namespace: Namespace, plan: Plan) -> Operation:
    return Operation(
        operation_id=f"cohort-items.{namespace.key}.{plan.recommender}",
        summary=f"A cohort's items: {plan.recommender}",
        tags=[_tag(namespace, "Cohorts")],
        parameters=[_id("cohort"), *(each for each in _query(plan) if each.name not in OF_ONE_USER)],
        responses=_answers(plan),
    )


def _rerank(namespace: Namespace, plan: Plan) -> Operation:
    items = Schema(type=OpenAPIType.ARRAY, items=TEXT, max_items=MOST_RESULTS, examples=[["item-1", "item-2"]])
    return Operation(
        operation_id=f"post.{plan.action}.{namespace.key}.{plan.recommender}",
        summary=f"{TITLES[plan.action]}: {plan.recommender}, for long lists",
        tags=[_tag(namespace, TITLES[plan.action])],
        parameters=[_id("user_id"), *_query(plan)],
        request_body=RequestBody(content={"application/json": OpenAPIMediaType(schema=items)}, required=True),
        responses=_answers(plan),
    )


def _many(namespace: Namespace) -> Operation:
    one = Schema(
        type=OpenAPIType.OBJECT,
        required=["recommender"],
        properties={
            "action": Schema(type=OpenAPIType.STRING, enum=list(TITLES), default="recommend-items"),
            **dict.fromkeys(("recommender", "itemId", "filter", "locale", "feature"), TEXT),
            **dict.fromkeys(("itemIds", "exclude", "fields"), Schema(type=OpenAPIType.ARRAY, items=TEXT)),
            "promotions": Schema(type=OpenAPIType.ARRAY, items=PROMOTION, max_items=1),
            **dict.fromkeys(("filterValues", "context"), ANY),
            **dict.fromkeys(("decorateItems", "syntheticUser"), FLAG),
            "numResults": COUNT,
        },
    )
    lists = Schema(type=OpenAPIType.ARRAY, items=one, min_items=1, max_items=25)
    body = Schema(
        type=OpenAPIType.OBJECT, required=["requests"], properties={"userId": TEXT, "requests": lists, "distinct": FLAG}
    )
    answers = Schema(
        type=OpenAPIType.OBJECT,
        required=["responses"],
        properties={"responses": Schema(type=OpenAPIType.ARRAY, items=ANY)},
    )
    content = {"application/json": OpenAPIMediaType(schema=answers)}
    return Operation(
        operation_id=f"recommend-many.{namespace.key}",
        summary="Several lists at once; with distinct, no item is in two of them",
        tags=[_tag(namespace, "Recommend Items")],
        request_body=RequestBody(content={"application/json": OpenAPIMediaType(schema=body)}, required=True),
        responses={"200": OpenAPIResponse(description="An answer or an error each.", content=content), **_refusals()},
    )


def _events(namespace: Namespace) -> Operation:
    event = {"eventType": "View", "itemId": "item-1"}
    body = Schema(
        type=OpenAPIType.OBJECT,
        properties={
            "sessionId": TEXT,
            "userId": TEXT,
            "eventList": Schema(type=OpenAPIType.ARRAY, items=EVENT, max_items=100),
            "experimentConversions": Schema(type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.OBJECT)),
        },
        examples=[{"sessionId": "session-1", "userId": "user-1", "eventList": [event]}],
    )
    return Operation(
        operation_id=f"events.{namespace.key}",
        summary="Record events",
        tags=[_tag(namespace, "Events")],
        request_body=RequestBody(content={"application/json": OpenAPIMediaType(schema=body)}, required=True),
        responses={"200": OpenAPIResponse(description="Every event is durable."), **_refusals()},
    )


def _tag(namespace: Namespace, title: str) -> str:
    return f"{namespace.name or namespace.key}: {title}"


def _id(name: str) -> Parameter:
    about = "Separated by commas; a comma inside an id is %2C." if name == "item_ids" else None
    return Parameter(name=name, param_in="path", required=True, schema=TEXT, description=about)


def _query(plan: Plan) -> list[Parameter]:
    """The parameters of specification §1.2 that apply to the action."""
    rerank, related = plan.action == "rerank-items", plan.action == "related-items"
    return [
        *([_parameter("userId", TEXT, "Makes it a question for this user.")] if related else []),
        *([] if rerank else _list_parameters()),
        _parameter("filter", TEXT, "A filter's name or ARN; instead of the configured ones."),
        _parameter("filterValues", TEXT, "The filter's values: a JSON object of strings."),
        _parameter("context", TEXT, "A JSON object of strings; wins over automatic context."),
        _parameter("exclude", TEXT, "Items not to show, separated by commas; the list is filled up from below."),
        _parameter("fields", TEXT, "Which fields of metadata, separated by commas; all if not said."),
        _parameter("locale", TEXT, "The language of metadata, such as de-AT, where it has several."),
        _parameter("decorateItems", FLAG, "Whether items carry metadata."),
        _parameter("syntheticUser", FLAG, "Whether the user stands for many."),
        *_choosing(plan),
        *(
            _parameter(name, TEXT, "Read by the configuration's rules, or passed on to the origin.")
            for name in _more(plan)
        ),
    ]


def _choosing(plan: Plan) -> list[Parameter]:
    """The parameters that choose the variation, beside the user."""
    feature = _parameter("feature", TEXT, "The experiment that counts, where the recommender has several.")
    session = _parameter("sessionId", TEXT, "The unit of experiments between sessions.")
    return [feature, session] if plan.experiments else [feature]


def _more(plan: Plan) -> list[str]:
    """Names that this recommender's configuration reads besides."""
    fields = [field for each in plan.variations for field in each.fields]
    fields += [field for each in plan.experiments.values() for field in each.fields]
    passed_on = (each.parameters for each in plan.variations)
    return sorted(frozenset[str]().union(*passed_on, *(field.queries for field in fields)) - frozenset(NAMES))


def _list_parameters() -> list[Parameter]:
    return [
        _parameter("numResults", COUNT, "How many items."),
        _parameter("pageSize", COUNT, "Shows the list of numResults items (100 if not said) in pages of so many."),
        _parameter("next", TEXT, "The `next` of the page before; no page shows an item twice."),
        _parameter("promotions", TEXT, "A JSON list of one promotion at most, in place of the configured one."),
    ]


def _parameter(name: str, schema: Schema, description: str) -> Parameter:
    return Parameter(name=name, param_in="query", schema=schema, description=description)


def _answers(plan: Plan) -> Responses:
    item = Schema(
        type=OpenAPIType.OBJECT,
        required=["itemId"],
        properties={
            "itemId": TEXT,
            "score": Schema(type=OpenAPIType.NUMBER),
            "metadata": Schema(type=OpenAPIType.OBJECT),
        },
    )
    key = "personalizedRanking" if plan.action == "rerank-items" else "itemList"
    schema = Schema(
        type=OpenAPIType.OBJECT,
        required=[key],
        properties={
            key: Schema(type=OpenAPIType.ARRAY, items=item),
            "recommendationId": TEXT,
            "variation": TEXT,
            "short": Schema(type=OpenAPIType.BOOLEAN),
            "next": TEXT,
        },
    )
    content = {"application/json": OpenAPIMediaType(schema=schema)}
    return {"200": OpenAPIResponse(description="Items, the best first.", content=content), **_refusals()}


def _refusals() -> Responses:
    triple = Schema(
        type=OpenAPIType.OBJECT,
        required=["type", "code", "message"],
        properties={"type": TEXT, "code": TEXT, "message": TEXT},
    )
    content = {"application/json": OpenAPIMediaType(schema=triple)}
    return {
        "400": OpenAPIResponse(description="The request breaks a rule, which the message names.", content=content),
        "401": OpenAPIResponse(description="Who calls is not known, where that is asked.", content=content),
        "403": OpenAPIResponse(description="Who calls may not do this.", content=content),
        "404": OpenAPIResponse(description="Nothing is configured or deployed by this name.", content=content),
        "429": OpenAPIResponse(description="Asked too often; Retry-After says when again.", content=content),
    }
