"""The OpenAPI document of a configuration: one path a recommender, as callers spell it (specification §1.10)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from litestar.openapi.spec import (
    Components,
    Info,
    OpenAPI,
    Operation,
    Parameter,
    PathItem,
    Reference,
    Schema,
    SecurityScheme,
    Server,
    Tag,
)
from litestar.openapi.spec.enums import OpenAPIType

from engine import MOST_RESULTS
from gateway.config import Config
from gateway.plan.plan import ApiKeys, Namespace, Oidc, Plan
from gateway.routes.openapi_admin import with_admin
from gateway.routes.openapi_examples import with_examples
from gateway.routes.openapi_flags import amplitude_paths, datafile_paths, experiment_paths, flag_paths
from gateway.routes.openapi_groups import grouped, operation_paths
from gateway.routes.openapi_schemas import (
    ANSWERS,
    COHORT,
    COUNT,
    EVENTS,
    EXPLANATION,
    ITEM_IDS,
    ITEM_LIST,
    MAPPED,
    MESSAGE,
    QUESTIONS,
    RANKING,
    RERANK,
    TITLES,
)
from gateway.routes.openapi_terms import (
    FLAG,
    REFUSALS,
    TEXT,
    Responses,
    operation,
    path_parameter,
    query_parameter,
    response,
)
from gateway.routes.pinpoint import ID_TYPES, ITEMS
from gateway.routes.query import NAMES

PAGES = ("pageSize", "next")
ID_TYPE = Schema(type=OpenAPIType.STRING, enum=list(ID_TYPES), default=ID_TYPES[0])
FEW = Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MOST_RESULTS, default=ITEMS)
OF_ONE_USER = ("context", "history", "syntheticUser", "feature", "sessionId")  # parameters that a cohort's list has not


def described(config: Config) -> dict[str, Any]:
    paths = dict(path for namespace in config.namespaces.values() for path in _paths(namespace))
    if config.flags:
        paths |= {**dict(flag_paths()), **dict(experiment_paths())}
    if "optimizely" in config.partners:
        paths |= dict(datafile_paths())
    if "shopify" in config.partners:
        proxied = [config.namespaces[name] for name in config.partners["shopify"].by_namespace]
        paths |= dict(path for namespace in proxied for path in _proxy_paths(namespace))
    if "amplitude" in config.partners:
        paths |= dict(amplitude_paths())
    paths |= dict(operation_paths())
    tags = sorted({tag for path in paths.values() for each in (path.get, path.post) if each for tag in each.tags or ()})
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
    return grouped(with_examples(with_admin(document.to_schema()), config))


def _schemes(config: Config) -> dict[str, SecurityScheme | Reference]:
    match config.auth:
        case ApiKeys():
            return {"ApiKeyAuth": SecurityScheme(type="apiKey", name="X-Api-Key", security_scheme_in="header")}
        case Oidc():
            return {"BearerAuth": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        case _:
            return {}


def _paths(namespace: Namespace) -> Iterator[tuple[str, PathItem]]:
    for plan in namespace.plans.values():
        yield from RecommenderPaths(namespace, plan).paths()
    if namespace.plans:
        yield f"/recommend-many/{namespace.key}", PathItem(post=_many(namespace))
    if namespace.event_targets:
        yield f"/events/{namespace.key}", PathItem(post=_events(namespace))


def _proxy_paths(namespace: Namespace) -> Iterator[tuple[str, PathItem]]:
    """The paths of Shopify's app proxy."""
    for plan in namespace.plans.values():
        base = f"/shopify/proxy/{namespace.key}/{plan.recommender}"
        recommender = RecommenderPaths(namespace, plan)
        if plan.action == "recommend-items":
            yield base, PathItem(get=recommender.proxied())
        elif plan.action == "related-items":
            yield f"{base}/{{item_id}}", PathItem(get=recommender.proxied("item_id"))


@dataclass(frozen=True)
class RecommenderPaths:
    namespace: Namespace
    plan: Plan

    def paths(self) -> Iterator[tuple[str, PathItem]]:
        plan, place = self.plan, f"{self.namespace.key}/{self.plan.recommender}"
        base = f"/{plan.action}/{place}"
        match plan.action:
            case "recommend-items":
                yield f"{base}/{{user_id}}", PathItem(get=self._read("user_id"))
                yield f"/pinpoint/{place}", PathItem(post=self._pinpoint())
                yield f"/explain-items/{place}/{{user_id}}/{{item_id}}", PathItem(get=self._explain())
                if plan.cohorts is not None:
                    yield f"/cohorts/{place}/{{user_id}}", PathItem(get=self._cohort())
                    yield f"/cohort-items/{place}/{{cohort}}", PathItem(get=self._cohort_items())
            case "related-items":
                yield f"{base}/{{item_id}}", PathItem(get=self._read("item_id"))
            case "rerank-items":
                yield f"{base}/{{user_id}}/{{item_ids}}", PathItem(get=self._read("user_id", "item_ids"))
                yield f"{base}/{{user_id}}", PathItem(post=self._rerank())

    def _read(self, *ids: str) -> Operation:
        parameters = [*map(_id, ids), *_query(self.plan)]
        title = TITLES[self.plan.action]
        return self._operation(self.plan.action, title, title, _items(self.plan), parameters)

    def proxied(self, *ids: str) -> Operation:
        signed = ("shop", "logged_in_customer_id", "path_prefix", "timestamp", "signature")
        own = [query_parameter(name, TEXT, "Added and signed by Shopify's app proxy.") for name in signed]
        session = query_parameter("sessionId", TEXT, "The visitor, where nobody is logged in.")
        more = [each for each in _query(self.plan) if each.name not in ("userId", "sessionId")]
        title, parameters = "By Shopify's app proxy", [*map(_id, ids), *own, session, *more]
        return self._operation(f"proxy.{self.plan.action}", "App proxy", title, _items(self.plan), parameters)

    def _pinpoint(self) -> Operation:
        own = [query_parameter("recommendationProviderIdType", ID_TYPE, "Whose the recommendations are.")]
        own.append(query_parameter("numResults", FEW, "How many items of each endpoint."))
        more = [each for each in _query(self.plan) if each.name not in (*PAGES, "numResults")]
        title, answers = "For Pinpoint's endpoints", {"200": response("The endpoints, with items.", MAPPED), **REFUSALS}
        name, summary = f"pinpoint.{self.namespace.key}.{self.plan.recommender}", f"{title}: {self.plan.recommender}"
        return operation(name, summary, _tag(self.namespace, "Recommend Items"), answers, [*own, *more], MESSAGE)

    def _explain(self) -> Operation:
        parameters = [_id("user_id"), _id("item_id"), *(each for each in _query(self.plan) if each.name not in PAGES)]
        answers = {"200": response("Why the item is or is not there.", EXPLANATION), **REFUSALS}
        return self._operation("explain-items", "Explain Items", "Explain Items", answers, parameters)

    def _cohort(self) -> Operation:
        parameters = [_id("user_id"), *_choosing(self.plan)]
        answers = {"200": response("The cohort, as of now.", COHORT), **REFUSALS}
        return self._operation("cohorts", "Cohorts", "A user's cohort", answers, parameters)

    def _cohort_items(self) -> Operation:
        parameters = [_id("cohort"), *(each for each in _query(self.plan) if each.name not in OF_ONE_USER)]
        return self._operation("cohort-items", "Cohorts", "A cohort's items", _items(self.plan), parameters)

    def _rerank(self) -> Operation:
        plan, title = self.plan, TITLES[self.plan.action]
        body = Schema(one_of=[ITEM_IDS, RERANK])
        name = f"post.{plan.action}.{self.namespace.key}.{plan.recommender}"
        summary, tag = f"{title}: {plan.recommender}, for long lists", _tag(self.namespace, title)
        return operation(name, summary, tag, _items(plan), [_id("user_id"), *_query(plan)], body)

    def _operation(
        self, kind: str, tag: str, title: str, responses: Responses, parameters: Sequence[Parameter]
    ) -> Operation:
        name, summary = f"{kind}.{self.namespace.key}.{self.plan.recommender}", f"{title}: {self.plan.recommender}"
        return operation(name, summary, _tag(self.namespace, tag), responses, parameters)


def _many(namespace: Namespace) -> Operation:
    answers = {"200": response("An answer or an error each.", ANSWERS)}
    summary = "Several lists at once; with distinct, no item is in two of them"
    tag = _tag(namespace, "Recommend Items")
    return operation(f"recommend-many.{namespace.key}", summary, tag, {**answers, **REFUSALS}, body=QUESTIONS)


def _events(namespace: Namespace) -> Operation:
    answers = {"200": response("Every event is durable."), **REFUSALS}
    return operation(f"events.{namespace.key}", "Record events", _tag(namespace, "Events"), answers, body=EVENTS)


def _tag(namespace: Namespace, title: str) -> str:
    return f"{namespace.name or namespace.key}: {title}"


def _id(name: str) -> Parameter:
    return path_parameter(name, "Separated by commas; a comma inside an id is %2C." if name == "item_ids" else None)


def _query(plan: Plan) -> list[Parameter]:
    """The parameters of specification §1.2 that apply to the action."""
    rerank, related = plan.action == "rerank-items", plan.action == "related-items"
    return [
        *([query_parameter("userId", TEXT, "Makes it a question for this user.")] if related else []),
        *([] if rerank else _list_parameters()),
        query_parameter("filter", TEXT, "A filter's name or ARN; instead of the configured ones."),
        query_parameter("filterValues", TEXT, "The filter's values: a JSON object of strings."),
        query_parameter("context", TEXT, "A JSON object of strings; wins over automatic context."),
        query_parameter("history", TEXT, "Items chosen, oldest first, separated by commas, after the user's own."),
        query_parameter("exclude", TEXT, "Items not to show, separated by commas; the list is filled up from below."),
        query_parameter("fields", TEXT, "Which fields of metadata, separated by commas; all if not said."),
        query_parameter("locale", TEXT, "The language of metadata, such as de-AT, where it has several."),
        query_parameter("decorateItems", FLAG, "Whether items carry metadata."),
        query_parameter("syntheticUser", FLAG, "Whether the user stands for many."),
        *_choosing(plan),
        *(
            query_parameter(name, TEXT, "Read by the configuration's rules, or passed on to the origin.")
            for name in _more(plan)
        ),
    ]


def _choosing(plan: Plan) -> list[Parameter]:
    """The parameters that choose the variation, beside the user."""
    feature = query_parameter("feature", TEXT, "The experiment that counts, where the recommender has several.")
    session = query_parameter("sessionId", TEXT, "The unit of experiments between sessions.")
    return [feature, session] if plan.experiments else [feature]


def _more(plan: Plan) -> list[str]:
    """Names that this recommender's configuration reads besides."""
    fields = [field for each in plan.variations for field in each.fields]
    fields += [field for each in plan.experiments.values() for field in each.fields]
    passed_on = (each.parameters for each in plan.variations)
    return sorted(frozenset[str]().union(*passed_on, *(field.queries for field in fields)) - frozenset(NAMES))


def _list_parameters() -> list[Parameter]:
    return [
        query_parameter("numResults", COUNT, "How many items."),
        query_parameter("pageSize", COUNT, "Shows the list of numResults items (100 if not said) in pages of so many."),
        query_parameter("next", TEXT, "The `next` of the page before; no page shows an item twice."),
        query_parameter("promotions", TEXT, "A JSON list of one promotion at most, in place of the configured one."),
    ]


def _items(plan: Plan) -> Responses:
    if plan.shape is not None:
        return {"200": response(f"The shape {plan.shape.expression}", Schema()), **REFUSALS}
    body = RANKING if plan.action == "rerank-items" else ITEM_LIST
    return {"200": response("Items, the best first.", body), **REFUSALS}
