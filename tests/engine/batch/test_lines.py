"""Files of lines to files of answers, on S3 and at scale."""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest

from engine import InvalidInput, Question
from engine.batch.inference import LineAnswers
from engine.batch.lines import Files
from engine.data.destination import open_destination
from engine.recipe import silent
from engine.records import CampaignRecord
from engine.serving.question_filters import FilteredQuestion
from tests.engine.shop import Shop
from tests.moto_server import moto_server, s3_environ

MANY, FEWER = 20_000, 10_000
GROWTH_MB = 1.5  # 150 bytes a line, where none that was freed before is taken again
GROWTH_OBJECTS = 6_000  # fewer than one a line: names that were looked up lately are known, up to 8,192 of them


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture(scope="module")
def bucket(server: str) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as environ:
        for name, value in s3_environ(server).items():
            environ.setenv(name, value)
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
    assert body == '{"input":1,"output":1,"error":null}\n{"input":"bad","error":"it is bad"}\n'


KEYS = (
    "folder_a.json",
    "folder/b.json",
    "folder/deep/c.json",
    "folder/_SUCCESS",
    "folder/.tmp/x",
    "folder/",
    "other.json",
)


@pytest.mark.parametrize(
    ("source", "out", "names"),
    [
        ("folder", "p1", {"folder_a.json.out", "b.json.out", "c.json.out"}),
        ("folder/", "p2/", {"b.json.out", "c.json.out"}),
        ("folder_", "p3", {"folder_a.json.out"}),
        ("folder_a.json", "p4", {"folder_a.json.out"}),
        ("", "p5", {"folder_a.json.out", "b.json.out", "c.json.out", "other.json.out"}),
        ("fol", "folder_out", {"folder_a.json.out", "b.json.out", "c.json.out"}),  # its own answers are no input
    ],
)
@pytest.mark.parametrize("place", ["s3", "file"])
def test_a_prefix_is_every_file_that_begins_so(
    bucket: Any, tmp_path: Path, place: str, source: str, out: str, names: set[str]
):
    put(bucket, tmp_path, *KEYS)
    base = "s3://batch/prefix" if place == "s3" else f"file://{tmp_path}"
    work = Files(f"{base}/{source}", f"{base}/{out}", allow_file_urls=True)
    for _ in range(2):  # the second time the answers of the first are there
        assert work.answer(echo, silent).lines == len(names)
        assert stored(bucket, tmp_path, place, out) == names
    clear(bucket)


@pytest.mark.parametrize("place", ["s3", "file"])
def test_files_of_one_name_have_an_answer_each(bucket: Any, tmp_path: Path, place: str):
    put(bucket, tmp_path, "in/x/a.json", "in/y/a.json", "in/b.json")
    base = "s3://batch/prefix" if place == "s3" else f"file://{tmp_path}"
    assert Files(f"{base}/in/", f"{base}/out", allow_file_urls=True).answer(echo, silent).lines == 3
    assert stored(bucket, tmp_path, place, "out") == {"x/a.json.out", "y/a.json.out", "b.json.out"}
    clear(bucket)


@pytest.mark.parametrize("place", ["s3", "file"])
def test_a_file_of_just_that_name_is_meant_alone(bucket: Any, tmp_path: Path, place: str):
    """Answers beside it, as `a.json.out`, begin with its name."""
    put(bucket, tmp_path, "in/a.json", "in/a.json.bak", "in/a.jsonl")
    base = "s3://batch/prefix" if place == "s3" else f"file://{tmp_path}"
    for _ in range(2):
        assert Files(f"{base}/in/a.json", f"{base}/in/", allow_file_urls=True).answer(echo, silent).lines == 1
    assert stored(bucket, tmp_path, place, "in") == {"a.json", "a.json.bak", "a.jsonl", "a.json.out"}
    beside = Files(f"{base}/in/a.", f"{base}/in/", allow_file_urls=True)
    assert beside.answer(echo, silent).lines == beside.answer(echo, silent).lines == 3
    clear(bucket)


@pytest.mark.parametrize("place", ["s3", "file"])
def test_nothing_begins_so(bucket: Any, tmp_path: Path, place: str):
    base = "s3://batch/prefix" if place == "s3" else f"file://{tmp_path}"
    with pytest.raises(
        InvalidInput, match=r"Invalid S3 input path .*: there is nothing of that name, and nothing that"
    ):
        Files(f"{base}/none", f"{base}/out/", allow_file_urls=True).answer(echo, silent)


def test_no_answer_leaves_its_folder(tmp_path: Path):
    place = f"file://{tmp_path}/out/"
    with (
        pytest.raises(InvalidInput, match="Invalid S3 output path"),
        open_destination(place, "../a.json.out", allow_file_urls=True) as out,
    ):
        out.write("1")
    assert list(tmp_path.iterdir()) == []


def put(bucket: Any, folder: Path | None, *keys: str) -> None:
    """A line each, in S3 below `prefix/`, and in the folder."""
    for key in keys:
        bucket.put_object(Bucket="batch", Key=f"prefix/{key}", Body=b"1")
        if folder is not None and not key.endswith("/"):
            (folder / key).parent.mkdir(parents=True, exist_ok=True)
            (folder / key).write_text("1")


def stored(bucket: Any, folder: Path, place: str, out: str) -> set[str]:
    """Paths below `out`."""
    if place == "file":
        return {path.relative_to(folder / out).as_posix() for path in (folder / out).rglob("*") if path.is_file()}
    below = f"prefix/{out.rstrip('/')}/"
    entries = bucket.list_objects_v2(Bucket="batch", Prefix=below)["Contents"]
    return {entry["Key"].removeprefix(below) for entry in entries}


def clear(bucket: Any) -> None:
    entries = bucket.list_objects_v2(Bucket="batch", Prefix="prefix/")["Contents"]
    bucket.delete_objects(Bucket="batch", Delete={"Objects": [{"Key": entry["Key"]} for entry in entries]})


@pytest.mark.parametrize(
    ("source", "destination", "says"),
    [
        ("s3://batch/none.json", "s3://batch/out/", "Invalid S3 input path s3://batch/none.json"),
        (
            "s3://batch/none/",
            "s3://batch/out/",
            "Invalid S3 input path s3://batch/none/: there is nothing of that name",
        ),
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


def test_many_lines_in_flat_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shop = Shop(tmp_path).furnish("INTERACTIONS")
    shop.load_clicks(*(f"u{user} i{user * 7 % 300} {user}" for user in range(MANY)))
    version = shop.train()
    campaign = shop.engine.records.get(shop.deploy(version), CampaignRecord)
    deployed = shop.engine.deployments.load(campaign)
    group = shop.engine.follower.restored(shop.uid)
    asked = FilteredQuestion(Question(campaign=deployed.campaign.arn))
    answer = LineAnswers(deployed, group, asked, shop.clock(), lambda: "x")
    (tmp_path / "in.json").write_text("".join(f'{{"userId":"u{user}"}}\n' for user in range(MANY)))
    held: dict[str, tuple[int, int]] = {}

    def watch(fraction: float, message: str) -> None:
        if (lines := message.split(" ")[0]) in (f"{FEWER:,}", f"{MANY:,}"):
            gc.collect()
            held[lines] = _resident_mb(), sys.getallocatedblocks()

    job = Files(source=f"file://{tmp_path}/in.json", destination=f"file://{tmp_path}/out/", allow_file_urls=True)
    started = time.monotonic()
    counts = job.answer(answer, watch)
    seconds = time.monotonic() - started
    shop.close()
    megabytes, objects = np.subtract(held[f"{MANY:,}"], held[f"{FEWER:,}"]).tolist()
    with capsys.disabled():
        print(
            f"\n{MANY:,} users at {MANY / seconds:,.0f} a second; after the last there are {megabytes} MB and"
            f" {objects} objects more than after {FEWER:,}"
        )
    assert (counts.lines, counts.errors) == (MANY, 0)
    assert megabytes <= GROWTH_MB and objects <= GROWTH_OBJECTS, held
    with (tmp_path / "out" / "in.json.out").open() as out:
        first = json.loads(next(out))
        assert len(first["output"]["recommendedItems"]) == 25 and sum(1 for _ in out) == MANY - 1


def _resident_mb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20
