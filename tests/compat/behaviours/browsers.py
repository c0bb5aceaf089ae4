"""CORS and the OpenAPI document (specification §1.9, §1.10)."""

from __future__ import annotations

from typing import Any

from tests.compat.table import Row, get, post

POPULAR = "/recommend-items/shop/popular/u1"
FROM = {"headers": {"Origin": "https://shop.example"}}
ECHO = {"access-control-allow-origin": "https://shop.example"}
HEADERS = "Authorization,Content-Type,X-Amz-Date,X-Amz-Security-Token,X-Api-Key"


def spec(fact: Any, server: str = "main") -> Row:
    return get("1.10", "/openapi.json", body=fact, server=server)


def tags(body: Any) -> set[str]:
    return {tag["name"] for tag in body["tags"]}


ROWS: list[Row] = [
    get("1.9", POPULAR, says={"access-control-allow-origin": None, "access-control-max-age": None}),
    get("1.9", POPULAR, says=ECHO, **FROM),
    get("1.9", POPULAR, says={"access-control-allow-headers": HEADERS, "access-control-max-age": "500"}, **FROM),
    Row(
        "1.9",
        POPULAR,
        204,
        method="OPTIONS",
        says={**ECHO, "access-control-allow-methods": "GET,HEAD,OPTIONS,POST"},
        **FROM,
    ),
    Row("1.9", "/nowhere", 204, method="OPTIONS", says=ECHO, **FROM),
    Row("1.9", "/rerank-items/shop/search/u1", 204, method="OPTIONS", says=ECHO, **FROM),
    Row("1.9", "/events/shop", 204, method="OPTIONS", says=ECHO, **FROM),
    get("1.9", "/recommend-items/shop/nowhere/u1", 404, "RecommenderNotConfigured", says=ECHO, **FROM),
    get("1.9", f"{POPULAR}?numResults=x", 400, "ValidationError", says=ECHO, **FROM),
    post("1.9", "/events/shop", b"{", 400, "InvalidJSONRequestPayload", says=ECHO, **FROM),
    get("1.9", "/nowhere", 404, says=ECHO, **FROM),
    get("1.9", POPULAR, revalidate="{etag}", status=304, says=ECHO, **FROM),
    Row("1.9", POPULAR, method="OPTIONS", status=204, server="aws", says=ECHO, **FROM),
    get("1.9", "/recommend-items/shop/campaign/u1", 401, "MissingApiKey", server="aws", says=ECHO, **FROM),
    spec(lambda body: body["openapi"].startswith("3.")),
    spec(lambda body: body["info"] == {"title": "The Table", "version": "42", "description": "What is documented"}),
    spec(lambda body: "get" in body["paths"]["/recommend-items/shop/popular/{user_id}"]),
    spec(lambda body: "get" in body["paths"]["/related-items/shop/near/{item_id}"]),
    spec(lambda body: "get" in body["paths"]["/rerank-items/shop/search/{user_id}/{item_ids}"]),
    spec(lambda body: "post" in body["paths"]["/rerank-items/shop/search/{user_id}"]),
    spec(lambda body: "/events/shop" in body["paths"] and "/events/quiet" not in body["paths"]),
    spec(lambda body: {"The Shop: Recommend Items", "The Shop: Events", "quiet: Recommend Items"} <= tags(body)),
    spec(lambda body: len(tags(body)) == len(body["tags"])),
    spec(lambda body: "security" not in body),
    spec(
        lambda body: (
            body["security"] == [{"ApiKeyAuth": []}]
            and body["components"]["securitySchemes"]["ApiKeyAuth"]["in"] == "header"
        ),
        "aws",
    ),
    spec(
        lambda body: (
            body["security"] == [{"BearerAuth": []}]
            and body["components"]["securitySchemes"]["BearerAuth"]["scheme"] == "bearer"
        ),
        "tokens",
    ),
    spec(
        lambda body: (
            "personalizedRanking"
            in body["paths"]["/rerank-items/shop/search/{user_id}"]["post"]["responses"]["200"]["content"][
                "application/json"
            ]["schema"]["required"]
        )
    ),
    spec(
        lambda body: (
            "filter"
            in {each["name"] for each in body["paths"]["/rerank-items/shop/search/{user_id}"]["post"]["parameters"]}
        )
    ),
]
