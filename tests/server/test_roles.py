"""Gateways and engines apart: all that a server answers is answered through a gateway that has no engine."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import boto3
import httpx
import pytest
from botocore.config import Config as BotoConfig

from engine import Engine, Settings
from gateway.forwarding.app import FIRST_S, READ_S
from gateway.forwarding.engines import REST_S, Engines
from tests.server.world import ARN, CONFIG, TRACKING_ID, Server, running

USERS = [f"u{number}" for number in range(40)]


@dataclass
class World:
    gateway: Server
    engines: tuple[Server, Server]


@pytest.fixture(scope="module")
def world(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("roles")
    data, config = folder / "data", folder / "shop.yaml"
    shutil.copytree(trained, data)
    keys = "{accessKeyId: AKIDROLES, secretAccessKey: a-secret-of-roles, accountId: '000000000000'}"
    taking = CONFIG.replace("  shop:\n", "  shop:\n    intake: {segment: {keys: [write-key]}}\n", 1)
    config.write_text(f"{taking}\ntrustedProxies: [127.0.0.1]\naws: {{accessKeys: [{keys}]}}\n")
    one, two = (Server(data, config, workers=1, flags=("--role", "engine")) for _ in range(2))
    with running(one), running(two):
        (folder / "gateway").mkdir()
        flags = ("--role", "gateway", "--engines", f"{one.url},{two.url}")
        with running(Server(folder / "gateway", workers=1, flags=flags)) as gateway:
            yield World(gateway, (one, two))


@pytest.fixture
def client(world: World) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=world.gateway.url, timeout=20) as client:
        yield client


def test_routes_answer_as_the_engine_does(world: World, client: httpx.Client) -> None:
    paths = [
        "/recommend-items/shop/for-you/u3?numResults=5",
        "/related-items/shop/near/i4?numResults=5",
        "/explain-items/shop/for-you/u3/i4",
        "/cohorts/shop/crowd/u3",
        "/recommend-items/shop/nothing/u3",
        "/openapi.json",
        "/nowhere",
    ]
    with httpx.Client(base_url=world.engines[0].url, timeout=20) as direct:
        for path in paths:
            through, straight = client.get(path), direct.get(path)
            assert (through.status_code, through.content) == (straight.status_code, straight.content), path
            assert set(through.headers) ^ set(straight.headers) <= {"age"}, path
        body = {"requests": [{"action": "recommend-items", "recommender": "for-you", "userId": "u3"}]}
        through, straight = (each.post("/recommend-many/shop", json=body) for each in (client, direct))
        assert (through.status_code, through.json()) == (straight.status_code, straight.json())
    again = client.get(paths[0])
    assert again.headers["x-cache"] == "hit"
    assert client.get(paths[0], headers={"if-none-match": again.headers["etag"]}).status_code == 304
    head = client.head(paths[0])
    assert head.status_code == 200 and head.headers["content-length"] == str(len(again.content))


def test_a_stream_goes_on_as_it_comes(client: httpx.Client) -> None:
    with client.stream("GET", "/sub/any") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert next(stream.iter_bytes()).startswith(b"event: features")


def test_without_keys_nobody_operates_engines_through_a_gateway(client: httpx.Client) -> None:
    for path in ("/admin/session", "/admin/stream?topics=overview", "/ui"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "NotFound"), path


def test_lines_of_one_header_and_odd_requests_arrive_as_they_are(world: World, client: httpx.Client) -> None:
    path, origin = "/recommend-items/shop/for-you/u5?numResults=3", {"origin": "https://shop.example"}
    etag = client.get(path).headers["etag"]
    two = [("if-none-match", '"other"'), ("if-none-match", etag)]
    assert client.get(path, headers=two).status_code == 304
    with httpx.Client(base_url=world.engines[0].url, timeout=20) as direct:
        for method, target in (("OPTIONS", path), ("GET", "/nowhere"), ("PUT", path), ("GET", f"{path}&numResults=0")):
            through, straight = (each.request(method, target, headers=origin) for each in (client, direct))
            assert (through.status_code, through.content) == (straight.status_code, straight.content), (method, target)
            assert {name for name in through.headers if name.startswith("access-control")} == {
                name for name in straight.headers if name.startswith("access-control")
            }
        event = {"eventType": "view", "itemId": "i1", "properties": "x" * 900_000}
        large = {"sessionId": "s", "userId": "u5", "eventList": [event]}
        through, straight = (each.post("/events/shop", json=large, headers=origin) for each in (client, direct))
        assert (through.status_code, through.content) == (straight.status_code, straight.content)
    refused = client.post("/events/shop", content=b" " * (21 << 20), headers=origin)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (413, "https://shop.example")


def test_an_event_through_the_gateway_is_in_the_next_answer(client: httpx.Client) -> None:
    for number in range(20):
        path = f"/recommend-items/shop/for-you/new-{number}?numResults=5"
        client.get(path)
        first = client.get(path).json()["itemList"][0]["itemId"]
        event = {"eventType": "view", "itemId": first}
        sent = client.post("/events/shop", json={"userId": f"new-{number}", "sessionId": "s", "eventList": [event]})
        assert sent.status_code == 200
        assert first not in [item["itemId"] for item in client.get(path).json()["itemList"]]


def test_a_partners_batch_is_stored_once_whichever_engine_gets_it(world: World, client: httpx.Client) -> None:
    path = "/recommend-items/shop/for-you/partners-own?numResults=5"
    first = client.get(path).json()["itemList"][0]["itemId"]
    message = {"type": "track", "event": "Product Viewed", "messageId": "m1", "userId": "partners-own"}
    body = gzip.compress(json.dumps({"batch": [{**message, "properties": {"sku": first}}]}).encode())
    headers = {"content-encoding": "gzip", "content-type": "application/x-www-form-urlencoded"}
    for _ in range(4):  # to each engine in turn, as nobody reads whose it is
        sent = client.post("/v1/batch?writeKey=write-key", content=body, headers=headers)
        assert (sent.status_code, sent.json()) == (200, {"success": True})
    assert first not in [item["itemId"] for item in client.get(path).json()["itemList"]]
    with closing(Engine.open(Settings.of(world.engines[0].data, {}), follow=False)) as engine:
        stored = [each for each in engine.log.read(0) if each.kind == "event" and each.key == "partners-own"]
    assert len(stored) == 1
    preflight = {"origin": "https://shop.example", "access-control-request-headers": "anonymousid"}
    assert "anonymousid" in client.options("/v1/t", headers=preflight).headers["access-control-allow-headers"]
    assert client.get("/sourceConfig/?writeKey=write-key").json()["source"]["enabled"] is True
    assert client.post("/v1/batch", json={"batch": []}).json()["code"] == "MissingKey"


def test_boto3_speaks_through_it_signed(world: World) -> None:
    def service(name: str) -> object:
        return boto3.client(
            name,
            endpoint_url=world.gateway.url,
            region_name="us-east-1",
            aws_access_key_id="AKIDROLES",
            aws_secret_access_key="a-secret-of-roles",
            config=BotoConfig(retries={"max_attempts": 0}),
        )

    campaigns = service("personalize").list_campaigns()["campaigns"]  # type: ignore[attr-defined]
    assert {each["name"] for each in campaigns} >= {"for-you", "popular"}
    event = {"eventType": "view", "sentAt": 1_700_000_000, "itemId": "i1"}
    service("personalize-events").put_events(  # type: ignore[attr-defined]
        trackingId=TRACKING_ID, sessionId="s", userId="b1", eventList=[event]
    )
    listed = service("personalize-runtime").get_recommendations(  # type: ignore[attr-defined]
        campaignArn=f"{ARN}:campaign/for-you", userId="b1", numResults=3
    )
    assert len(listed["itemList"]) == 3


def asked_of(server: Server) -> float:
    """The lists that a server was asked for."""
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    wanted = 'recgate_requests_total{route="recommend-items"'
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(wanted))


def test_a_user_stays_with_one_engine_and_all_share_them(world: World, client: httpx.Client) -> None:
    counts = []
    for _ in range(3):
        before = [asked_of(server) for server in world.engines]
        for user in USERS:
            assert client.get(f"/recommend-items/shop/uncached/{user}").status_code == 200
        counts.append([asked_of(server) - count for server, count in zip(world.engines, before, strict=True)])
    assert all(sum(each) == len(USERS) and each == counts[0] and min(each) > 0 for each in counts)


def test_a_stopped_engine_holds_up_few(world: World, client: httpx.Client) -> None:
    stopped = world.engines[0].process
    assert stopped is not None
    os.killpg(stopped.pid, signal.SIGSTOP)
    try:
        took = []
        for user in USERS:  # those of either engine
            began = time.monotonic()
            assert client.get(f"/recommend-items/shop/uncached/{user}").status_code == 200
            took.append(time.monotonic() - began)
    finally:
        os.killpg(stopped.pid, signal.SIGCONT)
    assert max(took) < READ_S and sum(each > FIRST_S for each in took) <= 3
    time.sleep(REST_S)


def test_a_late_engine_that_answers_others_is_not_left_alone() -> None:
    now = 10.0
    engines = Engines(("http://a:1", "http://b:1"), lambda: now)
    first, second = engines.order(b"u1")
    engines.answered(first)
    engines.failed(first, asked_at=9.0)
    assert engines.order(b"u1") == (first, second)
    now = 11.0
    engines.failed(first, asked_at=10.5)
    assert engines.order(b"u1") == [second, first]
    now += REST_S + 0.1
    assert engines.order(b"u1") == [first, second]  # who tries it again
    assert engines.order(b"u1") == [second, first]
    engines.answered(first)
    assert engines.order(b"u1") == (first, second)
    engines.failed(first)  # refused, however lately it answered
    assert engines.order(b"u1") == [second, first]


def test_without_engines_old_answers_stand_in_and_events_are_refused(world: World, client: httpx.Client) -> None:
    path, other = "/recommend-items/shop/for-you/u7?numResults=5", "/recommend-items/shop/uncached/u7"
    before = client.get(path)
    one, two = world.engines
    assert one.process is not None and two.process is not None
    os.killpg(one.process.pid, signal.SIGKILL)
    one.process.wait()
    for user in USERS:  # those of either engine
        assert client.get(f"/recommend-items/shop/uncached/{user}").status_code == 200
    event = {"userId": "u7", "sessionId": "s", "eventList": [{"eventType": "view", "itemId": "i1"}]}
    assert client.post("/events/shop", json=event).status_code == 200
    assert client.get("/ready").json()["checks"] == {"engine 1": "does not answer", "engine 2": "ok"}
    seen = client.get(path)
    assert seen.json() != before.json()
    two.kill_all()
    stale = client.get(path)
    assert (stale.status_code, stale.content, stale.headers["x-cache"]) == (200, seen.content, "stale")
    assert (stale.headers["x-recgate-behind"], stale.headers["cache-control"]) == ("0", "no-store")
    refused = [client.get(other), client.post("/events/shop", json=event), client.get(path, headers={"x-api-key": "a"})]
    assert [each.status_code for each in refused] == [503, 503, 503]
    assert refused[0].json()["code"] == "ServiceUnavailableException" and "retry-after" in refused[0].headers
    assert client.get("/ready").status_code == 503 and client.get("/health").status_code == 200
    assert 'outcome="stale"' in client.get("/metrics").text
    for server in (one, two):
        server.process = None
        server.start()
    time.sleep(1.1)
    assert client.get(other).status_code == 200 and client.get("/ready").status_code == 200


def test_a_gateway_says_which_addresses_it_needs(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "gateway", "serve", "--port", "0", "--role", "gateway", "--data", str(tmp_path)]
    for engines, word in (("", "RECGATE_ENGINES=http://HOST:PORT"), ("e1:8080", "'e1:8080' is no engine's address")):
        environ = {**os.environ, "RECGATE_ENGINES": engines}
        ended = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=environ)
        assert ended.returncode == 1 and word in ended.stderr
