"""Origins that speak the real protocols over real sockets, well and badly; fallbacks, breakers, post-processors."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from gateway.config import parse
from tests.gateway.config.documents import faults_of
from tests.gateway.serve.world import Clock, SmallEngine, app_over
from tests.gateway.upstreams.origin import (
    CLOSED,
    CREDENTIALS,
    GARBAGE,
    TRUNCATED,
    Origin,
    Reply,
    hang,
    items,
    small_origin,
)

ARN = "arn:aws:personalize:eu-west-1:111122223333"
FUNCTION = "arn:aws:lambda:eu-west-1:111122223333:function:rules"


@pytest.fixture
def origin() -> Iterator[Origin]:
    with small_origin() as origin:
        yield origin


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


CONFIG = """
version: "7"
ROOT
namespaces:
  shop:
    filters: FILTERS
    cacheControl: CACHE
    autoContext:
      device: {type: string, rules: [{type: header-value, header: x-device}]}
    inferenceItemMetadata: METADATA
    recommenders:
      recommend-items:
        home: {MORE variations: {only: VARIATION}}
        popular:
          cacheControl: {userSpecified: {maxAge: 60, directives: private}}
          variations: {only: {type: engine, model: home}}
        broken: {variations: {only: {type: engine, model: nowhere}}}
      related-items:
        like: {variations: {only: VARIATION}}
      rerank-items:
        order: {variations: {only: VARIATION}}
"""


def config(
    variation: str, *, root: str = "", more: str = "", filters: str = "[]", cache: str = "", meta: str = ""
) -> str:
    text = CONFIG.replace("VARIATION", variation).replace("ROOT", root).replace("MORE", f"{more}," if more else "")
    text = text.replace("CACHE", cache or "{userSpecified: {maxAge: 0, directives: no-store}}")
    return text.replace("FILTERS", filters).replace("METADATA", meta or "null")


class World:
    """A gateway over an origin; `client` asks it."""

    def __init__(self, text: str, folder: Path) -> None:
        self.engine, self.clock = SmallEngine(folder), Clock(time.time())
        self.client = TestClient(app_over(self.engine, self.clock, text))

    def __enter__(self) -> World:
        self.client.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.client.__exit__(*error)

    def get(self, path: str = "/recommend-items/shop/home/u1", **headers: str) -> Any:
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [item["itemId"] for item in body.get("itemList") or body["personalizedRanking"]]


# ---- any recommender over HTTP

TEMPLATE = (
    "/recs/{namespace}/{recommender}?u={userId}&i={itemId}&l={itemIds}&n={numResults}&sku={sku}"
    "&d={context.device}&c={filterValues.COUNTRY}&x={context.absent}&o=%25d%s&h={history}"
)


def http(origin: Origin, path: str = TEMPLATE, more: str = "") -> str:
    return f'{{type: http, url: "{origin.url}{path}", timeout: 1, retries: 0{more}}}'


def test_every_field_of_the_request_reaches_the_url_encoded(origin: Origin, tmp_path: Path) -> None:
    with World(config(http(origin)), tmp_path) as world:
        path = "/recommend-items/shop/home/a%2Fb%3F%26u=x?numResults=2&sku=1%262%20%C3%A9&filterValues=%7B%7D"
        path += "&history=i1,i%2C2&history=i3"
        assert names(world.get(path, x_device="Phone 7")) == ["a", "b"]
    (asked,) = origin.asked
    assert (asked.method, asked.path) == ("GET", "/recs/shop/home")
    assert asked.query == {
        "u": "a/b?&u=x",
        "i": "",
        "l": "",
        "n": "2",
        "sku": "1&2 é",
        "d": "Phone 7",
        "c": "",
        "x": "",
        "o": "%d%s",
        "h": "i1,i,2,i3",
    }


def test_what_the_url_needs_must_be_there(origin: Origin, tmp_path: Path) -> None:
    with World(config(http(origin)), tmp_path) as world:
        answer = world.get()
        assert (answer.status_code, answer.json()["code"]) == (400, "MissingParameter")
        assert "'sku'" in answer.json()["message"]
    assert origin.asked == []


def test_no_query_parameter_takes_a_field_s_place(origin: Origin, tmp_path: Path) -> None:
    with World(config(http(origin, "/?u={userId}")), tmp_path) as world:
        world.get("/recommend-items/shop/home/u1?userId=u2")
    assert origin.asked[0].query == {"u": "u1"}


def test_answers_for_other_query_parameters_are_others(origin: Origin, tmp_path: Path) -> None:
    cache = "{userSpecified: {maxAge: 60, directives: private}}"
    with World(config(http(origin, "/?sku={sku}"), cache=cache), tmp_path) as world:
        home = "/recommend-items/shop/home/u1"
        said = [world.get(f"{home}?{query}").headers["x-cache"] for query in ("sku=1", "sku=2", "sku=1&other=3")]
    assert said == ["miss", "miss", "hit"]


def test_headers_are_templates_too(origin: Origin, tmp_path: Path) -> None:
    more = ', headers: {x-user: "u-{userId}", authorization: "Bearer ${TOKEN:-t}"}'
    with World(config(http(origin, "/", more)), tmp_path) as world:
        world.get("/recommend-items/shop/home/a%0D%0Ax-evil:%201")
    assert origin.asked[0].headers["x-user"] == "u-a%0D%0Ax-evil: 1"
    assert origin.asked[0].headers["authorization"] == "Bearer t"
    assert "x-evil" not in origin.asked[0].headers


def test_a_post_sends_the_payload_of_functions(origin: Origin, tmp_path: Path) -> None:
    filters = '[{expression: "INCLUDE ItemID WHERE Items.A IN ($A)"}]'
    with World(config(http(origin, "/rank", ", method: POST"), filters=filters), tmp_path) as world:
        world.get("/rerank-items/shop/order/u1/i1,i2?filterValues=%7B%22A%22:%22%5C%22x%5C%22%22%7D", x_device="TV")
    (asked,) = origin.asked
    assert (asked.method, asked.headers["content-type"]) == ("POST", "application/json")
    said = asked.json
    assert (said["version"], said["action"], said["userId"], said["itemList"]) == (
        *("1.0", "rerank-items", "u1", ["i1", "i2"]),
    )
    assert said["recommender"]["path"] == "order"
    assert said["context"] == {"device": "TV"}
    assert said["filterValues"] == {"A": '"x"'}
    assert "autoContext" not in json.dumps(said["recommender"]["config"])  # what is inherited is not told


ITEMS = [
    ('{"itemList": [{"itemId": "a"}, {"itemId": 7}]}', None, ["a", "7"]),
    ('{"personalizedRanking": [{"itemId": "a", "extra": 1, "score": null}]}', None, ["a"]),
    ('["a", "b", 3]', None, ["a", "b", "3"]),
    ('[{"itemId": "a"}]', None, ["a"]),
    ('{"data": {"hits": [{"sku": "x", "rank": 0.9}]}}', "data.hits[].{itemId: sku, score: rank}", ["x"]),
    ('{"data": []}', "data", []),
]


@pytest.mark.parametrize(("body", "path", "found"), ITEMS)
def test_where_the_items_are(body: str, path: str | None, found: list[str], origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply(body.encode())]
    more = f", items: '{path}'" if path else ""
    with World(config(http(origin, "/", more)), tmp_path) as world:
        answer = world.get()
        assert [item["itemId"] for item in answer.json()["itemList"]] == found


BAD = {
    "an error inside": (Reply({"error": "no such model"}), 502, "UpstreamError"),
    "no list": (Reply({"itemList": 7}), 502, "UpstreamError"),
    "a list of something else": (Reply({"itemList": [["a"]]}), 502, "UpstreamError"),
    "an item without an id": (Reply({"itemList": [{"score": 1}]}), 502, "UpstreamError"),
    "nothing": (Reply(b""), 502, "UpstreamError"),
    "half of JSON": (Reply(b'{"itemList": ['), 502, "UpstreamError"),
    "deep nesting": (Reply(b"[" * 100_000), 502, "UpstreamError"),
    "too much": (Reply(b'["' + b"a" * 9_000_000 + b'"]'), 502, "UpstreamError"),
    "half an answer": (TRUNCATED, 502, "UpstreamError"),
    "another protocol": (GARBAGE, 502, "UpstreamError"),
    "a closed door": (CLOSED, 502, "UpstreamError"),
    "silence": (hang(3), 504, "UpstreamTimeout"),
    "a drip": (Reply(behave=lambda c: drip(c)), 504, "UpstreamTimeout"),
    "an internal error": (Reply({}, 500), 502, "UpstreamError"),
    "a redirect": (Reply({}, 302, {"location": "http://127.0.0.1:1/"}), 502, "UpstreamError"),
    "no admittance": (Reply({}, 403), 502, "UpstreamError"),
    "too many": (Reply({}, 429), 429, "UpstreamThrottled"),
    "not found": (Reply({}, 404), 404, "UpstreamNotFound"),
    "a bad question": (Reply({}, 422), 400, "UpstreamInvalidInput"),
}


def drip(connection: Any) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n")
    for _ in range(60):
        connection.sendall(b" ")
        time.sleep(0.05)


@pytest.mark.parametrize("bad", BAD)
def test_what_a_bad_origin_comes_to(bad: str, origin: Origin, tmp_path: Path) -> None:
    reply, status, code = BAD[bad]
    origin.replies = [reply]
    with World(config(http(origin, "/")), tmp_path) as world:
        began = time.monotonic()
        answer = world.get(origin="https://shop.example")
        assert (answer.status_code, answer.json()["type"], answer.json()["code"]) == (
            status,
            answer.json()["type"],
            code,
        )
        assert "Traceback" not in answer.text and answer.headers["access-control-allow-origin"]
        assert time.monotonic() - began < 2.5


def test_nobody_there(tmp_path: Path) -> None:
    with World(config("{type: http, url: 'http://127.0.0.1:9/', retries: 0}"), tmp_path) as world:
        assert (world.get().status_code, world.get().json()["code"]) == (502, "UpstreamError")


@pytest.mark.parametrize(("retries", "failures", "status"), [(2, 2, 200), (1, 2, 502), (0, 1, 502)])
def test_a_bounded_number_of_tries(retries: int, failures: int, status: int, origin: Origin, tmp_path: Path) -> None:
    origin.replies = [*([Reply({}, 503)] * failures), items("a")]
    variation = http(origin, "/").replace("retries: 0", f"retries: {retries}")
    with World(config(variation), tmp_path) as world:
        assert world.get().status_code == status
    assert len(origin.asked) == min(retries, failures) + 1


def test_what_would_be_answered_the_same_is_not_tried_again(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply({}, 404)]
    with World(config(http(origin, "/").replace("retries: 0", "retries: 5")), tmp_path) as world:
        assert world.get().status_code == 404
    assert len(origin.asked) == 1


def test_a_broken_origin_is_left_alone_for_a_while(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply({}, 500)]
    more = ", circuitBreaker: {failures: 3, open: 0.4}"
    with World(config(http(origin, "/", more)), tmp_path) as world:
        codes = [world.get().json()["code"] for _ in range(6)]
        assert codes == ["UpstreamError"] * 3 + ["CircuitOpen"] * 3
        assert len(origin.asked) == 3
        origin.replies = [items("a")]
        time.sleep(0.5)
        assert names(world.get()) == names(world.get()) == ["a"]


def test_wrong_questions_break_no_circuit(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply({}, 404)]
    with World(config(http(origin, "/", ", circuitBreaker: {failures: 2}")), tmp_path) as world:
        assert [world.get().status_code for _ in range(6)] == [404] * 6


# ---- Amazon Personalize


def aws(origin: Origin, more: str = "") -> str:
    return f"origins: {{personalize: {{type: aws, endpointUrl: '{origin.url}', retries: 0{more}}}}}"


def campaign(kind: str = "campaign") -> str:
    return f"{{type: personalize-{kind}, arn: '{ARN}:{kind}/books'}}"


PERSONALIZE = [
    (
        "/recommend-items/shop/home/u1?numResults=3",
        "/recommendations",
        {"userId": "u1", "numResults": 3, "campaignArn": f"{ARN}:campaign/books", "context": {"device": "TV"}},
    ),
    (
        "/related-items/shop/like/i1?userId=u2&filter=new&filterValues=%7B%22A%22:%221%22%7D",
        "/recommendations",
        {
            "itemId": "i1",
            "userId": "u2",
            "numResults": 25,
            "campaignArn": f"{ARN}:campaign/books",
            "context": {"device": "TV"},
            "filterArn": f"{ARN}:filter/new",
            "filterValues": {"A": "1"},
        },
    ),
    (
        "/related-items/shop/like/i1",
        "/recommendations",
        {"itemId": "i1", "numResults": 25, "campaignArn": f"{ARN}:campaign/books", "context": {"device": "TV"}},
    ),
    (
        f"/rerank-items/shop/order/u1/i1,i2?filter={ARN}:filter/mine",
        "/personalize-ranking",
        {
            "userId": "u1",
            "inputList": ["i1", "i2"],
            "campaignArn": f"{ARN}:campaign/books",
            "context": {"device": "TV"},
            "filterArn": f"{ARN}:filter/mine",
            "filterValues": {},
        },
    ),
]


@pytest.mark.parametrize(("path", "call", "body"), PERSONALIZE)
def test_calls_of_personalize(path: str, call: str, body: Any, origin: Origin, tmp_path: Path) -> None:
    with World(config(campaign(), root=aws(origin)), tmp_path) as world:
        assert names(world.get(path, x_device="TV")) == ["a", "b", "c"]
    (asked,) = origin.asked
    assert (asked.path, asked.json, asked.region) == (call, body, "eu-west-1")


PROMOTED = f"""promotions: [{{name: own, percentPromotedItems: 30, filterArn: "{ARN}:filter/own",
  filterValues: {{A: "1"}},
  autoDynamicFilterValues: {{B: {{type: string, rules: [{{type: header-value, header: x-device}}]}}}}}}]"""
PROMOTION = {
    "name": "own",
    "percentPromotedItems": 30,
    "filterArn": f"{ARN}:filter/own",
    "filterValues": {"A": "1", "B": '"TV"'},
}


def test_a_promotion_is_passed_on_to_personalize(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply({"itemList": [{"itemId": "a", "promotionName": "own"}, {"itemId": "b"}]})]
    with World(config(campaign(), root=aws(origin), more=PROMOTED), tmp_path) as world:
        first, *_ = world.get(x_device="TV").json()["itemList"]
        world.get('/related-items/shop/like/i1?promotions=[{"name":"p","percentPromotedItems":9,"filterArn":"new"}]')
    assert first["promotionName"] == "own"
    configured, asked = (each.json["promotions"] for each in origin.asked)
    assert configured == [PROMOTION]
    assert asked == [{"name": "p", "percentPromotedItems": 9, "filterArn": f"{ARN}:filter/new", "filterValues": {}}]


def test_a_payload_has_the_promotion(origin: Origin, tmp_path: Path) -> None:
    with World(config(http(origin, "/rank", ", method: POST"), more=PROMOTED), tmp_path) as world:
        world.get(x_device="TV")
        world.get("/related-items/shop/like/i1")
    assert origin.asked[0].json["promotions"] == [PROMOTION] and "promotions" not in origin.asked[1].json


def test_a_payload_has_the_history_and_the_cache_tells_by_it(origin: Origin, tmp_path: Path) -> None:
    cache = "{userSpecified: {maxAge: 60, directives: private}}"
    with World(config(http(origin, "/rank", ", method: POST"), cache=cache), tmp_path) as world:
        queries = ("?history=a,b", "?history=b,a", "?history=a,b", "")
        paths = [f"/recommend-items/shop/home/u1{query}" for query in queries]
        outcomes = [world.get(path).headers["x-cache"] for path in paths]
    assert outcomes == ["miss", "miss", "hit", "miss"]
    assert [asked.json.get("history") for asked in origin.asked] == [["a", "b"], ["b", "a"], None]


def test_personalize_takes_no_history(origin: Origin, tmp_path: Path) -> None:
    with World(config(campaign(), root=aws(origin)), tmp_path) as world:
        answer = world.get("/recommend-items/shop/home/u1?history=a")
    assert (answer.status_code, answer.json()["code"]) == (400, "ValidationError")
    assert answer.json()["message"].startswith("history: Amazon Personalize knows users") and origin.asked == []


def test_a_recommender_is_told_by_its_arn(origin: Origin, tmp_path: Path) -> None:
    variation = f"{{type: personalize-campaign, arn: '{ARN}:recommender/books'}}"
    text = config(variation, root=aws(origin))
    text = text[: text.index("      rerank-items:")]
    with World(text, tmp_path) as world:
        world.get()
    assert origin.asked[0].json["recommenderArn"] == f"{ARN}:recommender/books"


def test_metadata_that_personalize_returns_stays(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply({"itemList": [{"itemId": "a", "metadata": {"title": "A"}, "reason": ["Popular item"]}]})]
    meta = "{type: personalize, itemColumns: [TITLE]}"
    with World(config(campaign(), root=aws(origin), meta=meta), tmp_path) as world:
        (item,) = world.get().json()["itemList"]
        world.get("/recommend-items/shop/home/u1?decorateItems=false")
    assert item == {"itemId": "a", "metadata": {"title": "A"}, "reason": ["Popular item"]}
    assert origin.asked[0].json["metadataColumns"] == {"ITEMS": ["TITLE"]}
    assert "metadataColumns" not in origin.asked[1].json


@pytest.mark.parametrize(
    ("status", "gives", "code"),
    [
        (400, 400, "InvalidInputException"),
        (404, 404, "ResourceNotFoundException"),
        (429, 429, "ThrottlingException"),
        (403, 502, "UpstreamError"),
        (500, 502, "UpstreamError"),
    ],
)
def test_personalize_s_refusals(status: int, gives: int, code: str, origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply({"message": "no"}, status)]
    with World(config(campaign(), root=aws(origin)), tmp_path) as world:
        answer = world.get()
    assert (answer.status_code, answer.json()["type"], answer.json()["code"]) == (gives, "Personalize", code)


def test_users_without_history_share_nothing_of_an_origin_elsewhere(origin: Origin, tmp_path: Path) -> None:
    cache = "{userSpecified: {maxAge: 60, directives: private}}"
    with World(config(campaign(), root=aws(origin), cache=cache), tmp_path) as world:
        said = [world.get(f"/recommend-items/shop/home/{user}").headers["x-cache"] for user in ("u1", "u2", "u1")]
    assert said == ["miss", "miss", "hit"]


def test_an_event_outdates_what_an_origin_elsewhere_said_of_its_user(origin: Origin, tmp_path: Path) -> None:
    cache = "{userSpecified: {maxAge: 60, directives: private}}"
    targets = "eventTargets: [{type: personalize-event-tracker, trackingId: tracker-1}]"
    text = config(campaign(), cache=cache).replace("    recommenders:", f"    {targets}\n    recommenders:", 1)
    text = text.replace(campaign(), http(origin, "/{userId}"))
    with World(text, tmp_path) as world:
        users = ("u1", "u2")
        paths = [f"/recommend-items/shop/home/{user}" for user in users]
        assert [world.get(path).headers["x-cache"] for path in (*paths, *paths)] == ["miss", "miss", "hit", "hit"]
        event = {"eventType": "View", "itemId": "i3"}
        body = {"sessionId": "s", "userId": "u1", "eventList": [event]}
        assert world.client.post("/events/shop", json=body).status_code == 200
        assert [world.get(path).headers["x-cache"] for path in paths] == ["miss", "hit"]


def test_without_credentials(origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "absent"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with World(config(campaign(), root=aws(origin)), tmp_path) as world:
        answer = world.get()
    assert (answer.status_code, answer.json()["code"]) == (502, "NoCredentials")


# ---- functions and endpoints


@pytest.mark.parametrize("kind", ["function", "lambda"])
def test_a_function(kind: str, origin: Origin, tmp_path: Path) -> None:
    variation = f"{{type: {kind}, arn: '{FUNCTION}', endpointUrl: '{origin.url}'}}"
    with World(config(variation), tmp_path) as world:
        assert names(world.get("/related-items/shop/like/i1", x_device="TV")) == ["a", "b", "c"]
    (asked,) = origin.asked
    assert (asked.path, asked.region) == (
        f"/2015-03-31/functions/{FUNCTION.replace(':', '%3A')}/invocations",
        "eu-west-1",
    )
    said = asked.json
    assert said["variation"] == {"type": kind, "arn": FUNCTION, "endpointUrl": origin.url}
    del said["recommender"], said["variation"]
    assert said == {
        "version": "1.0",
        "action": "related-items",
        "itemId": "i1",
        "userId": "",
        "numResults": 25,
        "context": {"device": "TV"},
    }


def test_an_exception_of_a_function_comes_with_status_200(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply({"errorMessage": "boom", "stackTrace": ["x"]}, 200, {"x-amz-function-error": "Unhandled"})]
    variation = f"{{type: function, arn: '{FUNCTION}', endpointUrl: '{origin.url}', retries: 0}}"
    with World(config(variation), tmp_path) as world:
        answer = world.get()
    assert (answer.status_code, answer.json()["type"], answer.json()["code"]) == (
        502,
        "Function",
        "FunctionInvokeError",
    )
    assert "boom" not in answer.text


def test_an_endpoint(origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variation = f"{{type: sagemaker, endpointName: goes-with-v2, region: eu-west-2, endpointUrl: '{origin.url}'}}"
    with World(config(variation), tmp_path) as world:
        assert names(world.get()) == ["a", "b", "c"]
    (asked,) = origin.asked
    assert (asked.path, asked.region) == ("/endpoints/goes-with-v2/invocations", "eu-west-2")
    assert (asked.json["userId"], asked.json["numResults"]) == ("u1", 25)


@pytest.mark.parametrize(
    ("variation", "kind", "code"),
    [
        ("{type: function}", "Function", "FunctionArnNotConfigured"),
        ("{type: lambda}", "Function", "FunctionArnNotConfigured"),
        ("{type: sagemaker}", "SageMaker", "EndpointNameNotConfigured"),
        ("{type: personalize-campaign}", "Personalize", "RecommenderArnNotConfigured"),
    ],
)
def test_a_variation_that_names_nobody_yet(variation: str, kind: str, code: str, tmp_path: Path) -> None:
    with World(config(variation), tmp_path) as world:
        answer = world.get()
    assert (answer.status_code, answer.json()["type"], answer.json()["code"]) == (404, kind, code)


def test_a_function_s_items_are_decorated(origin: Origin, tmp_path: Path) -> None:
    variation = f"{{type: function, arn: '{FUNCTION}', endpointUrl: '{origin.url}'}}"
    with World(config(variation, meta="{type: engine, model: home}"), tmp_path) as world:
        assert world.get().json()["itemList"][0]["metadata"] == {"price": 9.5, "stock": 5}


# ---- fallbacks


def test_the_first_that_can_answers_instead(origin: Origin, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    origin.replies = [Reply({}, 500)]
    cache = "{userSpecified: {maxAge: 60, directives: 'private,stale-if-error=600'}}"
    text = config(http(origin, "/"), more="fallback: [broken, popular]", cache=cache)
    with World(text, tmp_path) as world:
        answers = [world.get() for _ in range(2)]
        assert [names(answer)[:2] for answer in answers] == [["i0", "i1"]] * 2
        for answer in answers:
            assert (answer.headers["x-cache"], answer.headers["cache-control"]) == ("fallback", "no-store")
            assert "etag" not in answer.headers
        assert len(world.engine.asked) == 1  # cached as what it is: an answer of 'popular'
        assert "popular answers instead of home" in caplog.text
        origin.replies = [items("a")]
        assert (names(world.get()), world.get().headers["x-cache"]) == (["a"], "hit")
        origin.replies = [Reply({}, 500)]
        world.clock.tick(100)
        stale = world.get()
        assert (names(stale), stale.headers["x-cache"]) == (["a"], "stale")
        world.clock.tick(1000)
        assert world.get().headers["x-cache"] == "fallback"


def test_when_nobody_can_the_first_error_counts(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [hang(3)]
    with World(config(http(origin, "/"), more="fallback: [broken]"), tmp_path) as world:
        assert world.get().status_code == 504


def test_a_wrong_question_has_no_fallback(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply({}, 404)]
    with World(config(http(origin, "/"), more="fallback: [popular]"), tmp_path) as world:
        assert world.get().status_code == 404


def test_one_call_for_many_who_ask_at_once(origin: Origin, tmp_path: Path) -> None:
    gate = threading.Event()

    def slow(connection: Any) -> None:
        gate.wait(5)
        body = b'["a"]'
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))

    origin.replies = [Reply(behave=slow)]
    cache = "{userSpecified: {maxAge: 60, directives: private}}"
    text = config(http(origin, "/").replace("timeout: 1,", "timeout: 5,"), cache=cache)
    with World(text, tmp_path) as world, ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(world.get) for _ in range(20)]
        while not origin.asked:
            time.sleep(0.01)
        time.sleep(0.2)
        gate.set()
        assert {tuple(names(answer.result())) for answer in answers} == {("a",)}
    assert len(origin.asked) == 1


# ---- post-processors


def processor(origin: Origin, more: str = "") -> str:
    return f"responsePostProcessor: {{type: lambda, arn: '{FUNCTION}', endpointUrl: '{origin.url}', retries: 0{more}}}"


ENGINE = "{type: engine, model: home}"


@pytest.mark.parametrize(
    ("more", "asked_for"),
    [("", 4), (", lookAheadMultiplier: 2.5", 10), (", lookAheadMultiplier: 9, lookAheadMaximumValue: 12", 12)],
)
def test_a_post_processor(more: str, asked_for: int, origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply({"itemList": [{"itemId": f"x{n}"} for n in range(9)], "note": "mine"})]
    text = config(ENGINE, more=processor(origin, more), meta="{type: engine}")
    with World(text, tmp_path) as world:
        answer = world.get("/recommend-items/shop/home/u1?numResults=4")
        assert (names(answer), answer.json()["note"]) == (["x0", "x1", "x2", "x3"], "mine")
        assert world.engine.asked[0].num_results == asked_for
    said = origin.asked[0].json
    assert (said["action"], said["userId"], said["recommender"]["path"]) == ("recommend-items", "u1", "home")
    assert len(said["response"]["itemList"]) == asked_for
    assert said["response"]["itemList"][0]["metadata"] == {"price": 9.5, "stock": 5}


@pytest.mark.parametrize("reply", [Reply({"itemList": 1}), Reply([]), Reply(b"x"), Reply({}, 500)])
def test_a_post_processor_that_fails_is_an_upstream_error(reply: Reply, origin: Origin, tmp_path: Path) -> None:
    origin.replies = [reply]
    with World(config(ENGINE, more=processor(origin)), tmp_path) as world:
        assert world.get().status_code == 502
    with World(config(ENGINE, more=f"{processor(origin)}, fallback: [popular]"), tmp_path / "b") as world:
        assert world.get().headers["x-cache"] == "fallback"


def test_items_that_a_post_processor_made_go_any_way(origin: Origin, tmp_path: Path) -> None:
    """Some without an id, with pins of their own: counted as shown, and in one of several lists."""
    made = [{"itemId": "a"}, {"title": "b"}, {"itemId": "c", "pin": {"shelf": 1}}]
    origin.replies = [Reply({"itemList": made}) for _ in range(3)] + [Reply({"itemList": ["d"]})]
    with World(config(ENGINE, more=f"{processor(origin)}, fatigue: {{shown: 9}}"), tmp_path) as world:
        assert world.get().json()["itemList"] == made
        assert world.engine.shown["u1"] == {"a": 1, "c": 1}
        lists = {"userId": "u1", "distinct": True, "requests": [{"recommender": "home"}] * 2}
        both = world.client.post("/recommend-many/shop", json=lists).json()["responses"]
        assert [each["itemList"] for each in both] == [made, []]
        assert world.get().json()["itemList"] == ["d"]


def test_an_origin_s_list_beside_another_has_no_caps(origin: Origin, tmp_path: Path) -> None:
    """Where items are left out of it, and where it is drafted into one with a list that has caps."""
    origin.replies = [items("a", "i0", "c") for _ in range(3)]
    capped = "{type: engine, model: home, diversity: {caps: [{column: KIND, most: 1}]}}"
    row = f"experiments: {{row: {{method: interleaving, metrics: {{clicks: {{}}}}}}}}, variations: {{a: {capped}, b: "
    text = config(http(origin, "/")).replace(
        "        popular:", f"        both: {{{row}{http(origin, '/')}}}}}\n        popular:"
    )
    with World(text, tmp_path) as world:
        lists = {"userId": "u1", "distinct": True, "requests": [{"recommender": "home"}] * 2}
        answer = world.client.post("/recommend-many/shop", json=lists)
        assert answer.status_code == 200, answer.text
        assert [[item["itemId"] for item in each["itemList"]] for each in answer.json()["responses"]] == [
            ["a", "i0", "c"],
            [],
        ]
        world.engine.kinds = {"i0": "x", "i1": "x"}
        drafted = names(world.get("/recommend-items/shop/both/u1?numResults=4"))
        assert len(drafted) == 4 and "i1" not in drafted


# ---- the document


def at_home(variation: str, **more: str) -> list[str]:
    return faults_of(config(variation, **more))


EXPRESSION = "[{expression: 'INCLUDE ItemID WHERE Items.A = 1'}]"
FAULTS = [
    ("{type: http}", {}, "'url' is required"),
    ("{type: http, url: 'ftp://x/'}", {}, ".url: must be an http or https URL"),
    ("{type: http, url: 'http://{userId}.example/'}", {}, ".url: has a {name} in its host"),
    ("{type: http, url: 'http://x/{user Id}'}", {}, ".url: has a brace that belongs to no {name}"),
    ("{type: http, url: 'http://x/', headers: {x-a: '{'}}", {}, ".headers.x-a: has a brace"),
    ("{type: http, url: 'http://x/', headers: {x a: b}}", {}, ".headers: a key must be a header's name"),
    ("{type: http, url: 'http://x/', items: 'a['}", {}, ".items: is no JMESPath expression"),
    ("{type: http, url: 'http://x/', timeout: 0}", {}, ".timeout: must be seconds, above 0"),
    ("{type: http, url: 'http://x/', retries: 11}", {}, ".retries: must be a whole number from 0 to 10"),
    ("{type: function, arn: 'arn:aws:s3:::b'}", {}, ".arn: 'arn:aws:s3:::b' is no function"),
    (ENGINE, {"more": "fallback: [populer]"}, "there is no recommender 'populer' under recommend-items"),
    (ENGINE, {"more": "fallback: [home]"}, "names the recommender itself"),
    (
        ENGINE,
        {"more": "responsePostProcessor: {type: lambda, lookAheadMultiplier: 0.5}"},
        "must be a number, 1 or more",
    ),
    (
        campaign(),
        {
            "root": "origins: {personalize: {type: aws}}",
            "filters": "[{expression: 'INCLUDE ItemID WHERE Items.A = 1'}]",
        },
        "has a filter by 'expression': Amazon Personalize takes filters by 'arn' only",
    ),
    (campaign("recommender"), {"root": "origins: {personalize: {type: aws}}"}, "reranks by campaigns only"),
]


@pytest.mark.parametrize(("variation", "more", "says"), FAULTS)
def test_a_wrong_document_is_refused(variation: str, more: dict[str, str], says: str) -> None:
    found = at_home(variation, **more)
    assert any(says in fault for fault in found), found


def test_the_old_spelling_of_functions_is_warned_of() -> None:
    warnings = parse(config(f"{{type: lambda, arn: '{FUNCTION}'}}")).warnings
    assert any("old spelling 'lambda'" in warning.message for warning in warnings)


def test_nothing_is_logged_of_secrets(origin: Origin, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    origin.replies = [Reply({}, 500)]
    caplog.set_level(logging.INFO)
    with World(config(campaign(), root=aws(origin), more="fallback: [popular]"), tmp_path) as world:
        world.get(authorization="Bearer very-secret", cookie="session=very-secret")
    assert "popular answers instead" in caplog.text
    assert "very-secret" not in caplog.text
    assert CREDENTIALS["AWS_ACCESS_KEY_ID"] not in caplog.text
