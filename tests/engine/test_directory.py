from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine import InvalidInput, NotFound
from engine.feed.directory import Directory
from engine.records import DatasetGroupRecord, DatasetRecord, FilterRecord, Records
from tests.engine.shop import Shop

RULE = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'


def test_records_are_found_once_and_forgotten_when_one_changes(shop: Shop):
    directory = Directory(shop.engine.records)
    group = directory.get(shop.group, DatasetGroupRecord)
    assert directory.get(shop.group, DatasetGroupRecord) is group
    datasets = directory.datasets(shop.group)
    assert sorted(datasets) == ["INTERACTIONS", "ITEMS", "USERS"]
    shop.do("DeleteDataset", datasetArn=shop.dataset("USERS"))
    assert directory.datasets(shop.group) is datasets
    directory.forget()
    assert sorted(directory.datasets(shop.group)) == ["INTERACTIONS", "ITEMS"]


def test_what_is_read_while_a_record_changes_is_not_kept(shop: Shop):
    class Slow(Records):
        """The change comes between the reading and the keeping."""

        def list(self, *args: Any, **more: Any) -> Any:
            found = super().list(*args, **more)
            directory.forget()
            return found

    directory = Directory(Slow(shop.engine.database))
    assert "USERS" in directory.datasets(shop.group)
    shop.do("DeleteDataset", datasetArn=shop.dataset("USERS"))
    assert "USERS" not in directory.datasets(shop.group)


def test_a_tracker_is_found_by_its_id(shop: Shop):
    directory = Directory(shop.engine.records)
    tracker = directory.tracker(shop.tracking)
    assert directory.group_of(tracker).arn == shop.group
    with pytest.raises(InvalidInput, match="'x' does not exist"):
        directory.tracker("x")


def test_a_miss_is_not_remembered(open_shop: Callable[..., Shop]):
    shop = open_shop()
    directory = Directory(shop.engine.records)
    with pytest.raises(NotFound):
        directory.get(shop.group, DatasetGroupRecord)
    shop.furnish("INTERACTIONS")
    assert directory.get(shop.group, DatasetGroupRecord).arn == shop.group


def test_what_is_being_deleted_is_not_there(open_shop: Callable[..., Shop]):
    shop = open_shop(pending_s=0.01).furnish
    with pytest.raises(Exception, match="not in ACTIVE state"):
        shop()  # it takes its time to become ACTIVE
    slow = open_shop(pending_s=1e6)
    slow.clock.now += 1e7
    slow.do("CreateFilter", name="f", datasetGroupArn=slow.group, filterExpression=RULE)
    slow.clock.now += 1e7
    arn = slow.do("ListFilters", datasetGroupArn=slow.group)["Filters"][0]["filterArn"]
    slow.do("DeleteFilter", filterArn=arn)
    with pytest.raises(NotFound):
        Directory(slow.engine.records).get(arn, FilterRecord)


def test_item_columns_are_shown_as_the_schema_spells_them(shop: Shop):
    directory = Directory(shop.engine.records)
    fields = directory.item_fields(shop.group, ())
    assert [(field.name, field.key, field.typed) for field in fields] == [
        ("GENRES", "genres", str),
        ("YEAR", "year", int),
        ("PRICE", "price", float),
    ]
    assert directory.item_fields(shop.group, ("YEAR", "NOTHING")) == fields[1:2]
    shop.do("DeleteDataset", datasetArn=shop.dataset("ITEMS"))
    directory.forget()
    assert directory.item_fields(shop.group, ()) == ()


def test_a_schema_is_parsed_once(shop: Shop):
    directory = Directory(shop.engine.records)
    dataset = directory.get(shop.dataset("ITEMS"), DatasetRecord)
    assert directory.schema(dataset) is directory.schema(dataset)
    assert directory.schema(dataset).key == "ITEM_ID"
