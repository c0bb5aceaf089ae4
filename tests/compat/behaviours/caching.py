"""Policies, Cache-Control, entity tags, and what the cache says (specification §3.2 to §3.4, §2.3)."""

from __future__ import annotations

import re

from tests.compat.table import Row, get, post

POPULAR = "/recommend-items/shop/popular"
NEAR = "/related-items/shop/near"
TAG = re.compile(r'"[^"]+"')


def control(path: str, header: str | None, tag: bool = True, section: str = "3.3") -> Row:
    return get(section, path, says={"cache-control": header, "etag": TAG if tag else None})


def related(name: str) -> str:
    return f"/related-items/shop/{name}/i2"


ROWS: list[Row] = [
    control(f"{NEAR}/i2", "public,stale-while-revalidate=60,max-age=1800", section="3.2"),
    control(f"{NEAR}/i2?userId=u5", "private,max-age=15", section="3.2"),
    control(f"{NEAR}/i2?userId=lead&syntheticUser=1", "public,max-age=240", section="3.2"),
    control(f"{NEAR}/i2?syntheticUser=1", "public,stale-while-revalidate=60,max-age=1800", section="3.2"),
    control(f"{POPULAR}/u5", "private,max-age=15", section="3.2"),
    control(f"{POPULAR}/u5?syntheticUser=yes", "public,max-age=240", section="3.2"),
    control("/recommend-items/shop/of-variation/u5", "private,max-age=21", section="3.2"),
    get("3.2", "/recommend-items/shop/popular/u5", server="tokens", status=401, says={"cache-control": "no-store"}),
    control(related("c-private"), "private,max-age=10"),
    control(related("c-missing"), "max-age=10"),
    control(related("c-empty"), "max-age=10"),
    control(related("c-long"), "public,s-maxage=30,stale-while-revalidate=5,max-age=60"),
    control(related("c-given"), "private, max-age=5"),
    control(related("c-store"), "no-store", tag=False),
    control(related("c-nothing"), None, tag=False),
    control(related("c-unreadable"), "no-store", tag=False),
    control("/recommend-items/shop/user-public/u5", "private,max-age=10"),
    # a kind that is not set keeps what is inherited
    control("/recommend-items/shop/one-kind/u5", "private,max-age=15", section="2.3"),
    control("/recommend-items/shop/one-kind/u5?syntheticUser=1", "public,max-age=99", section="2.3"),
    get(
        "3.4",
        f"{POPULAR}/u5",
        304,
        revalidate="{etag}",
        says={"etag": TAG, "cache-control": "private,max-age=15"},
        body=lambda text: text == "",
    ),
    get("3.4", f"{POPULAR}/u5", 304, revalidate="W/{etag}", says={"vary": re.compile(".+")}),
    get("3.4", f"{POPULAR}/u5", 304, revalidate='"other", {etag}'),
    get("3.4", f"{POPULAR}/u5", 304, revalidate="*"),
    get("3.4", f"{POPULAR}/u5", 200, revalidate='"other"'),
    get("3.4", f"{POPULAR}/u5", 200, revalidate="0-9999999999999-99999999"),
    get("3.4", f"{POPULAR}/u5", 200, revalidate="a-b-c"),
    get("3.4", f"{POPULAR}/u5", 200, revalidate='""'),
    get("3.4", f"{POPULAR}/u5", 200, revalidate="no quotes"),
    get("3.4", "/recommend-items/nowhere/popular/u5", 404, headers={"if-none-match": "0-9999999999999-99999999"}),
    get("3.6", f"{POPULAR}/hits", times=2, says={"x-cache": re.compile("hit|shared"), "age": re.compile("[0-9]+")}),
    get("3.6", f"{POPULAR}/hits?numResults=3", times=2, says={"x-cache": re.compile("hit|shared")}),
    get("3.6", f"{POPULAR}/hits?decorateItems=no", times=2, body=lambda body: "metadata" not in body["itemList"][0]),
    get("3.6", f"{POPULAR}/hits", headers={"cloudfront-viewer-country": "FR"}, says={"x-cache": "miss"}),
    get("3.6", related("c-store"), times=2, says={"x-cache": "miss", "age": None}),
    post("3.6", "/rerank-items/shop/search/u5", ["i1"], times=2, says={"x-cache": "miss"}),
]
