"""Which variation answers, what it says of it, and conversions (specification §4.1, §4.2, §4.4)."""

from __future__ import annotations

import re
from typing import Any

from tests.compat.table import Row, get, post
from tests.compat.world import records

AT, EVENTS = "/recommend-items/tests", "/events/tests"
FIRST = {"says": {"x-recgate-variation": "first"}}
WRONG = "InvalidExperimentFeature"


def told(*conversions: Any, user: str | None = "u1", **more: Any) -> dict[str, Any]:
    return {"sessionId": "s", "userId": user, "experimentConversions": list(conversions), **more}


def one(**members: Any) -> dict[str, Any]:
    return told({"recommender": "one", **members})


def matched(feature: str) -> Any:
    def fact(body: Any) -> bool:
        told = body["matchedExperiment"]
        return (told["type"], told["feature"]) == ("evidently", feature) and "details" in told

    return fact


ROWS: list[Row] = [
    get("4.1", "/recommend-items/shop/empty/u1", 404, "NoVariationsConfigured"),
    get("4.1", "/recommend-items/shop/unweighted/u1", **FIRST, body=lambda body: "matchedExperiment" not in body),
    get("4.1", f"{AT}/one/u1", body=matched("page"), says={"x-recgate-variation": re.compile("first|second")}),
    get("4.1", f"{AT}/one/u1?feature=page", body=matched("page")),
    get("4.1", f"{AT}/one/u1?feature=other", 400, WRONG, body=lambda body: "page" in body["message"]),
    get("4.1", f"{AT}/two/u1", body=matched("page")),
    get("4.1", f"{AT}/two/u1?feature=mail", body=matched("mail")),
    get("4.2", f"{AT}/one/u1", times=2, body=matched("page"), says={"x-cache": re.compile("hit|shared")}),
    get("4.2", f"{AT}/one/u1?syntheticUser=1", **FIRST, body=lambda body: "matchedExperiment" not in body),
    get("4.2", "/related-items/tests/similar/i2", **FIRST, body=lambda body: "matchedExperiment" not in body),
    get("4.2", "/related-items/tests/similar/i2?userId=u1", body=matched("page")),
    get("4.2", f"{AT}/single/u1", body=lambda body: "matchedExperiment" not in body),
    get("4.1", f"{AT}/single/u1?feature=other", **FIRST),
    get("4.1", "/related-items/tests/similar/i2?feature=other", **FIRST),
    get("4.1", "/related-items/tests/similar/i2?feature=other&userId=u1", 400, WRONG),
    get("4.1", f"{AT}/one/u1?feature=other&syntheticUser=1", 400, WRONG),
    get("4.1", f"{AT}/own/u1", says={"x-recgate-variation": "second"}),
    get("4.1", f"{AT}/own/u1", body=lambda body: body["variation"] == "second"),
    post("4.4", EVENTS, one()),
    post("4.4", EVENTS, one(feature="page", metric="ctr", value=24.99)),
    post("4.4", EVENTS, one(value=0)),
    post("4.4", EVENTS, told({"recommender": "two", "feature": "page", "metric": "sales"}, {"recommender": "similar"})),
    post("4.4", EVENTS, told({"recommender": "two", "feature": "mail"})),
    post("4.4", EVENTS, told({"recommender": "own"})),
    post("4.4", EVENTS, {"userId": "u1", "experimentConversions": [{"recommender": "one"}]}),
    post("4.4", EVENTS, told({"recommender": "two"}), 400, WRONG),
    post("4.4", EVENTS, one(feature="other"), 400, WRONG),
    post("4.4", EVENTS, told({"recommender": "two", "feature": "page"}), 400, "InvalidExperimentMetric"),
    post("4.4", EVENTS, one(metric="other"), 400, "InvalidExperimentMetric"),
    post("4.4", EVENTS, told({"recommender": "absent"}), 400, "InvalidRecommender"),
    post("4.4", EVENTS, told({"feature": "page"}), 400, "InvalidExperimentConversions"),
    post("4.4", EVENTS, told("one"), 400, "InvalidExperimentConversions"),
    post("4.4", EVENTS, one(value="many"), 400, "InvalidExperimentConversions"),
    post("4.4", EVENTS, {"userId": "u1", "experimentConversions": {}}, 400, "InvalidExperimentConversions"),
    post("4.4", EVENTS, told({"recommender": "one"}, user=None), 400, "UserIdRequired"),
    post("4.4", "/events/shop", told({"recommender": "popular"}), 400, WRONG),
    post(
        "4.4",
        EVENTS,
        told({"recommender": "one", "value": 7}, sessionId="conversion"),
        asked=lambda asked: records(asked)[-1]["body"]["experimentConversions"] == [{"recommender": "one", "value": 7}],
        target="PutRecords",
    ),
    post(
        "4.4",
        EVENTS,
        told({"recommender": "one"}, {"recommender": "absent"}, eventList=[{"eventType": "view", "itemId": "i9"}]),
        400,
        "InvalidRecommender",
    ),
    get(
        "4.4",
        "/metrics",
        body=lambda page: 'recgate_conversions_total{feature="page",metric="sales"' in page.replace(" ", ""),
    ),
]
