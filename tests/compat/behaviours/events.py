"""POST /events: bodies, errors, and what targets are told (specification §1.7, §2.7)."""

from __future__ import annotations

from typing import Any

from tests.compat.table import Row, get, items, post
from tests.compat.world import records

SHOP, STREAMS = "/events/shop", "/events/streams"
VIEW = {"eventType": "view", "itemId": "i1"}


def body(**changes: Any) -> dict[str, Any]:
    return {"sessionId": "s-1", "userId": "u-1", "eventList": [VIEW], **changes}


def event(**changes: Any) -> dict[str, Any]:
    return body(eventList=[{**VIEW, **changes}])


KINESIS: dict[str, Any] = {"target": "PutRecords"}
FIREHOSE: dict[str, Any] = {"target": "PutRecordBatch"}

ROWS: list[Row] = [
    post(
        "1.7",
        SHOP,
        body(),
        says={"content-type": "text/plain", "cache-control": "no-store"},
        body=lambda text: text == "",
    ),
    post("1.7", SHOP, event(eventValue=0.8, impression=["a", "b"], properties="{}")),
    post("1.7", SHOP, event(sentAt=1_700_000_000)),
    post("1.7", SHOP, body(userId=None)),
    post("1.7", SHOP, body(eventList=[VIEW] * 25)),
    post("1.7", SHOP, event(impression="a|b"), 400, "ValidationError"),
    post("1.7", SHOP, event(properties={"a": 1}), 400, "ValidationError"),
    post("1.7", SHOP, event(properties="nope"), 400, "ValidationError"),
    post("1.7", SHOP, event(properties='{"a": "' + "x" * 1024 + '"}'), 400, "ValidationError"),
    post("1.7", SHOP, event(sentAt=1_700_000_000_000), 400, "ValidationError"),
    post("1.7", SHOP, event(eventType=None), 400, "ValidationError"),
    post("1.7", SHOP, event(itemId="i\0"), 400, "ValidationError"),
    post("1.7", SHOP, event(colour="red"), 400, "ValidationError"),
    post("1.7", SHOP, body(trackingId="x"), 400, "ValidationError"),
    post("1.7", SHOP, body(sessionId=None), 400, "ValidationError"),
    post("1.7", STREAMS, body(sessionId=None), 400, "ValidationError"),
    post("1.7", SHOP, body(eventList=[]), 400, "ValidationError"),
    post("1.7", SHOP, body(eventList="x"), 400, "ValidationError"),
    post("1.7", SHOP, {}, 400, "ValidationError"),
    post("1.7", STREAMS, {"sessionId": "s"}, 400, "ValidationError"),
    post("1.7", SHOP, b"", 400, "InvalidJSONRequestPayload"),
    post("1.7", SHOP, b"{", 400, "InvalidJSONRequestPayload"),
    post("1.7", SHOP, [], 400, "InvalidRequestPayload"),
    post("1.8", "/events/nowhere", b"{", 404, "NamespaceNotFound", body=lambda told: told["type"] == "Configuration"),
    post("1.8", "/events/quiet", b"{", 404, "NamespaceEventTargetsNotFound"),
    # an event is seen by the next answer, before its time in the cache has passed
    get("1.7", "/recommend-items/shop/fresh/reader?numResults=40", body=lambda told: "i7" in items(told)),
    post("1.7", SHOP, body(userId="reader", eventList=[{"eventType": "view", "itemId": "i7"}])),
    get("1.7", "/recommend-items/shop/fresh/reader?numResults=40", body=lambda told: "i7" not in items(told)),
    post(
        "2.7",
        STREAMS,
        body(sessionId="partition"),
        asked=lambda asked: (
            asked.json["Records"][-1]["PartitionKey"] == "partition"
            and asked.json["StreamName"] == "clicks"
            and asked.region == "eu-west-1"
        ),
        **KINESIS,
    ),
    post(
        "2.7",
        f"{STREAMS}?page=1",
        body(sessionId="envelope"),
        asked=lambda asked: (
            {"namespace", "path", "headers", "queryStringParameters", "body"} <= set(records(asked)[-1])
            and records(asked)[-1]["queryStringParameters"] == {"page": "1"}
            and records(asked)[-1]["path"] == "/events/streams"
            and records(asked)[-1]["body"]["sessionId"] == "envelope"
        ),
        **KINESIS,
    ),
    post(
        "2.7",
        STREAMS,
        body(sessionId="firehose"),
        asked=lambda asked: (
            asked.json["DeliveryStreamName"] == "lake" and records(asked)[-1]["body"]["sessionId"] == "firehose"
        ),
        **FIREHOSE,
    ),
    post(
        "2.7",
        STREAMS,
        body(sessionId="secrets"),
        headers={"authorization": "Bearer secret", "x-api-key": "secret", "cookie": "a=secret", "accept": "text/html"},
        asked=lambda asked: (
            b"secret" not in asked.body.replace(b"secrets", b"")
            and "secret" not in str(records(asked)[-1]["headers"])
            and records(asked)[-1]["headers"]["accept"] == "text/html"
        ),
        **KINESIS,
    ),
    post(
        "2.7",
        STREAMS,
        body(sessionId="clean"),
        asked=lambda asked: "trackingId" not in records(asked)[-1]["body"],
        **FIREHOSE,
    ),
    post(
        "2.7",
        STREAMS,
        body(sessionId="timed"),
        asked=lambda asked: records(asked)[-1]["body"]["eventList"][0]["sentAt"] > 1_700_000_000,
        **KINESIS,
    ),
]
