"""What each kind of origin is asked, and item metadata (specification §2.6, §2.8, §9)."""

from __future__ import annotations

from typing import Any

from tests.compat.behaviours.auth import WEB
from tests.compat.table import Fact, Row, get, items, post, query

FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:rules"
ARN = "arn:aws:personalize:eu-west-1:111122223333"


VALUES = {"A": '"x"'}


def aws(path: str, fact: Fact | None = None, status: int = 200, code: str = "", **more: Any) -> Row:
    headers = {**WEB, **more.pop("headers", {})}
    return get("2.6", path, status, code, server="aws", headers=headers, asked=fact, **more)


def told(**members: Any) -> Fact:
    return lambda asked: members.items() <= asked.json.items()


PERSONALIZE: list[Row] = [
    aws(
        "/recommend-items/shop/campaign/u1",
        lambda asked: (
            asked.json
            == {
                "campaignArn": f"{ARN}:campaign/up",
                "userId": "u1",
                "numResults": 25,
                "metadataColumns": {"ITEMS": ["TITLE", "GENRES"]},
            }
            and (asked.method, asked.path, asked.region) == ("POST", "/recommendations", "eu-west-1")
        ),
    ),
    aws("/recommend-items/shop/recommender/u1", told(recommenderArn=f"{ARN}:recommender/picks")),
    aws("/recommend-items/shop/mislabelled/u1", told(recommenderArn=f"{ARN}:recommender/picks")),
    aws("/recommend-items/shop/china/u1", lambda asked: asked.region == "cn-north-1"),
    aws(
        "/recommend-items/shop/china/u1?filter=mine",
        told(filterArn="arn:aws-cn:personalize:cn-north-1:111122223333:filter/mine"),
    ),
    aws("/recommend-items/shop/campaign/u1?filter=mine", told(filterArn=f"{ARN}:filter/mine")),
    aws(f"/recommend-items/shop/campaign/u1{query(filter=f'{ARN}:filter/mine')}", told(filterArn=f"{ARN}:filter/mine")),
    aws(
        f"/recommend-items/shop/campaign/u1{query(filter='mine', filterValues=VALUES)}",
        told(filterValues={"A": '"x"'}),
    ),
    aws("/recommend-items/shop/campaign/u1", told(context={"device": "TV"}), headers={"x-device": "TV"}),
    aws("/recommend-items/shop/campaign/u1?decorateItems=no", lambda asked: "metadataColumns" not in asked.json),
    aws("/recommend-items/shop/plain/u1", lambda asked: "metadataColumns" not in asked.json),
    aws("/related-items/shop/similar/i1", lambda asked: "userId" not in asked.json and asked.json["itemId"] == "i1"),
    aws("/related-items/shop/similar/i1", told(filterArn=f"{ARN}:filter/for-all")),
    aws("/related-items/shop/similar/i1?userId=u1", told(userId="u1", filterArn=f"{ARN}:filter/for-users")),
    aws(
        "/rerank-items/shop/rank/u1/a,b",
        lambda asked: asked.path == "/personalize-ranking" and asked.json["inputList"] == ["a", "b"],
        body=lambda body: items(body) == ["b", "a"],
    ),
    post(
        "2.6",
        "/rerank-items/shop/rank/u1",
        ["a", "b"],
        server="aws",
        headers=WEB,
        asked=told(inputList=["a", "b"], campaignArn=f"{ARN}:campaign/rank"),
    ),
    aws(
        "/recommend-items/shop/decorated/u1",
        body=lambda body: (
            body["itemList"][0]["metadata"] == {"title": "A", "genres": "x|y"} and "metadata" not in body["itemList"][1]
        ),
    ),
    aws("/recommend-items/shop/throttled/u1", status=429, code="ThrottlingException"),
    aws("/recommend-items/shop/missing/u1", status=404, code="ResourceNotFoundException"),
    aws("/recommend-items/shop/refused/u1", status=400, code="InvalidInputException"),
    aws("/recommend-items/shop/broken/u1", status=502, code="UpstreamError"),
    aws("/recommend-items/shop/empty/u1", status=502, code="UpstreamError"),
    aws("/recommend-items/shop/slow/u1", status=504, code="UpstreamTimeout"),
]

OTHERS: list[Row] = [
    get(
        "2.6",
        "/recommend-items/outside/function/u1?numResults=3",
        asked=lambda asked: (
            asked.json
            == {
                "version": "1.0",
                "action": "recommend-items",
                "recommender": {
                    "path": "function",
                    "config": {
                        "description": "told to the function",
                        "variations": {"main": {"type": "lambda", "arn": FUNCTION}},
                    },
                },
                "variation": {"type": "lambda", "arn": FUNCTION},
                "userId": "u1",
                "numResults": 3,
                "context": {"country": "XX"},
            }
            and asked.path.endswith("/invocations")
            and asked.region == "eu-west-1"
        ),
    ),
    get("2.6", "/related-items/outside/function/i1", asked=told(itemId="i1", userId="", numResults=25)),
    get("2.6", "/rerank-items/outside/function/u1/a,b", asked=told(userId="u1", itemList=["a", "b"])),
    get(
        "2.6",
        "/recommend-items/outside/sagemaker/u1",
        asked=lambda asked: asked.path == "/endpoints/endpoint/invocations" and asked.json["userId"] == "u1",
    ),
    get(
        "2.6",
        "/recommend-items/outside/http/u%26n=9?sku=1%262&numResults=3",
        headers={"cloudfront-viewer-country": "DE"},
        asked=lambda asked: asked.query == {"u": "u&n=9", "n": "3", "sku": "1&2", "c": "DE"} and asked.method == "GET",
    ),
    get("2.6", "/recommend-items/outside/http/u1?sku=1", asked=lambda asked: asked.query["n"] == "25"),
    get("2.6", "/related-items/outside/http/a%2F..%2Fb", asked=lambda asked: asked.path == "/page/a%2F..%2Fb"),
    get("2.6", "/rerank-items/outside/http/u1/a,b", asked=lambda asked: asked.query == {"l": "a,b"}),
    get("2.6", "/recommend-items/outside/post/u1", asked=told(userId="u1", action="recommend-items")),
    get(
        "2.6",
        "/recommend-items/outside/processed/u1?numResults=2",
        asked=lambda asked: (
            set(asked.json) == {"version", "action", "recommender", "variation", "userId", "response"}
            and list(asked.json["response"]["itemList"][0]["metadata"]) == ["name"]
        ),
    ),
    get(
        "2.8",
        "/recommend-items/shop/popular/u1",
        body=lambda body: body["itemList"][0]["metadata"]["name"].startswith("Item"),
    ),
    get("9", "/recommend-items/shop/by-arn/u1", body=lambda body: len(items(body)) == 25),
    get("9", "/recommend-items/shop/by-recommender/u1", body=lambda body: len(items(body)) == 25),
    get(
        "9",
        "/recommend-items/shop/fresh/u2?numResults=40",
        body=lambda body: "i0" not in items(body) or len(items(body)) < 40,
    ),
]

ROWS = [*PERSONALIZE, *OTHERS]
