"""Redis, Kafka and AWS's streams as real peers: a redis-server, librdkafka's own cluster, and moto."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
from confluent_kafka import Consumer, Producer

from gateway.config import parse
from gateway.document.redis_url import connected_in_thread
from gateway.targets import TARGETS
from gateway.targets.base import Message
from gateway.targets.entry import Entry
from tests.gateway.config.documents import faults_of
from tests.gateway.targets.world import World, config, until
from tests.gateway.upstreams.origin import CREDENTIALS
from tests.liar import bulk, lying
from tests.moto_server import moto_server
from tests.services import RedisServer, redis_server
from tests.valkey import valkey_cluster


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


# ---- Redis


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


def stream(url: str = "", more: str = "") -> str:
    return f"{{type: redis-stream, stream: clicks, timeout: 0.5{f', url: {url!r}' if url else ''}{more}}}"


def entries(server: RedisServer) -> list[dict[str, Any]]:
    with server.client() as client:
        return [fields for _, fields in client.xrange("clicks")]  # type: ignore[union-attr]


def test_a_redis_stream_gets_records_with_their_ids(
    server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECGATE_REDIS_URL", server.url)
    with World(tmp_path / "data", config(stream()), environ={"RECGATE_REDIS_URL": server.url}) as world:
        for n in range(5):
            world.post(f"s{n}")
        world.settled()
    found = entries(server)
    assert [each["session"] for each in found] == [f"s{n}" for n in range(5)]
    record = json.loads(found[0]["record"])
    assert (record["id"], record["namespace"]) == (found[0]["id"], found[0]["namespace"]) == (record["id"], "shop")
    assert record["body"]["sessionId"] == "s0"


def test_a_stream_of_a_cluster_gets_them_from_its_own_server(tmp_path: Path) -> None:
    with valkey_cluster(tmp_path) as cluster:
        with World(tmp_path / "data", config(stream(cluster.url))) as world:
            for n in range(5):
                world.post(f"s{n}")
            world.settled()
        with connected_in_thread(cluster.url, 5.0) as client:
            found: Any = client.xrange("clicks")
    assert [fields["session"] for _, fields in found] == [f"s{n}" for n in range(5)]


def test_a_redis_that_was_down_gets_all_in_order(server: RedisServer, tmp_path: Path) -> None:
    with World(tmp_path / "data", config(stream(server.url))) as world:
        server.kill()
        for n in range(20):
            assert world.post("s1", [{"eventType": "View", "itemId": f"i{n}"}]).status_code == 200
        until(lambda: world.metric("recgate_outbox_retried_total{"))
        assert world.metric("recgate_outbox_records{") == 20
        server.start()
        world.settled()
    bodies = [json.loads(each["record"])["body"] for each in entries(server)]
    assert [body["eventList"][0]["itemId"] for body in bodies] == [f"i{n}" for n in range(20)]


def test_a_redis_stream_keeps_about_its_length(server: RedisServer, tmp_path: Path) -> None:
    with World(tmp_path / "data", config(stream(server.url, ", maxLength: 1"))) as world:
        for n in range(250):
            world.post(f"s{n}")
        world.settled()
    assert len(entries(server)) < 200  # Redis drops whole nodes, of a hundred entries


def test_what_another_call_was_told_acknowledges_nothing(tmp_path: Path) -> None:
    """A reply out of step is no acknowledgement: the records are kept, and sent again."""
    streams: list[bytes] = []
    told = b"*1\r\n" + bulk(b"1700000000000-0")

    def answer(command: Sequence[bytes]) -> bytes:
        if command[0] == b"EXEC":
            return told  # the same id each time: that of the first
        if command[0] == b"XADD":
            streams.append(command[1])
        return b"+QUEUED\r\n" if command[0] == b"XADD" else b"+OK\r\n"

    with lying(answer) as url, World(tmp_path / "data", config(stream(url))) as world:
        assert world.post("s1").status_code == 200
        world.settled()
        assert world.post("s1").status_code == 200
        until(lambda: world.metric("recgate_outbox_retried_total{"))
        told = b"*1\r\n" + bulk(b"1700000000001-0")
        world.settled()
    assert len(streams) >= 3


def test_a_redis_stream_needs_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RECGATE_REDIS_URL", raising=False)
    (fault,) = faults_of(config(stream()))
    assert "eventTargets[0]: needs a 'url': RECGATE_REDIS_URL is not set" in fault


# ---- Kafka


@pytest.fixture
def brokers() -> Iterator[str]:
    """A cluster inside librdkafka, on real sockets."""
    cluster = Producer({"test.mock.num.brokers": 3, "bootstrap.servers": "ignored", "log_level": 0})
    found = cluster.list_topics(timeout=10).brokers.values()
    yield ",".join(f"{each.host}:{each.port}" for each in found)


def consumed(brokers: str, count: int) -> list[Any]:
    settings = {"bootstrap.servers": brokers, "group.id": "g", "auto.offset.reset": "earliest"}
    consumer = Consumer(settings)
    consumer.subscribe(["clicks"])
    found: list[Any] = []
    deadline = time.monotonic() + 15
    while len(found) < count and time.monotonic() < deadline:
        found += [each for each in consumer.consume(100, 0.2) if each.error() is None]
    consumer.close()
    return found


def kafka(brokers: str, more: str = "") -> str:
    return f"{{type: kafka, bootstrapServers: '{brokers}', topic: clicks, timeout: 2{more}}}"


def test_a_kafka_topic_gets_records_by_session(brokers: str, tmp_path: Path) -> None:
    with World(tmp_path, config(kafka(brokers))) as world:
        for n in range(8):
            for session in ("s1", "s2"):
                world.post(session, [{"eventType": "View", "itemId": f"i{n}"}])
        world.settled()
    found = consumed(brokers, 16)
    records = [json.loads(each.value()) for each in found]
    assert sorted({each.key() for each in found}) == [b"s1", b"s2"]
    assert {each["id"] for each in records} == {dict(each.headers())["id"].decode() for each in found}
    for session in ("s1", "s2"):
        mine = [each["body"] for each in records if each["body"]["sessionId"] == session]
        assert [body["eventList"][0]["itemId"] for body in mine] == [f"i{n}" for n in range(8)]


def test_a_kafka_that_does_not_answer_is_asked_again(tmp_path: Path) -> None:
    with World(tmp_path, config(kafka("127.0.0.1:1").replace("timeout: 2", "timeout: 0.2"))) as world:
        assert world.post().status_code == 200
        until(lambda: world.metric("recgate_outbox_retried_total{"))
        assert world.metric("recgate_outbox_records{") == 1


def test_what_kafka_never_takes_is_refused_for_good(brokers: str, tmp_path: Path) -> None:
    more = ", properties: {message.max.bytes: '2000'}"
    with World(tmp_path, config(kafka(brokers, more))) as world:
        assert world.post("s1", [{"eventType": "View", "itemId": "x" * 200}] * 20).status_code == 413
    (target,) = parse(config(kafka(brokers, more))).targets
    opened = TARGETS["kafka"].open(None, target.key, target.settings)  # type: ignore[arg-type]
    entry = Entry(id="1", at=0.0, targets=(), namespace="shop", session="s", path="/", body=msgspec.Raw(b"{}"))
    messages = [Message(f"m{size}", "s", b"x" * size, entry) for size in (10, 3000, 20)]
    results = asyncio.run(opened.send(messages))
    assert [result is not None and result.for_good for result in results] == [False, True, False]
    assert sorted(len(each.value()) for each in consumed(brokers, 2)) == [10, 20]


def test_kafka_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    monkeypatch.setattr("gateway.targets.kafka.find_spec", lambda name: None)
    (fault,) = faults_of(config(kafka("b:9092")))
    assert "eventTargets[0]: needs a package that is not there: pip install 'recgate[kafka]'" in fault


# ---- AWS's streams


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


def client(service: str, moto: str) -> Any:
    return boto3.client(service, endpoint_url=moto, region_name="eu-west-1")


def test_a_stream_of_kinesis(moto: str, tmp_path: Path) -> None:
    streams = client("kinesis", moto)
    streams.create_stream(StreamName="clicks", ShardCount=1)
    target = f"{{type: kinesis-stream, streamName: clicks, endpointUrl: '{moto}'}}"
    with World(tmp_path, config(target)) as world:
        for n in range(12):
            world.post("s1", [{"eventType": "View", "itemId": f"i{n}"}])
        world.settled()
    shard = streams.list_shards(StreamName="clicks")["Shards"][0]["ShardId"]
    start = streams.get_shard_iterator(StreamName="clicks", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    found = streams.get_records(ShardIterator=start["ShardIterator"])["Records"]
    assert {each["PartitionKey"] for each in found} == {"s1"}
    bodies = [json.loads(each["Data"])["body"] for each in found]
    assert [body["eventList"][0]["itemId"] for body in bodies] == [f"i{n}" for n in range(12)]


def test_a_stream_of_firehose(moto: str, tmp_path: Path) -> None:
    bucket = client("s3", moto)
    bucket.create_bucket(Bucket="raw", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3 = {"RoleARN": "arn:aws:iam::123456789012:role/firehose", "BucketARN": "arn:aws:s3:::raw"}
    client("firehose", moto).create_delivery_stream(DeliveryStreamName="raw", ExtendedS3DestinationConfiguration=s3)
    target = f"{{type: kinesis-firehose, streamName: raw, endpointUrl: '{moto}'}}"
    with World(tmp_path, config(target)) as world:
        for n in range(5):
            world.post(f"s{n}")
        world.settled()
    objects = bucket.list_objects_v2(Bucket="raw")["Contents"]
    text = b"".join(bucket.get_object(Bucket="raw", Key=each["Key"])["Body"].read() for each in objects)
    text = gzip.decompress(text) if text[:2] == b"\x1f\x8b" else text
    lines = [json.loads(line)["body"]["sessionId"] for line in text.splitlines()]
    assert sorted(lines) == [f"s{n}" for n in range(5)]
