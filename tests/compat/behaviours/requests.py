"""Paths, parameters, counts, the order of things, and answers (specification §1.1 to §1.6)."""

from __future__ import annotations

import re

from tests.compat.table import Row, get, items, post, query

POPULAR = "/recommend-items/shop/popular"
NEAR = "/related-items/shop/near"
SEARCH = "/rerank-items/shop/search"
OUTSIDE = "/recommend-items/outside/function"
ODD = {"KIND": '"odd"'}
NOT_ALLOWED = {
    "body": lambda body: (body["statusCode"], body["code"]) == (405, "MethodNotAllowed"),
    "says": {"allow": "GET, HEAD, OPTIONS"},
}
NOT_FOUND = {"body": lambda body: (body["statusCode"], body["message"]) == (404, "Not found")}


def undecorated(body: dict[str, list[dict[str, object]]]) -> bool:
    return not any("metadata" in item for item in body["itemList"])


PATHS: list[Row] = [
    get("1.1", f"{POPULAR}/u1", body=lambda body: list(body["itemList"][0])[:1] == ["itemId"]),
    get("1.1", f"{NEAR}/i2", body=lambda body: "itemList" in body and "i2" not in items(body)),
    get("1.1", f"{SEARCH}/u1/i1,i2,i3", body=lambda body: sorted(items(body)) == ["i1", "i2", "i3"]),
    post("1.1", f"{SEARCH}/u1", ["i1", "i2"], body=lambda body: sorted(items(body)) == ["i1", "i2"]),
    post("1.1", "/events/shop", {"sessionId": "s", "eventList": [{"eventType": "view", "itemId": "i1"}]}),
    Row("1.1", f"{POPULAR}/u1", 204, method="OPTIONS"),
    Row("1.1", "/no/such/path", 204, method="OPTIONS"),
    get("1.1", "/", 404, **NOT_FOUND),
    get("1.1", "/recommend-items", 404, **NOT_FOUND),
    get("1.1", f"{POPULAR}/", 404, **NOT_FOUND),
    get("1.1", f"{POPULAR}/u1/", 404, **NOT_FOUND),
    get("1.1", f"{POPULAR}/u1/more", 404, **NOT_FOUND),
    get("1.1", "/Recommend-Items/shop/popular/u1", 404, **NOT_FOUND),
    get("1.1", f"{SEARCH}/u1", 404, **NOT_FOUND),
    # the reference says 404 of a wrong method; ours names the right ones
    Row("1.1", f"{POPULAR}/u1", 405, method="PUT", **NOT_ALLOWED),
    Row("1.1", f"{POPULAR}/u1", 405, method="DELETE", **NOT_ALLOWED),
    post("1.1", f"{POPULAR}/u1", b"", 405, **NOT_ALLOWED),
    get("1.1", "/events/shop", 405, says={"allow": "OPTIONS, POST"}),
    get("1.1", f"{OUTSIDE}/a%20b", asked=lambda asked: asked.json["userId"] == "a b"),
    get("1.1", f"{OUTSIDE}/a%2Fb", asked=lambda asked: asked.json["userId"] == "a/b"),
    get("1.1", f"{OUTSIDE}/a%2520b", asked=lambda asked: asked.json["userId"] == "a%20b"),
    get("1.1", f"{OUTSIDE}/a+b@c", asked=lambda asked: asked.json["userId"] == "a+b@c"),
    get("1.1", f"{OUTSIDE}/%C3%BC%F0%9F%8E%AC", asked=lambda asked: asked.json["userId"] == "ü🎬"),
    get("1.1", f"{POPULAR}/%FF", 400, "ValidationError"),
    get(
        "1.1",
        "/rerank-items/outside/function/u1/a,%20b,a",
        asked=lambda asked: asked.json["itemList"] == ["a", " b", "a"],
    ),
    get(
        "1.1",
        "/rerank-items/outside/function/u1/a%2Cb,c",
        asked=lambda asked: asked.json["itemList"] == ["a,b", "c"],
    ),
    get("1.1", "/recommend-items/shop/popular.v2/u1", says={"x-recgate-variation": "main.1"}),
]

PARAMETERS: list[Row] = [
    get("1.2", f"{NEAR}/i2?userId=u9", says={"cache-control": "private,max-age=15"}),
    get("1.2", "/related-items/outside/function/i2?userId=u9", asked=lambda asked: asked.json["userId"] == "u9"),
    get("1.2", f"{OUTSIDE}/u1?userId=u2", asked=lambda asked: asked.json["userId"] == "u1"),
    get("1.2", f"{POPULAR}/u1?numResults=4", body=lambda body: len(body["itemList"]) == 4),
    get("1.2", f"{POPULAR}/u1", body=lambda body: len(body["itemList"]) == 25),
    get("1.2", f"{SEARCH}/u1/i1,i2,i3?numResults=1", body=lambda body: len(items(body)) == 3),
    get("1.2", f"{POPULAR}/u1?filter=even", body=lambda body: all(int(item[1:]) % 2 == 0 for item in items(body))),
    get(
        "1.2",
        f"{POPULAR}/u1{query(filter='arn:aws-cn:personalize:cn-north-1:999999999999:filter/even')}",
        body=lambda body: all(int(item[1:]) % 2 == 0 for item in items(body)),
    ),
    get(
        "1.2",
        f"{POPULAR}/u1{query(filter='kind', filterValues=ODD)}",
        body=lambda body: body["itemList"] and all(int(item[1:]) % 2 for item in items(body)),
    ),
    get("1.2", f"{POPULAR}/u1{query(filterValues=ODD)}", body=lambda body: len(items(body)) == 25),
    get("1.2", f"{OUTSIDE}/u1{query(context={'a': 'b'})}", asked=lambda asked: asked.json["context"]["a"] == "b"),
    get(
        "1.2",
        f"{OUTSIDE}/u1{query(context={'country': 'mine'})}",
        headers={"cloudfront-viewer-country": "DE"},
        asked=lambda asked: asked.json["context"] == {"country": "mine"},
    ),
    *(
        get("1.2", f"{POPULAR}/u1?decorateItems={value}", body=lambda body: not undecorated(body))
        for value in ("1", "yes", "true", "TRUE", "Yes")
    ),
    *(
        get("1.2", f"{POPULAR}/u1?decorateItems={value}", body=undecorated)
        for value in ("0", "no", "false", "on", "", "t")
    ),
    get("1.2", f"{POPULAR}/lead?syntheticUser=true", says={"cache-control": "public,max-age=240"}),
    get("1.2", f"{POPULAR}/lead?syntheticUser=on", says={"cache-control": "private,max-age=15"}),
    get("1.2", f"{OUTSIDE}/u1?syntheticUser=1", asked=lambda asked: b"synthetic" not in asked.body),
    get("1.2", f"{POPULAR}/u1?feature=none", body=lambda body: "itemList" in body),
    get("1.2", f"{POPULAR}/u1?anything=else&x", body=lambda body: "itemList" in body),
    get("1.2", f"{POPULAR}/{'u' * 257}", 400, "ValidationError"),
    get("1.2", f"{NEAR}/{'i' * 257}", 400, "ValidationError"),
    get("1.2", f"{POPULAR}/{'u' * 256}", body=lambda body: "itemList" in body),
    get("1.2", f"{POPULAR}/u1{query(context={f'k{n}': 'v' for n in range(151)})}", 400, "InvalidContextParameter"),
    get("1.2", f"{POPULAR}/u1{query(filterValues={f'k{n}': 'v' for n in range(26)})}", 400, "InvalidFilterParameter"),
    get("1.2", f"{POPULAR}/u1?numResults=3&exclude=i1,i3", body=lambda body: not {"i1", "i3"} & set(items(body))),
]

COUNTS: list[Row] = [
    get("1.3", f"{POPULAR}/u1?numResults=%2B3", body=lambda body: len(body["itemList"]) == 3),
    *(
        get("1.3", f"{POPULAR}/u1?numResults={value}", 400, "ValidationError")
        for value in ("0", "-1", "501", "2.0", "abc", "", "1e2", "999999999999")
    ),
    get("1.3", f"{POPULAR}/u1?numResults=500", body=lambda body: len(body["itemList"]) == 40),
    get(
        "1.3",
        "/recommend-items/outside/ahead/u1?numResults=4",
        body=lambda body: items(body) == ["o9", "o8", "o7", "o6"],
        asked=lambda asked: len(asked.json["response"]["itemList"]) == 10,
    ),
    get(
        "1.3",
        "/recommend-items/outside/ahead/u1?numResults=6",
        body=lambda body: len(items(body)) == 6 and items(body)[0] == "o11",
    ),
    get(
        "1.3",
        "/recommend-items/outside/ahead/u1?numResults=20",
        body=lambda body: len(items(body)) == 20 and items(body)[0] == "o19",
    ),
    get("1.3", f"{OUTSIDE}/u1?numResults=7", asked=lambda asked: asked.json["numResults"] == 7),
    get("1.3", "/recommend-items/outside/no-list/u1", 502, "UpstreamError"),
]

ORDER: list[Row] = [
    get("1.4", "/recommend-items/shop/nowhere/u1?numResults=abc", 400, "ValidationError"),
    get("1.4", "/recommend-items/nowhere/popular/u1", 404, "RecommenderNotConfigured", headers={"if-none-match": "*"}),
    get("1.4", "/related-items/shop/popular/i1", 404, "RecommenderNotConfigured"),
    get(
        "1.4",
        "/recommend-items/outside/processed/u1?numResults=3",
        asked=lambda asked: all("metadata" in item for item in asked.json["response"]["itemList"]),
        body=lambda body: all("metadata" in item for item in body["itemList"]),
    ),
]

ANSWERS: list[Row] = [
    get("1.5", f"{POPULAR}/u1", says={"content-type": "application/json"}),
    get(
        "1.5",
        f"{POPULAR}/u1?numResults=1",
        body=lambda body: set(body["itemList"][0]) == {"itemId", "metadata"},
    ),
    get("1.5", f"{POPULAR}/u1", body=lambda body: set(body["itemList"][0]["metadata"]) == {"name", "price"}),
    get(
        "1.5",
        "/recommend-items/shop/undecorated/u1",
        body=lambda body: list(body["itemList"][0]["metadata"]) == ["price"],
    ),
    get("1.5", f"{POPULAR}/u1", body=lambda body: "matchedExperiment" not in body),
    get("1.5", f"{POPULAR}/u1", body=lambda body: body["recommendationId"].startswith("RID-")),
    get("1.5", f"{SEARCH}/u1/i1,absent", body=lambda body: set(body) == {"personalizedRanking", "recommendationId"}),
    get(
        "1.5",
        f"{SEARCH}/u1/i1,absent",
        body=lambda body: (
            {"metadata" in item for item in body["personalizedRanking"] if item["itemId"] == "absent"} == {False}
        ),
    ),
    get("1.5", f"{SEARCH}/u1/i1,i2", body=lambda body: "score" in body["personalizedRanking"][0]),
    get("1.5", "/rerank-items/outside/function/u1/a,b,c", body=lambda body: items(body) == ["o0", "o1", "o2"]),
    get("1.6", f"{POPULAR}/u1", says={"x-personalization-config-version": "42"}),
    get("1.6", f"{NEAR}/i2", says={"x-personalization-config-version": "42"}),
    post("1.6", f"{SEARCH}/u1", ["i1"], says={"x-personalization-config-version": "42", "cache-control": "no-store"}),
    post(
        "1.6",
        "/events/shop",
        {"sessionId": "s", "eventList": [{"eventType": "view", "itemId": "i1"}]},
        says={"x-personalization-config-version": "42", "cache-control": "no-store"},
    ),
    get("1.6", f"{POPULAR}/u1", revalidate="{etag}", status=304, says={"x-personalization-config-version": "42"}),
    get("1.6", "/recommend-items/shop/nowhere/u1", 404, says={"x-personalization-config-version": "42"}),
    get("1.6", f"{POPULAR}/u1", says={"vary": re.compile("Origin.*cloudfront-viewer-country.*", re.IGNORECASE)}),
    post(
        "1.7", f"{SEARCH}/u1", b'["a",', 400, "InvalidJSONRequestPayload", body=lambda body: "line 1" in body["message"]
    ),
    post("1.7", f"{SEARCH}/u1", b"", 400, "InvalidJSONRequestPayload"),
    post("1.7", f"{SEARCH}/u1", {"a": 1}, 400, "InvalidRequestPayload"),
    post("1.7", f"{SEARCH}/u1", ["a", 1], 400, "InvalidRequestPayload"),
    post("1.7", f"{SEARCH}/u1", [], 400, "ValidationError"),
    post("1.7", f"{SEARCH}/u1", ["a,b"], body=lambda body: items(body) == ["a,b"]),
    post(
        "1.7",
        f"{SEARCH}/u1?decorateItems=no",
        ["i1"],
        body=lambda body: "metadata" not in body["personalizedRanking"][0],
    ),
    post("1.7", f"{SEARCH}/u1{query(filter='even')}", ["i1", "i2"], body=lambda body: "i2" in items(body)),
]

ROWS = [*PATHS, *PARAMETERS, *COUNTS, *ORDER, *ANSWERS]
