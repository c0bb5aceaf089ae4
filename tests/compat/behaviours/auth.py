"""Who may ask (specification §5, §10)."""

from __future__ import annotations

import re

from tests.compat.table import Row, get, post

WEB = {"x-api-key": "web-key"}
SHOP = {"x-api-key": "shop-key"}
OLD = {"x-api-key": "old-key"}
CAMPAIGN = "/recommend-items/shop/campaign/u1"
POPULAR = "/recommend-items/shop/popular"
CHALLENGE = {"www-authenticate": re.compile("Bearer.*")}


def keys(path: str, status: int = 200, code: str = "", headers: dict[str, str] | None = None) -> Row:
    return get("5", path, status, code, server="aws", headers=headers or {})


def token(claims: str, path: str, status: int = 200, code: str = "", **more: object) -> Row:
    """`claims` names a token of `world.tokens`."""
    return get("5", path, status, code, server="tokens", headers={"authorization": f"Bearer {{{claims}}}"}, **more)


ROWS: list[Row] = [
    get("5", f"{POPULAR}/u1"),
    keys(CAMPAIGN, 401, "MissingApiKey"),
    keys(CAMPAIGN, 401, "InvalidApiKey", {"x-api-key": "wrong"}),
    keys(CAMPAIGN, 401, "InvalidApiKey", OLD),
    keys(CAMPAIGN, headers=WEB),
    keys(CAMPAIGN, headers={"X-API-KEY": "web-key"}),
    keys(CAMPAIGN, headers=SHOP),
    keys("/recommend-items/other/campaign/u1", headers=WEB),
    keys("/recommend-items/other/campaign/u1", 403, "NamespaceNotAllowed", SHOP),
    keys("/related-items/shop/similar/i1", 403, "ActionNotAllowed", SHOP),
    keys("/recommend-items/shop/nowhere/u1", 401, "MissingApiKey"),
    keys("/recommend-items/shop/nowhere/u1", 404, "RecommenderNotConfigured", WEB),
    keys("/health"),
    keys("/metrics"),
    post("5", "/events/shop", b"{", 401, "MissingApiKey", server="aws"),
    post("5", "/events/shop", b"{", 400, "InvalidJSONRequestPayload", server="aws", headers=SHOP),
    Row("5", CAMPAIGN, 204, method="OPTIONS", server="aws"),
    get("5", CAMPAIGN, 401, "MissingApiKey", server="aws", says={"www-authenticate": "ApiKey"}),
    post("10", "/", b"{}", 403, server="aws"),
    get("5", f"{POPULAR}/u1", 401, "MissingToken", server="tokens", says=CHALLENGE),
    get("5", f"{POPULAR}/u1", 401, "InvalidToken", server="tokens", headers={"authorization": "Basic abc"}),
    get("5", f"{POPULAR}/u1", 401, "InvalidToken", server="tokens", headers={"authorization": "Bearer a.b.c"}),
    token("u1", f"{POPULAR}/u1"),
    token("u1", f"{POPULAR}/u2", 403, "SubjectMustBeUser"),
    token("u1", "/related-items/shop/near/i2"),
    token("u1", "/related-items/shop/near/i2?userId=u2", 403, "SubjectMustBeUser"),
    token("expired", f"{POPULAR}/u1", 401, "InvalidToken", says=CHALLENGE),
    token("elsewhere", f"{POPULAR}/u1", 401, "InvalidToken"),
    token("audience", f"{POPULAR}/u1", 401, "InvalidToken"),
    token("forged", f"{POPULAR}/u1", 401, "InvalidToken"),
    token("unsigned", f"{POPULAR}/u1", 401, "InvalidToken"),
    token("u1", "/recommend-items/shop/function/u1", asked=lambda asked: asked.json["context"] == {"plan": "gold"}),
    token(
        "u1", "/recommend-items/shop/function/u1?numResults=3", asked=lambda asked: "Bearer" not in str(asked.headers)
    ),
    post(
        "5",
        "/events/shop",
        {"sessionId": "s", "userId": "u2", "eventList": [{"eventType": "view", "itemId": "i1"}]},
        403,
        "SubjectMustBeUser",
        server="tokens",
        headers={"authorization": "Bearer {u1}"},
    ),
]
