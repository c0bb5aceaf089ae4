"""POST /pinpoint/{namespace}/{recommender}: recommendations of the recipients of a message, in the form that Amazon
Pinpoint had them for a recommender model.

Pinpoint asked a Personalize campaign for each endpoint, put the items into the endpoint's definition, and called a
Lambda function, which added texts for the message template. Here one request does both.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

import msgspec
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta

from gateway.answer.many import many
from gateway.answer.reply import Reply
from gateway.ask import Ask
from gateway.caller import Caller
from gateway.errors import Invalid
from gateway.fields import text_of
from gateway.routes.parsing import Id, checked_id, decode, decoded, segments
from gateway.routes.query import query_of
from gateway.routes.recommend import behind_of
from gateway.routes.replies import LARGEST_BODY, NO_STORE, POST, AnyRequest, Front, Sending

FIRST = "pinpoint"
MOST_ENDPOINTS = 100
ITEMS = 5  # of an endpoint where numResults is not said: the most that Pinpoint had
ID_TYPE = "recommendationProviderIdType"
IdType = Literal["PINPOINT_ENDPOINT_ID", "PINPOINT_USER_ID"]
ID_TYPES: tuple[IdType, ...] = get_args(IdType)
PAGES = ("pageSize", "next")

Endpoint = dict[str, Any]  # a definition as Pinpoint has it


class PinpointMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The input of Pinpoint's Lambda function; its other members say which message is sent."""

    endpoints: Annotated[dict[Id, Endpoint], Meta(min_length=1, max_length=MOST_ENDPOINTS)] = msgspec.field(
        name="Endpoints"
    )


class DescribedItem(msgspec.Struct, rename="camel"):
    item_id: str = ""  # a post-processor's items may lack one
    metadata: dict[str, Any] = {}


class DescribedItems(msgspec.Struct, rename="camel"):
    item_list: list[DescribedItem] = []


_items = msgspec.json.Decoder(DescribedItems, float_hook=Decimal)


def pinpoint_route(front: Front) -> HTTPRouteHandler:
    async def answered(request: AnyRequest, caller: Caller) -> Sending:
        place = segments(request, FIRST, 2)
        async with front.bodies.of(request, caller.share, LARGEST_BODY) as body:
            message = decode(body, PinpointMessage, "an object with 'Endpoints'", "ValidationError")
        asks = asks_of(message.endpoints, caller, place, front.gateway.config.query_names)
        await front.limit(caller, len(asks) - 1)  # the first was counted on the way in
        replies = await _replies(front, asks, caller)
        endpoints = {
            name: recommended(endpoint, replies[name].body) if name in replies else endpoint
            for name, endpoint in message.endpoints.items()
        }
        return Sending(msgspec.json.encode(endpoints), headers=(NO_STORE, *behind_of(*replies.values())))

    return front.handler(POST, f"/{FIRST}/{{rest:path}}", FIRST, answered)


async def _replies(front: Front, asks: Mapping[str, Ask], caller: Caller) -> dict[str, Reply]:
    """The answer for each endpoint. Raises the first error: a message goes to all of its recipients, or is tried
    again."""
    gateway = front.gateway
    answers = await many(lambda ask: gateway.answer(ask, caller), [*asks.values()], False, gateway.engine.within_caps)
    replies = {}
    for name, answer in zip(asks, answers, strict=True):
        if isinstance(answer, BaseException):
            raise answer
        replies[name] = answer
    for reply in replies.values():
        gateway.count_shown(reply)
    return replies


def asks_of(
    endpoints: Mapping[str, Endpoint], caller: Caller, place: list[bytes], more: frozenset[str]
) -> dict[str, Ask]:
    """The questions, by endpoint; none for one without a user where users are asked for. Raises `Invalid`."""
    query, parameters = query_of(caller.raw_query, more | {ID_TYPE}), caller.query
    if any(name in parameters for name in PAGES):
        raise Invalid("ValidationError", "a message has no pages: numResults says how many items an endpoint gets")
    id_type = parameters.get(ID_TYPE, ID_TYPES[0])
    if id_type not in ID_TYPES:
        raise Invalid("ValidationError", f"{ID_TYPE} is {' or '.join(ID_TYPES)}, not {id_type[:40]!r}")
    namespace, recommender = place
    asks = {}
    for name, endpoint in endpoints.items():
        user = name if id_type == "PINPOINT_ENDPOINT_ID" else user_of(name, endpoint)
        if user is not None:
            asks[name] = msgspec.structs.replace(
                query.ask,
                namespace=decoded(namespace, "namespace"),
                recommender=decoded(recommender, "recommender"),
                user_id=user,
                num_results=query.ask.num_results if "numResults" in parameters else ITEMS,
                shaped=False,
            )
    return asks


def user_of(name: str, endpoint: Endpoint) -> str | None:
    """The user of an endpoint, None where its definition names none."""
    user = endpoint.get("User")
    user_id = user.get("UserId") if isinstance(user, dict) else None
    if user_id is None:
        return None
    if not isinstance(user_id, str):
        raise Invalid("ValidationError", f"Endpoints.{name}.User.UserId is a text")
    return checked_id(user_id, f"Endpoints.{name}.User.UserId")


def recommended(endpoint: Endpoint, body: bytes) -> Endpoint:
    """The definition with the recommended items, and of each field of their metadata the values in their order."""
    items = _items.decode(body).item_list
    names = dict.fromkeys(name for item in items for name in item.metadata)
    attributes = {name: [attribute_text(item.metadata.get(name)) for item in items] for name in names}
    return {**endpoint, "RecommendationItems": [item.item_id for item in items], "Recommendations": attributes}


def attribute_text(value: Any) -> str:
    """A value as a template prints it; "" for one that the item lacks, so that places in lists stay the items'."""
    if value is None:
        return ""
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else text_of(value)
