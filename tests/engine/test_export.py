"""Exports: what was imported and what was streamed comes out under the schema's header, where it was asked to go."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

from engine import InvalidInput
from engine.data.destination import open_destination
from tests.engine.shop import HOME, T0, Shop
from tests.moto_server import moto_server, s3_environ

INTERACTIONS = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,DEVICE,SHELF"
ITEMS = "ITEM_ID,GENRES,YEAR,PRICE"
ROLE = "arn:aws:iam::000000000000:role/r"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path).furnish()
    yield shop
    shop.close()


def export(shop: Shop, kind: str, mode: str, folder: str = "") -> dict[str, Any]:
    path = folder or f"file://{shop.folder}/out/"
    made = {"jobName": f"{kind}-{mode}".lower(), "datasetArn": shop.dataset(kind), "ingestionMode": mode}
    output = {"s3DataDestination": {"path": path}}
    arn = shop.do("CreateDatasetExportJob", **made, roleArn=ROLE, jobOutput=output)["datasetExportJobArn"]
    shop.work()
    job: dict[str, Any] = shop.do("DescribeDatasetExportJob", datasetExportJobArn=arn)["datasetExportJob"]
    return job


def lines(shop: Shop, kind: str, mode: str) -> list[str]:
    job = export(shop, kind, mode)
    assert job["status"] == "ACTIVE", job
    assert [path.name for path in (shop.folder / "out").iterdir()] == [f"{job['jobName']}.csv"]
    text = (shop.folder / "out" / f"{job['jobName']}.csv").read_text()
    (shop.folder / "out" / f"{job['jobName']}.csv").unlink()
    return text.splitlines()


def test_two_writers_of_one_file_do_not_mix(tmp_path: Path):
    texts = [letter * 3_000_000 for letter in "ab"]  # copied in several parts
    together = threading.Barrier(2)

    def write(text: str) -> None:
        for _ in range(5):
            with open_destination(f"file://{tmp_path}", "out.csv", allow_file_urls=True) as file:
                file.write(text)
                together.wait(20)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, texts))
    assert (tmp_path / "out.csv").read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


def test_interactions(shop: Shop):
    bulk = [f'u,a,{T0},Buy,2.7,"a ""b"", c",', f"v,b,{T0 + 1},,,,7"]
    shop.load("INTERACTIONS", [INTERACTIONS, *bulk])
    shop.click(None, "c", 5, session="s1", event_value=0.1, properties={"device": 'a "b", c', "shelf": "7"})
    for second in range(6, 9):
        shop.click("w", "a", second, session="s1", impression=("x", "y"))
    put = [f'w,c,{T0 + 5},click,0.1,"a ""b"", c",7', *(f"w,a,{T0 + second},click,,," for second in range(6, 9))]
    assert lines(shop, "INTERACTIONS", "BULK") == [INTERACTIONS, *bulk]
    assert lines(shop, "INTERACTIONS", "PUT") == [INTERACTIONS, *put]
    assert lines(shop, "INTERACTIONS", "ALL") == [INTERACTIONS, *bulk, *put]


WHOLE: list[dict[str, Any]] = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
    {"name": "DEVICE", "type": ["null", "string"], "categorical": True},
    {"name": "DEPTH", "type": ["null", "int"]},
    {"name": "NOTE", "type": ["null", "string"]},
    {"name": "NIGHT", "type": ["null", "boolean"]},
    {"name": "IMPRESSION", "type": ["null", "string"]},
    {"name": "RECOMMENDATION_ID", "type": ["null", "string"]},
    {"name": "EVENT_ATTRIBUTION_SOURCE", "type": ["null", "string"]},
]
HEADER = ",".join(field["name"] for field in WHOLE)


def test_every_column_of_interactions_comes_back(tmp_path: Path):
    """Imported and streamed, mixed, folded in between, in a second import that adds, and in another process."""
    shop = Shop(tmp_path).furnish(interactions=WHOLE)
    first = [f"u,a,{T0},tv|phone,3,n1,true,a|b,r-1,mail", f"v,b,{T0 + 1},,,,,,,"]
    shop.load("INTERACTIONS", [HEADER, *first])
    said = {"device": ["tv"], "depth": 0, "note": "ä", "night": False}
    source = {"eventAttributionSource": "web"}
    more: dict[str, Any] = {"impression": ("b", "c"), "recommendation_id": "r-2", "metric_attribution": source}
    shop.click("u", "b", 2, properties=said, **more)
    shop.fold()
    shop.click(None, "c", 3, session="s2", properties={"device": "phone"})
    second = [f"u,c,{T0 + 4},watch,9,n2,false,c,r-3,"]
    shop.load("INTERACTIONS", [HEADER, f"v,b,{T0 + 1},,,,,,,", *second], "INCREMENTAL")
    shop.click("v", "c", 5, session="s2")
    put = [f"u,b,{T0 + 2},tv,0,ä,false,b|c,r-2,web", f"v,c,{T0 + 3},phone,,,,,,", f"v,c,{T0 + 5},,,,,,,"]
    shop.close()
    shop = Shop(tmp_path, start=1000)
    shop.clock.now += 60
    assert sorted(lines(shop, "INTERACTIONS", "BULK")) == sorted([HEADER, *first, *second])
    assert lines(shop, "INTERACTIONS", "PUT") == [HEADER, *put]
    shop.load("INTERACTIONS", [HEADER, f"w,a,{T0},,,,,,,"])
    assert lines(shop, "INTERACTIONS", "ALL") == [HEADER, f"w,a,{T0},,,,,,,", *put]
    shop.close()


def test_items_and_users(shop: Shop):
    shop.load_clicks("u nameless 1")
    shop.load("ITEMS", [ITEMS, "a,x|y,1999,2.5", "b,,,1"])
    shop.put("b", genres="z")
    shop.put("c", year=2001)
    shop.load("USERS", ["USER_ID,TIER", "u,gold"])
    assert lines(shop, "ITEMS", "BULK") == [ITEMS, "a,x|y,1999,2.5"]
    assert sorted(lines(shop, "ITEMS", "PUT")) == sorted([ITEMS, "b,z,,", "c,,2001,"])
    assert sorted(lines(shop, "ITEMS", "ALL")) == sorted([ITEMS, "a,x|y,1999,2.5", "b,z,,", "c,,2001,"])
    assert lines(shop, "USERS", "ALL") == ["USER_ID,TIER", "u,gold"]
    assert lines(shop, "USERS", "PUT") == ["USER_ID,TIER"]


def test_a_place_that_cant_be_written_to_fails_the_job(shop: Shop):
    (shop.folder / "file").touch()
    job = export(shop, "ITEMS", "ALL", f"file://{shop.folder}/file/")
    assert job["status"] == "CREATE FAILED" and job["failureReason"].startswith("Invalid S3 output path file://")
    assert shop.do("ListDatasetExportJobs")["datasetExportJobs"][0]["failureReason"] == job["failureReason"]
    assert job["datasetExportJobArn"] == f"{HOME}dataset-export-job/items-all"


# ---- S3


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in s3_environ(server).items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="exports")
    yield client
    client.close()


@pytest.mark.parametrize(
    ("folder", "key"), [("s3://exports/x/", "x/n.csv"), ("s3://exports/x", "x/n.csv"), ("s3://exports", "n.csv")]
)
def test_into_s3_when_all_is_written(bucket: Any, folder: str, key: str):
    with open_destination(folder, "n.csv", allow_file_urls=False) as file:
        file.write("é\n" * 10)
    assert bucket.get_object(Bucket="exports", Key=key)["Body"].read().decode() == "é\n" * 10


def test_nothing_where_it_breaks(bucket: Any):
    with (
        pytest.raises(ZeroDivisionError),
        open_destination("s3://exports/broken/", "n.csv", allow_file_urls=False) as file,
    ):
        file.write("x")
        raise ZeroDivisionError
    assert "Contents" not in bucket.list_objects_v2(Bucket="exports", Prefix="broken/")


def test_no_such_bucket(bucket: Any):
    with (
        pytest.raises(InvalidInput, match="Invalid S3 output path s3://none/x/"),
        open_destination("s3://none/x/", "n.csv", allow_file_urls=False) as file,
    ):
        file.write("x")
