"""Each kind of target, by the real protocol: what it is sent, in which pieces, and what a failure does."""

from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.config import parse
from gateway.targets import TARGETS
from gateway.targets.base import TargetDependencies
from gateway.targets.entry import Entry
from tests.gateway.targets.world import Stream, World, config, records, until
from tests.gateway.upstreams.origin import (
    CLOSED,
    CREDENTIALS,
    GARBAGE,
    TRUNCATED,
    Asked,
    Origin,
    Reply,
    hang,
    small_origin,
)

TRACKER = "{type: personalize-event-tracker, trackingId: tracker-1}"
MEANS = TargetDependencies(None, None)  # type: ignore[arg-type]
TAKEN = Reply({"FailedRecordCount": 0, "FailedPutCount": 0})


@pytest.fixture
def origin() -> Iterator[Origin]:
    with small_origin() as origin:
        origin.replies = [TAKEN]
        yield origin


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


def kinesis(origin: Origin, more: str = "") -> str:
    return f"{{type: kinesis-stream, streamName: clicks, endpointUrl: '{origin.url}'{more}}}"


def firehose(origin: Origin) -> str:
    return f"{{type: kinesis-firehose, streamName: raw, region: us-west-2, endpointUrl: '{origin.url}'}}"


def http(origin: Origin, more: str = "") -> str:
    return f"{{type: http, url: '{origin.url}/hook', timeout: 0.3{more}}}"


def aws(origin: Origin) -> str:
    return f"origins: {{personalize: {{type: aws, endpointUrl: '{origin.url}', timeout: 1}}}}"


# ---- what is sent


def test_kinesis_gets_the_record_of_the_specification(origin: Origin, tmp_path: Path) -> None:
    with World(tmp_path, config(kinesis(origin))) as world:
        answer = world.post("s1", path="/events/shop?utm=mail", user_agent="Shop/1")
        assert (answer.status_code, answer.text, answer.headers["cache-control"]) == (200, "", "no-store")
        world.settled()
    (asked,) = origin.asked
    assert (asked.region, asked.headers["x-amz-target"]) == ("eu-west-1", "Kinesis_20131202.PutRecords")
    assert (asked.json["StreamName"], asked.json["Records"][0]["PartitionKey"]) == ("clicks", "s1")
    (record,) = records(asked)
    assert list(record) == ["id", "namespace", "path", "headers", "queryStringParameters", "body"]
    assert (record["namespace"], record["path"]) == ("shop", "/events/shop")
    assert record["queryStringParameters"] == {"utm": "mail"}
    assert record["headers"]["user-agent"] == "Shop/1"
    (event,) = record["body"].pop("eventList")
    assert record["body"] == {"sessionId": "s1", "userId": "u-s1"}
    assert event["itemId"] == "i0" and abs(event["sentAt"] - time.time()) < 60


def test_firehose_gets_lines(origin: Origin, tmp_path: Path) -> None:
    with World(tmp_path, config(firehose(origin))) as world:
        assert world.post().status_code == 200
        world.settled()
    (asked,) = origin.asked
    assert (asked.region, asked.headers["x-amz-target"]) == ("us-west-2", "Firehose_20150804.PutRecordBatch")
    line = base64.b64decode(asked.json["Records"][0]["Data"])
    assert line.endswith(b"}\n") and line.count(b"\n") == 1
    assert asked.json["DeliveryStreamName"] == "raw"


def test_an_event_tracker_of_amazon_gets_ten_events_a_call(origin: Origin, tmp_path: Path) -> None:
    with World(tmp_path, config(TRACKER, root=aws(origin))) as world:
        events = [{"eventType": "View", "itemId": f"i{n}", "properties": '{"a": 1}'} for n in range(23)]
        assert world.post("s1", events, x_device="Phone").status_code == 200
        world.settled()
    assert [len(each.json["eventList"]) for each in origin.asked] == [10, 10, 3]
    assert {(each.path, each.region) for each in origin.asked} == {("/events", "eu-west-1")}
    told = [event for each in origin.asked for event in each.json["eventList"]]
    assert [event["itemId"] for event in told] == [f"i{n}" for n in range(23)]
    assert len({event["eventId"] for event in told}) == 23
    assert json.loads(told[0]["properties"]) == {"a": 1, "device": "Phone"}
    first = origin.asked[0].json
    assert (first["trackingId"], first["sessionId"], first["userId"]) == ("tracker-1", "s1", "u-s1")
    assert world.engine.put == []  # it is not the engine's


def test_no_target_sees_another_s_fields(origin: Origin, tmp_path: Path) -> None:
    """The tracker is listed first, as in specification §2.7."""
    with World(tmp_path, config(TRACKER, kinesis(origin), http(origin))) as world:
        world.post("s1", x_device="Phone")
        world.settled()
    said = [each.body for each in origin.asked]
    said += [json.dumps(records(each)).encode() for each in origin.asked if "Records" in each.json]
    assert len(said) == 3
    assert not [text for text in said if b"tracker-1" in text or b"trackingId" in text or b"Phone" in text]
    assert [put[0] for put in world.engine.put] == ["tracker-1"]


def test_a_post_has_the_record_and_its_id(origin: Origin, tmp_path: Path) -> None:
    more = ", headers: {authorization: 'Bearer ${TOKEN:-t}', x-user: '{userId}/{sessionId}'}"
    with World(tmp_path, config(http(origin, more))) as world:
        world.post("s1\r\nx: y")
        world.settled()
    (asked,) = origin.asked
    assert (asked.method, asked.path, asked.headers["content-type"]) == ("POST", "/hook", "application/json")
    assert asked.headers["idempotency-key"] == asked.json["id"]
    assert asked.headers["authorization"] == "Bearer t"
    assert asked.headers["x-user"] == "u-s1%0D%0Ax: y/s1%0D%0Ax: y"


def test_a_batch_is_a_list_in_order(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply(status=503), TAKEN]
    with World(tmp_path, config(http(origin, ", batchSize: 4"))) as world:
        for n in range(9):
            world.post(f"s{n}")
        world.settled()
    taken = [[each["body"]["sessionId"] for each in asked.json] for asked in origin.asked[1:]]
    assert [name for each in taken for name in each] == [f"s{n}" for n in range(9)]
    assert max(map(len, taken)) <= 4 and len(taken) < 9


# ---- no credential

SECRET = "s3cr3t"


def test_no_credential_is_in_any_byte(origin: Origin, tmp_path: Path) -> None:
    """Weakness 36 of the specification: neither on disk nor in what is sent."""
    origin.replies = [Reply(status=400)]  # so that there are dead letters, too
    headers = {
        "authorization": f"Bearer {SECRET}",
        "cookie": f"session={SECRET}",
        "x-api-key": SECRET,
        "x-amz-security-token": SECRET,
        "proxy-authorization": SECRET,
        "x-csrf-token": SECRET,
        "referer": f"https://shop/?token={SECRET}",
        "x-whatever": SECRET,
    }
    query = f"access_token={SECRET}&api_key={SECRET}&X-Amz-Signature={SECRET}&jwt={SECRET}&t=eyJhbGciOi.{SECRET}&page=2"
    with World(tmp_path, config(kinesis(origin), http(origin))) as world:
        assert world.post(path=f"/events/shop?{query}", **headers).status_code == 200
        world.settled()
    kept = [path.read_bytes() for path in world.outbox.rglob("*") if path.is_file()]
    assert any(b"page" in each for each in kept)
    assert not [each for each in kept if SECRET.encode() in each]
    for asked in origin.asked:
        assert SECRET not in json.dumps(records(asked) if "Records" in asked.json else asked.json)
        assert SECRET not in json.dumps(asked.headers)


# ---- failures


@pytest.mark.parametrize("target", [kinesis, firehose])
def test_only_what_failed_is_sent_again_in_order(target: Any, origin: Origin, tmp_path: Path) -> None:
    chance = random.Random(7)
    stream = Stream(origin, lambda _: chance.random() < 0.4)
    with World(tmp_path, config(target(origin))) as world:
        for n in range(7):
            for session in ("s1", "s2", "s3"):
                world.post(session, [{"eventType": "View", "itemId": f"{session}-{n}"}])
        world.settled()
        assert world.metric("recgate_outbox_retried_total{") == sum(stream.calls) - len(stream.taken) > 0
        assert world.metric("recgate_outbox_delivered_total{") == 21
    for session in ("s1", "s2", "s3"):  # each once, and none before the one before it
        assert stream.of(session) == [f"{session}-{n}" for n in range(7)]


HICCUPS = {
    "500": Reply(status=500),
    "429": Reply(status=429, headers={"retry-after": "0"}),
    "401": Reply(status=401),
    "404": Reply(status=404),
    "hangs": hang(1.0),
    "garbage": GARBAGE,
    "closed": CLOSED,
    "truncated": TRUNCATED,
}


@pytest.mark.parametrize("hiccup", HICCUPS.values(), ids=HICCUPS)
def test_a_target_that_fails_gets_the_same_again(hiccup: Reply, origin: Origin, tmp_path: Path) -> None:
    origin.replies = [hiccup, hiccup, TAKEN]
    with World(tmp_path, config(http(origin))) as world:
        assert world.post().status_code == 200
        world.settled()
        assert world.metric("recgate_outbox_retried_total{") == 2
        assert world.metric("recgate_outbox_delivered_total{") == 1
    assert len({(each.headers["idempotency-key"], each.body) for each in origin.asked}) == 1
    assert len(origin.asked) == 3
    assert world.dead_letters() == []


def test_what_is_refused_for_good_holds_nothing_up(
    origin: Origin, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A batch with one bad record: the others arrive, in order."""
    taken: list[str] = []

    def reply(asked: Asked) -> Reply:
        origin.asked.append(asked)
        names = [each["body"]["sessionId"] for each in asked.json]
        if "bad" in names:
            return Reply({"error": "no"}, 422)
        taken.extend(names)
        return Reply({})

    origin.replies = [Reply(status=503)]
    with World(tmp_path, config(http(origin, ", batchSize: 50"))) as world:
        for name in ("s0", "s1", "s2", "bad", "s3", "s4"):
            world.post(name)
        until(lambda: origin.asked)
        origin.reply = reply  # type: ignore[method-assign]
        world.settled()
        assert world.metric("recgate_outbox_dead_total{") == 1
        assert world.metric("recgate_outbox_delivered_total{") == 5
    assert taken == ["s0", "s1", "s2", "s3", "s4"]
    (letter,) = world.dead_letters()
    assert letter["message"]["body"]["sessionId"] == "bad"
    assert letter["message"]["id"] == letter["id"] and "422" in letter["why"]
    assert letter["target"] == f"shop/http/{origin.url.removeprefix('http://')}/hook"
    assert [each for each in caplog.messages if letter["id"] in each and "for good" in each]


def test_a_refusal_must_be_repeated_to_be_certain(origin: Origin, tmp_path: Path) -> None:
    origin.replies = [Reply(status=400), TAKEN]
    with World(tmp_path, config(http(origin))) as world:
        world.post()
        world.settled()
    assert (len(origin.asked), world.dead_letters()) == (2, [])


AWS_ERRORS = [
    (Reply({"__type": "com.amazonaws.kinesis.v20131202#ResourceNotFoundException"}, 400), False),
    (Reply({"__type": "ExpiredTokenException"}, 400), False),
    (Reply({"__type": "KMSThrottlingException"}, 400), False),
    (Reply({"message": "no"}, 403), False),
    (Reply({}, 500), False),
    (Reply(b"<html>", 200), False),  # an answer that says nothing of the records
    (Reply({"FailedRecordCount": 1, "Records": []}), False),
    (Reply({"__type": "ValidationException", "message": "m"}, 400), True),
    (Reply({}, 400, {"x-amzn-errortype": "InvalidArgumentException:http://x/"}), True),
]


@pytest.mark.parametrize(("error", "for_good"), AWS_ERRORS)
def test_which_errors_of_aws_are_for_good(error: Reply, for_good: bool, origin: Origin, tmp_path: Path) -> None:
    origin.replies = [error, error, TAKEN]
    with World(tmp_path, config(kinesis(origin))) as world:
        world.post()
        world.settled()
    assert len(world.dead_letters()) == for_good
    assert len(origin.asked) == (2 if for_good else 3)


def test_without_credentials_events_wait(origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CREDENTIALS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with World(tmp_path, config(kinesis(origin))) as world:
        world.post()
        until(lambda: world.metric("recgate_outbox_retried_total{"))
        assert world.metric("recgate_outbox_records{") == 1
        for name, value in CREDENTIALS.items():
            monkeypatch.setenv(name, value)
        world.settled()
    assert len(origin.asked) == 1


# ---- nothing is delivered where anything is refused

BAD = {
    "an event without a type": ([{"itemId": "a"}], 400, "ValidationError"),
    "the second of two": ([{"eventType": "View"}, {"eventType": "View", "sentAt": "now"}], 400, "ValidationError"),
    "more than Firehose takes": (
        [{"eventType": "View", "impression": ["é" * 256] * 25, "properties": json.dumps({"t": "x" * 1000})}] * 75,
        413,
        "RequestTooLarge",
    ),
}


@pytest.mark.parametrize(("events", "status", "code"), BAD.values(), ids=BAD)
def test_all_is_checked_before_anything_is_delivered(
    events: Any, status: int, code: str, origin: Origin, tmp_path: Path
) -> None:
    """Weakness 30 of the specification."""
    with World(tmp_path, config(TRACKER, firehose(origin), http(origin))) as world:
        answer = world.post("s1", events)
        assert answer.status_code == status, answer.text
        world.settled()
    assert answer.json()["code"] == code
    assert (origin.asked, world.engine.put) == ([], [])


def test_what_the_engine_refuses_no_target_gets(origin: Origin, tmp_path: Path) -> None:
    with World(tmp_path, config(TRACKER.replace("tracker-1", "unknown"), http(origin))) as world:
        assert world.post().json()["code"] == "InvalidInputException"
        world.settled()
    assert origin.asked == []


def test_an_event_that_personalize_would_refuse_is_refused(origin: Origin, tmp_path: Path) -> None:
    large = {"eventType": "View", "impression": ["é" * 256] * 25, "properties": json.dumps({"t": "x" * 1000})}
    with World(tmp_path, config(TRACKER, http(origin), root=aws(origin))) as world:
        answer = world.post("s1", [{"eventType": "View"}, large])
        assert (answer.status_code, answer.json()["code"]) == (400, "ValidationError")
        assert "eventList[1] has more than 10240 bytes" in answer.json()["message"]
        world.settled()
    assert origin.asked == []


# ---- conversions alone


RECOMMENDERS = """
    recommenders:
      recommend-items:
        home:
          variations: {only: {type: engine, model: home}}
          experiments: {row: {method: builtin, metrics: {ctr: {eventType: click}}}}
"""


def test_a_request_with_conversions_alone_is_delivered(origin: Origin, tmp_path: Path) -> None:
    with World(tmp_path, config(TRACKER, kinesis(origin)) + RECOMMENDERS) as world:
        said = {"userId": "u1", "experimentConversions": [{"recommender": "home", "feature": "row", "value": 0}]}
        unknown = {"userId": "u1", "experimentConversions": [{"recommender": "nowhere"}]}
        assert world.client.post("/events/shop", json=unknown).json()["code"] == "InvalidRecommender"
        assert world.client.post("/events/shop", json={}).status_code == 400
        answer = world.client.post("/events/shop", json=said)
        assert answer.status_code == 200, answer.text
        world.settled()
    (asked,) = origin.asked
    (record,) = records(asked)
    assert record["body"] == said
    assert asked.json["Records"][0]["PartitionKey"] == "u1"
    assert world.engine.put == []


def test_conversions_alone_are_told_to_streams_and_not_to_trackers() -> None:
    said = ("{type: kinesis-stream, streamName: clicks}", "{type: kinesis-firehose, streamName: raw}", TRACKER)
    root = "origins: {personalize: {type: aws}}"
    stream, lines, tracker = (
        TARGETS[each.type].open(MEANS, each.key, each.settings) for each in parse(config(*said, root=root)).targets
    )
    conversion = {"recommender": "home", "value": 0}
    body = msgspec.json.encode({"userId": "u1", "experimentConversions": [conversion]})
    entry = Entry(
        id="e1", at=0.0, targets=(), namespace="shop", session="", user="u1", path="/", body=msgspec.Raw(body)
    )
    (message,) = stream.messages(entry)
    assert message.session == "u1"  # the partition key, where there is no session
    (line,) = lines.messages(entry)
    for data in (message.data, line.data):
        assert json.loads(data)["body"] == {"userId": "u1", "experimentConversions": [conversion]}
    assert tracker.messages(entry) == []


def test_a_request_s_own_conversions_are_no_part_of_putevents() -> None:
    (target,) = parse(config(TRACKER, root="origins: {personalize: {type: aws}}")).targets
    body = {"eventList": [{"eventType": "View", "itemId": None}], "experimentConversions": [{"recommender": "home"}]}
    raw = msgspec.Raw(msgspec.json.encode(body))
    more = {"automatic": {"a": "x" * 1020, "b": "y"}, "user": None, "session": "s1"}
    entry = Entry(id="e1", at=0.0, targets=(), namespace="shop", path="/", body=raw, **more)
    (message,) = TARGETS[target.type].open(MEANS, target.key, target.settings).messages(entry)
    event = {"eventId": "e1-0", "eventType": "View", "properties": '{"b":"y"}'}  # "a" would make it too long
    assert json.loads(message.data) == {"trackingId": "tracker-1", "sessionId": "s1", "eventList": [event]}
