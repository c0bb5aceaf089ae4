"""Schemas of the OpenAPI document that configurations share: questions, lists, events and explanations."""

from __future__ import annotations

from typing import get_args

from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType

from engine import MOST_RESULTS, Cause
from gateway.routes.openapi_terms import ANY, FLAG, INTEGER, NUMBER, TEXT, array, record

TITLES = {"recommend-items": "Recommend Items", "related-items": "Related Items", "rerank-items": "Rerank Items"}
COUNT = Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=MOST_RESULTS, default=25)
ATTRIBUTION = record({"eventAttributionSource": TEXT})
EVENT = record(
    {
        **dict.fromkeys(("eventType", "eventId", "itemId", "properties", "recommendationId"), TEXT),
        **dict.fromkeys(("sentAt", "eventValue"), NUMBER),
        "impression": array(TEXT, max_items=25),
        "metricAttribution": ATTRIBUTION,
    },
    "eventType",
)
EVENTS_EXAMPLE = {
    "sessionId": "session-1",
    "userId": "user-1",
    "eventList": [{"eventType": "View", "itemId": "item-1"}],
}
EVENTS = record(
    {
        "sessionId": TEXT,
        "userId": TEXT,
        "eventList": array(EVENT, max_items=100),
        "experimentConversions": array(ANY),
        "apiKey": TEXT,
    },
    examples=[EVENTS_EXAMPLE],
)
PROMOTION = record(
    {
        **dict.fromkeys(("name", "filterArn"), TEXT),
        "percentPromotedItems": Schema(type=OpenAPIType.INTEGER, minimum=1, maximum=100),
        "filterValues": ANY,
    },
    *("name", "percentPromotedItems", "filterArn"),
)
ITEM_IDS = array(TEXT, max_items=MOST_RESULTS, examples=[["item-1", "item-2"]])
QUESTION = record(
    {
        "action": Schema(type=OpenAPIType.STRING, enum=list(TITLES), default="recommend-items"),
        **dict.fromkeys(("recommender", "itemId", "filter", "locale", "feature"), TEXT),
        **dict.fromkeys(("itemIds", "exclude", "fields"), array(TEXT)),
        "promotions": array(PROMOTION, max_items=1),
        **dict.fromkeys(("filterValues", "context"), ANY),
        **dict.fromkeys(("decorateItems", "syntheticUser"), FLAG),
        "numResults": COUNT,
    },
    "recommender",
)
QUESTIONS = record(
    {
        "userId": TEXT,
        "history": ITEM_IDS,
        "requests": array(QUESTION, min_items=1, max_items=25),
        "distinct": FLAG,
    },
    "requests",
)
RERANK = record({"itemIds": ITEM_IDS, "history": ITEM_IDS}, "itemIds")
EXPLANATION = record(
    {
        **dict.fromkeys(("itemId", "userId", "source", "model", "because"), TEXT),
        "cause": Schema(type=OpenAPIType.STRING, enum=list(get_args(Cause))),
        **dict.fromkeys(("place", "rank", "rankAfterRules", "rankAfterFilters"), INTEGER),
        **dict.fromkeys(("score", "propensity"), NUMBER),
        **dict.fromkeys(("filters", "history", "lowered", "rules", "caps"), array(ANY)),
        **dict.fromkeys(("exploration", "promotion", "objective"), ANY),
        "unknownHistory": INTEGER,
    },
    *("itemId", "source", "model", "cause", "because"),
)
PIN = record({"rule": TEXT, "place": INTEGER}, "rule", "place")
ITEM = record(
    {
        "itemId": TEXT,
        "score": NUMBER,
        "promotionName": TEXT,
        "pin": PIN,
        "reason": array(TEXT),
        "metadata": ANY,
    },
    "itemId",
)
BESIDE = {  # what a list says beside its items
    **dict.fromkeys(("recommendationId", "variation", "next"), TEXT),
    "short": FLAG,
    "unknownHistory": INTEGER,
    "lacking": array(TEXT),
}
ITEM_LIST = record({"itemList": array(ITEM), **BESIDE}, "itemList")
RANKING = record({"personalizedRanking": array(ITEM), **BESIDE}, "personalizedRanking")
ONE_OF_MANY = record(
    {**dict.fromkeys(("itemList", "personalizedRanking"), array(ITEM)), **BESIDE}
    | dict.fromkeys(("type", "code", "message"), TEXT)
)
MAPPED = Schema(type=OpenAPIType.OBJECT, additional_properties=ANY)  # endpoints by their ids
MESSAGE = record({"Endpoints": MAPPED}, "Endpoints")
ANSWERS = record({"responses": array(ONE_OF_MANY)}, "responses")
COHORT = record({"cohort": TEXT, "count": INTEGER, "model": TEXT}, "cohort", "count", "model")
