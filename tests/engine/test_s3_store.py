"""Snapshots and models in a bucket, of which machines map copies: a real S3, engines with folders of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from engine import Damaged, InvalidInput, Settings, examine
from engine.errors import StorageFault
from engine.recipe import Model
from engine.serving import artifacts
from engine.storage import s3_store
from engine.storage.artifact_store import open_artifacts
from engine.storage.manifest import MANIFEST
from engine.storage.s3_store import KEEP_S, S3Store
from engine.storage.sql import sqlite_url
from tests.engine.shop import ACCOUNT, HOME, Shop
from tests.moto_server import moto_server, s3_environ
from tests.services import free_port

BUCKET = "recgate-storage"
PATH = "models/u/solution/version"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in s3_environ(endpoint).items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    found = boto3.resource("s3").Bucket(BUCKET)
    yield found
    found.objects.all().delete()
    client.close()


Machine = Callable[..., S3Store]


@pytest.fixture
def machine(bucket: Any, tmp_path: Path) -> Machine:
    def named(name: str, cache_bytes: int = 10**9, ahead_s: float = 0.0) -> S3Store:
        return S3Store(f"s3://{BUCKET}/prod", tmp_path / name, cache_bytes, lambda: time.time() + ahead_s)

    return named


def keys(bucket: Any, part: str = "") -> list[str]:
    return [each.key for each in bucket.objects.all() if part in each.key]


def model(seed: int = 1) -> Model:
    return Model({"items": np.arange(1000) * seed, "users": np.ones(10) * seed}, {"seq": seed})


def test_a_model_is_the_same_on_another_machine(machine: Machine, bucket: Any):
    artifacts.save(model(), machine("one"), PATH)
    folder = machine("two").fetch(PATH)
    assert artifacts.load(folder).arrays["items"].tolist() == model().arrays["items"].tolist()
    assert machine("two").local(PATH) == folder and machine("three").local(PATH) is None
    assert all(key.startswith(f"prod/{PATH}/") for key in keys(bucket))
    with pytest.raises(FileNotFoundError, match=f"s3://{BUCKET}/prod/models/u/solution/other/{MANIFEST}"):
        machine("two").fetch("models/u/solution/other")


def test_files_of_the_base_are_stored_and_fetched_once(machine: Machine, bucket: Any):
    one, two = machine("one"), machine("two")
    artifacts.save(model(), one, PATH)
    own = artifacts.load(one.fetch(PATH))
    later = Model({**own.arrays, "users": np.zeros(3)}, {"seq": 2})
    artifacts.save(later, one, f"{PATH}-items-2", (own, PATH))
    assert len(keys(bucket, "items.npy")) == 1 and len(keys(bucket, "users.npy")) == 2
    two.fetch(PATH)
    assert (two.fetch(f"{PATH}-items-2") / "items.npy").stat().st_nlink == 2
    one.remove(PATH)  # which the later one's manifest names files of
    assert one.paths("models") == [PATH, f"{PATH}-items-2"] and keys(bucket, f"{PATH}/{MANIFEST}") == []
    assert artifacts.load(machine("three").fetch(f"{PATH}-items-2")).about == {"seq": 2}
    one.remove("models/u")
    assert keys(bucket) == []


def test_the_first_of_two_counts(machine: Machine):
    one, two = machine("one"), machine("two")
    artifacts.save(model(1), one, PATH)
    artifacts.save(model(2), two, PATH)
    assert artifacts.load(two.fetch(PATH)).about == artifacts.load(one.fetch(PATH)).about == {"seq": 1}
    artifacts.save(model(1), machine("three"), PATH)  # the same once more


def test_an_object_that_is_not_what_was_written_is_refused_and_named(machine: Machine, bucket: Any):
    artifacts.save(model(), machine("one"), PATH)
    (key,) = keys(bucket, "items.npy")
    body = bucket.Object(key).get()["Body"].read()
    two = machine("two")
    for spoilt in (body[:-1] + b"x", body[:-1]):
        bucket.put_object(Key=key, Body=spoilt)
        with pytest.raises(Damaged, match=f"s3://{BUCKET}/{key} is damaged: "):
            two.fetch(PATH)
    bucket.Object(key).delete()
    with pytest.raises(Damaged, match=f"{key} is damaged: it is missing"):
        two.fetch(PATH)
    assert two.local(PATH) is None
    bucket.put_object(Key=key, Body=body)
    two.fetch(PATH)
    bucket.put_object(Key=f"prod/{PATH}/{MANIFEST}", Body=b"{")
    with pytest.raises(Damaged, match=MANIFEST):
        machine("three").fetch(PATH)
    two.fetch(PATH)  # which is here


WRITER = """
import sys, time
from pathlib import Path
from engine.storage.s3_store import S3Store
with S3Store(sys.argv[1], Path(sys.argv[2]), 0, time.time).whole(sys.argv[3]) as folder:
    for number in range(60):
        (folder / f"{number}.npy").write_bytes(bytes(100_000 + number))
"""


def test_an_upload_that_was_killed_leaves_nothing_to_be_seen(machine: Machine, bucket: Any, tmp_path: Path):
    command = [sys.executable, "-c", WRITER, f"s3://{BUCKET}/prod", str(tmp_path / "one"), PATH]
    with subprocess.Popen(command) as process:
        while not keys(bucket):
            assert process.poll() is None
        process.kill()
    assert 0 < len(keys(bucket)) < 60
    with pytest.raises(FileNotFoundError):
        machine("two").fetch(PATH)
    assert list((tmp_path / "one" / "models" / "u" / "solution").iterdir())  # half written
    subprocess.run(command, check=True)
    assert len(keys(bucket)) == 61 and len(list(machine("two").fetch(PATH).iterdir())) == 61
    machine("one", ahead_s=KEEP_S + 10).trim([PATH])
    assert [path.name for path in (tmp_path / "one" / "models" / "u" / "solution").iterdir()] == ["version"]
    machine("two").remove(PATH)
    assert keys(bucket) == []


def test_copies_that_nothing_uses_make_room(machine: Machine, tmp_path: Path):
    one, two = machine("one"), machine("two")
    paths = [f"models/u/solution/{number}" for number in range(4)]
    for place, path in enumerate(paths):
        artifacts.save(model(place), one, path)
        os.utime(two.fetch(path) / MANIFEST, (time.time() + place, time.time() + place))
    size = sum(file.stat().st_size for file in two.fetch(paths[0]).iterdir())
    machine("two", 0).trim([])  # whoever is about to map one has time for it
    assert all(map(two.local, paths))
    one.remove(paths[3])
    machine("two", 10 * size, KEEP_S + 100).trim([paths[1]])
    assert [path for path in paths if two.local(path)] == paths[:3]
    machine("two", 2 * size, KEEP_S + 100).trim([paths[1]])
    assert [path for path in paths if two.local(path)] == paths[1:2]
    assert one.paths("models") == paths[:3]


def test_a_storage_that_is_away(machine: Machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    artifacts.save(model(), machine("one"), PATH)
    port = free_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
    monkeypatch.setitem(s3_store.OPTIONS, "retries", {"mode": "standard", "total_max_attempts": 1})
    one = machine("one")
    one.fetch(PATH)  # which is here
    with pytest.raises(StorageFault, match=rf"s3://{BUCKET}/prod/ can't be used: .*RECGATE_STORAGE_URL"):
        machine("two").fetch(PATH)
    monkeypatch.setattr(s3_store, "RETRY_S", 0.1)
    saving = threading.Thread(target=artifacts.save, args=(model(2), one, f"{PATH}2"))
    saving.start()
    while "is not published yet" not in caplog.text:
        time.sleep(0.01)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)  # of the same buckets
    server.start()
    saving.join(20)
    assert artifacts.load(machine("two").fetch(f"{PATH}2")).about == {"seq": 2}
    server.stop()


def test_what_does_not_pass_by_itself_is_said_at_once(bucket: Any, tmp_path: Path):
    nowhere = open_artifacts("s3://no-such-bucket", tmp_path, 0, time.time)
    with pytest.raises(StorageFault, match=r"no-such-bucket.*make the bucket"):
        artifacts.save(model(), nowhere, PATH)


@pytest.mark.parametrize(
    "url", ["gs://bucket", "s3:/bucket", "s3://", "s3://user:secret@bucket", "/folder", "s3://b?x"]
)
def test_a_url_of_no_bucket_is_refused(url: str, tmp_path: Path):
    with pytest.raises(InvalidInput, match="RECGATE_STORAGE_URL"):
        open_artifacts(url, tmp_path, 0, time.time)


# ---- engines on two machines, over one database and one bucket


@pytest.fixture
def shops(bucket: Any, tmp_path: Path) -> Iterator[tuple[Shop, Shop]]:
    database = sqlite_url(tmp_path)
    where: dict[str, Any] = {"database_url": database, "storage_url": f"s3://{BUCKET}"}
    one = Shop(tmp_path / "one", **where).furnish()
    one.load_clicks("u a 1", "v b 2", "w b 3")
    one.deploy(one.train())
    two = Shop(tmp_path / "two", start=1000, **where)
    two.tracking = one.tracking
    yield one, two
    two.close()
    one.close()


def eventually(true: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_machine_answers_with_what_another_made(shops: tuple[Shop, Shop], tmp_path: Path):
    one, two = shops
    assert two.ask("u", num_results=5) == one.ask("u", num_results=5) == ["b", "a"]
    one.load_clicks("u c 4", "v c 5", "w c 6", mode="INCREMENTAL")
    one.do("UpdateCampaign", campaignArn=f"{HOME}campaign/home", solutionVersionArn=one.train())
    one.engine.feed.catch_up()
    assert one.ask("u", num_results=1) == ["c"]
    eventually(lambda: two.ask("u", num_results=1) == ["c"])
    assert two.history("u") == one.history("u") == ["a", "c"]
    one.click("u", "d", 7)
    one.fold()
    eventually(lambda: two.engine.follower.snapshot_paths() == one.engine.follower.snapshot_paths())
    assert two.history("u") == ["a", "c", "d"] and two.engine.fetcher.waiting() == 0
    uid = one.uid
    one.do("DeleteCampaign", campaignArn=f"{HOME}campaign/home")
    one.do("DeleteSolution", solutionArn=f"{HOME}solution/popular")
    two.work()  # it hears, and cleans
    two.engine.jobs.enqueue_once("cleaning", "models")
    two.work()
    assert one.engine.store.paths("models") == [] and len(one.engine.store.paths("groups")) == 1
    two.engine.store.trim(two.engine._mapped())
    assert (tmp_path / "two" / "data" / "groups" / uid).exists()


def test_a_model_that_can_not_be_fetched_leaves_the_earlier_one_answering(
    shops: tuple[Shop, Shop], bucket: Any, caplog: pytest.LogCaptureFixture
):
    one, two = shops
    campaign = f"{HOME}campaign/home"
    first = two.engine.answers.deployed("home").model
    one.load_clicks("u c 4", "v c 5", "w c 6", mode="INCREMENTAL")
    version = one.train()
    (key,) = keys(bucket, f"{version[-8:]}/{MANIFEST}")
    body = bucket.Object(key).get()["Body"].read()
    bucket.put_object(Key=key, Body=b"{}")
    one.do("UpdateCampaign", campaignArn=campaign, solutionVersionArn=version)
    two.engine.feed.catch_up()
    eventually(lambda: two.engine.fetcher.failures)
    assert two.engine.answers.is_late("home") and two.ask("u", num_results=1)
    assert two.engine.answers.deployed("home").model == first
    assert f"{campaign} can't be fetched" in caplog.text and f"s3://{BUCKET}/{key} is damaged" in caplog.text
    bucket.put_object(Key=key, Body=body)
    eventually(lambda: version.endswith(two.engine.answers.deployed("home").model))
    assert not two.engine.answers.is_late("home")
    assert two.ask("u", num_results=1) == one.ask("u", num_results=1) == ["c"]
    one.engine.deployments.get(campaign, ACCOUNT)


def test_check_reads_the_bucket_and_the_copies(shops: tuple[Shop, Shop], bucket: Any, tmp_path: Path):
    one, _ = shops
    settings = one.engine.settings

    def faults(settings: Settings) -> list[str]:
        return [each.fault for each in examine(settings) if each.fault]

    assert faults(settings) == []
    copy = one.engine.deployments.get(f"{HOME}campaign/home", ACCOUNT).folder / "about.json"
    before = copy.read_bytes()
    copy.write_bytes(b"{}")
    found = faults(settings)
    assert found and all(f"{copy} is damaged" in each and "is fetched again" in each for each in found)
    copy.write_bytes(before)
    (key,) = keys(bucket, "/item_put.npy")[:1]
    bucket.Object(key).delete()
    (found_in_bucket,) = faults(settings)
    assert f"s3://{BUCKET}/{key} is damaged" in found_in_bucket
