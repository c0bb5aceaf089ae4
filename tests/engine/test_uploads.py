"""Uploaded files wait for their import in the store, and go with it."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import msgspec
import pytest
from msgspec.structs import replace

from engine import CsvFile, InvalidInput, Operations, perform
from engine.backups.in_use import used_paths
from engine.storage.uploads import KEPT_S, upload_at
from tests.engine.shop import ACCOUNT, Shop
from tests.engine.test_cleaning import clean

ROWS = b"USER_ID,ITEM_ID,TIMESTAMP\nu,a,1700000000\nv,b,1700000001\n"


def upload(shop: Shop, body: bytes = ROWS) -> str:
    return Operations(shop.engine).import_files("shop", "INTERACTIONS", CsvFile("../my clicks.csv", body), {})


def ended(shop: Shop, name: str) -> tuple[str, str]:
    arn = shop.group.replace("dataset-group/shop", f"dataset-import-job/{name}")
    job = shop.do("DescribeDatasetImportJob", datasetImportJobArn=arn)["datasetImportJob"]
    return job["status"], job.get("failureReason", "")


def files(shop: Shop) -> list[str]:
    return sorted(file.name for file in (shop.folder / "data" / "uploads").glob("*/*/*"))


def test_it_goes_when_its_import_has_ended(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop()
    name = upload(shop)
    assert files(shop) == ["my_clicks.csv"]
    assert any(path.startswith("uploads/") for path in used_paths(shop.engine.database))  # a backup has it
    shop.work()
    assert ended(shop, name) == ("ACTIVE", "") and files(shop) == []
    refused = upload(shop, b"USER_ID,ITEM_ID,TIMESTAMP\nu,,1700000000\n")
    shop.work()
    assert ended(shop, refused)[0] == "CREATE FAILED" and files(shop) == []


def test_that_of_a_failed_import_stays_a_day_and_that_of_a_waiting_one_longer(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop()
    upload(shop)
    shop.work()
    failed = upload(shop, gzip.compress(ROWS)[:-8])
    shop.work()
    assert "gzip data is broken" in ended(shop, failed)[1] and files(shop) == ["my_clicks.csv"]
    assert clean(shop) == "0 folders removed"
    shop.clock.now += KEPT_S + 1
    assert clean(shop) == "1 folders removed" and files(shop) == []
    waiting = upload(shop)
    shop.clock.now += KEPT_S + 1
    shop.engine.jobs.enqueue_once("cleaning", "models")
    shop.work()
    assert ended(shop, waiting) == ("ACTIVE", "")


def test_it_goes_with_its_dataset_group(open_shop: Callable[..., Shop]) -> None:
    shop = open_shop()
    upload(shop)
    shop.work()
    upload(shop, gzip.compress(ROWS)[:-8])
    shop.work()
    assert files(shop)
    Operations(shop.engine).delete_group(shop.group)
    shop.engine.jobs.enqueue_once("forgetting", "groups")
    shop.work()
    assert files(shop) == []


def test_callers_of_the_api_name_none(open_shop: Callable[..., Shop]) -> None:
    """But where they may name files of this machine, too."""
    shop = open_shop()
    upload(shop)
    settings = shop.engine.settings
    location = upload_at("recgate://uploads/x/1-2/a.csv")
    assert location is not None and upload_at("recgate://uploads/x/../1-2/a.csv") is None
    members = {
        "jobName": "mine",
        "datasetArn": shop.dataset("INTERACTIONS"),
        "dataSource": {"dataLocation": location.location},
        "roleArn": "arn:aws:iam::000000000000:role/r",
    }
    strict = shop.engine.resources.control(ACCOUNT, "us-east-1", replace(settings, allow_file_urls=False))
    with pytest.raises(InvalidInput, match="Invalid Data location"):
        perform(strict, "CreateDatasetImportJob", msgspec.json.encode(members))
    arn = shop.do("CreateDatasetImportJob", **members)["datasetImportJobArn"]
    shop.work()
    job = shop.do("DescribeDatasetImportJob", datasetImportJobArn=arn)["datasetImportJob"]
    assert job["status"] == "CREATE FAILED" and "a.csv is no longer there: send it again" in job["failureReason"]
