"""Files of lines to files of answers, on S3 and at scale."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from engine import InvalidInput
from engine.batch.inference import answering
from engine.batch.lines import Files
from engine.recipes.base import silent
from engine.records import Campaign
from tests.engine.shop import Shop

MANY, FEWER = 100_000, 20_000
GROWTH_MB = 12


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    names = {"AWS_ENDPOINT_URL_S3": server, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    for name, value in {**names, "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="batch")
    yield client
    client.close()


def echo(line: bytes) -> Any:
    if line == b'"bad"':
        raise InvalidInput("it is bad")
    return json.loads(line)


def files(source: str, destination: str = "s3://batch/out/", **more: Any) -> Files:
    return Files(source=source, destination=destination, allow_file_urls=False, **more)


@pytest.mark.parametrize(
    ("source", "destination", "keys"),
    [
        ("s3://batch/in/a.json", "s3://batch/one/", {"one/a.json.out"}),
        ("s3://batch/in/", "s3://batch/all", {"all/a.json.out", "all/b.json.out"}),
    ],
)
def test_on_s3(bucket: Any, source: str, destination: str, keys: set[str]):
    for name, text in {"a.json": '1\n"bad"\n', "b.json": "2"}.items():
        bucket.put_object(Bucket="batch", Key=f"in/{name}", Body=text.encode())
    counts = files(source, destination).answer(echo, silent)
    assert (counts.lines, counts.errors) == (1 + len(keys), 1)
    found = bucket.list_objects_v2(Bucket="batch", Prefix=f"{destination.rpartition('/batch/')[2].strip('/')}/")
    assert {entry["Key"] for entry in found["Contents"]} == keys
    body = bucket.get_object(Bucket="batch", Key=min(keys))["Body"].read().decode()
    assert body == '{"input":1,"output":1,"error":null}\n{"input":"bad","output":null,"error":"it is bad"}\n'


@pytest.mark.parametrize(
    ("source", "destination", "says"),
    [
        ("s3://batch/none.json", "s3://batch/out/", "Invalid S3 input path s3://batch/none.json"),
        ("s3://batch/none/", "s3://batch/out/", "Invalid S3 input path s3://batch/none/ holds no files"),
        ("s3://nowhere/in/", "s3://batch/out/", "Invalid S3 input path s3://nowhere/in/"),
        ("s3://batch/in/a.json", "s3://nowhere/out/", "Invalid S3 output path s3://nowhere/out/"),
    ],
)
def test_places_that_arent_there(bucket: Any, source: str, destination: str, says: str):
    bucket.put_object(Bucket="batch", Key="in/a.json", Body=b"1")
    with pytest.raises(InvalidInput, match=says):
        files(source, destination).answer(echo, silent)


def test_too_many_lines(bucket: Any):
    bucket.put_object(Bucket="batch", Key="long/a.json", Body=b"1\n2\n3\n")
    with pytest.raises(InvalidInput, match=r"Invalid S3 input path .*: a.json has more than 2 lines"):
        files("s3://batch/long/", "s3://batch/cut/", max_lines=2).answer(echo, silent)
    assert "Contents" not in bucket.list_objects_v2(Bucket="batch", Prefix="cut/")
    with pytest.raises(InvalidInput, match="at most 5 are allowed"):
        files("s3://batch/long/", "s3://batch/cut/", max_bytes=5).answer(echo, silent)


def test_nothing_is_left_of_a_file_that_was_stopped_in(bucket: Any):
    bucket.put_object(Bucket="batch", Key="stop/a.json", Body=b"1\n" * 1000)

    def stop(fraction: float, message: str) -> None:
        raise KeyboardInterrupt(f"{fraction:.0%} {message}")

    with pytest.raises(KeyboardInterrupt, match=r"\d+% 200 lines, 0 errors"):
        files("s3://batch/stop/", "s3://batch/stopped/").answer(echo, stop)
    assert "Contents" not in bucket.list_objects_v2(Bucket="batch", Prefix="stopped/")


def test_a_hundred_thousand_users_in_flat_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shop = Shop(tmp_path).furnish("INTERACTIONS")
    shop.load_clicks(*(f"u{user} i{user * 7 % 300} {user}" for user in range(MANY)))
    version = shop.train()
    campaign = shop.engine.records.get(shop.deploy(version), Campaign)
    deployed = shop.engine.deployments.load(campaign)
    group = shop.engine.follower.restored(shop.uid)
    answer = answering(deployed, group, (), 25, now=shop.clock(), new_id=lambda: "x")
    (tmp_path / "in.json").write_text("".join(f'{{"userId":"u{user}"}}\n' for user in range(MANY)))
    resident: dict[str, int] = {}

    def watch(fraction: float, message: str) -> None:
        resident[message.split(" ")[0].replace(",", "")] = _resident_mb()

    job = Files(source=f"file://{tmp_path}/in.json", destination=f"file://{tmp_path}/out/", allow_file_urls=True)
    started = time.monotonic()
    counts = job.answer(answer, watch)
    seconds = time.monotonic() - started
    shop.close()
    growth = resident[str(MANY)] - resident[str(FEWER)]
    with capsys.disabled():
        print(
            f"\n{MANY:,} users at {MANY / seconds:,.0f} a second; {growth} MB more after the last than after {FEWER:,}"
        )
    assert (counts.lines, counts.errors) == (MANY, 0)
    assert growth <= GROWTH_MB, resident
    with (tmp_path / "out" / "in.json.out").open() as out:
        first = json.loads(next(out))
        assert len(first["output"]["recommendedItems"]) == 25 and sum(1 for _ in out) == MANY - 1


def _resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20
