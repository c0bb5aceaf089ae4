"""Our additions, and what we do otherwise (specification §9, §10)."""

from __future__ import annotations

import re

from tests.apart import is_apart
from tests.compat.table import Row, get, items, post

POPULAR = "/recommend-items/shop/popular"

FROM_ELSEWHERE = {"x-forwarded-for": "203.0.113.9"}

ROWS: list[Row] = [
    get("10", "/health", body=lambda body: body == {"status": "ok"}),
    get("10", "/ready", body=lambda body: body["status"] == "ready"),
    get(
        "10",
        "/metrics",
        says={"content-type": re.compile("text/plain.*")},
        body=lambda page: "recgate_requests_total" in page,
    ),
    get(
        "10", "/metrics", body=lambda page: "recgate_cache_lookups_total" in page and "recgate_upstream_seconds" in page
    ),
    get("10", "/docs", says={"content-type": "text/html; charset=utf-8"}),
    get("10", "/docs", body=lambda page: "unpkg.com" not in page),
    get("10", "/admin/configuration", 404, headers=FROM_ELSEWHERE),
    post("10", "/admin/purge", {"namespace": "shop"}, 404, headers=FROM_ELSEWHERE),
    get("10", "/admin/configuration", 404)  # an engine takes a gateway for a proxy, and its callers for strangers
    if is_apart()
    else get("10", "/admin/configuration", body=lambda body: "shop" in body["document"]["namespaces"]),
    Row("10", f"{POPULAR}/u1", method="HEAD", body=lambda text: text == ""),
    get("10", f"{POPULAR}/u1", says={"x-recgate-variation": "main", "x-recgate-model": re.compile(".+")}),
    get("10", "/recommend-items/shop/falls/u1?numResults=3", says={"x-cache": "fallback", "cache-control": "no-store"}),
    get("10", "/recommend-items/shop/falls/u1?numResults=3", times=3, says={"x-cache": "fallback", "etag": None}),
    get("10", "/recommend-items/shop/falls/u1?numResults=3", body=lambda body: len(items(body)) == 3),
    get("10", "/recommend-items/shop/weighted/u1", body=lambda body: body["variation"] in ("left", "right")),
    get("10", "/explain-items/shop/popular/u1/i2", body=lambda body: body["itemId"] == "i2" and "cause" in body),
    get("9", "/recommend-items/shop/nowhere/u1", 404, body=lambda body: set(body) == {"type", "code", "message"}),
    get("9", f"{POPULAR}/u1", says={"etag": re.compile(r'"[^"]+"')}),
    get("9", f"{POPULAR}/u1?context=%7B", 400, body=lambda body: "details" not in body),
    post(
        "10",
        "/",
        {"maxResults": 1},
        headers={"x-amz-target": "AmazonPersonalize.ListCampaigns", "content-type": "application/x-amz-json-1.1"},
        body=lambda text: "campaigns" in str(text),
    ),
]
