"""Batch segments: users for an item, or for items of a kind; filters on users; lines and jobs that fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import InUse, InvalidInput
from tests.engine.batch.world import USERS, Batches

BY_ITEM, BY_ATTRIBUTES = "aws-item-affinity", "aws-item-attribute-affinity"
EVEN, ODD = ({f"u{n}" for n in range(half, USERS, 2)} for half in (0, 1))


def test_users_for_an_item(batches: Batches):
    (answer,) = batches.segments(BY_ITEM, {"itemId": "i3"}, numResults=8)
    assert list(answer) == ["input", "output", "error"] and answer["input"] == {"itemId": "i3"}
    assert answer["error"] is None and answer["output"].keys() == {"recommendedUsers", "usersList"}
    assert answer["output"]["usersList"] == answer["output"]["recommendedUsers"]
    assert set(answer["output"]["recommendedUsers"]) == ODD


def test_users_for_items_of_a_kind(batches: Batches):
    even, one = batches.segments(
        BY_ATTRIBUTES,
        {"itemAttributes": 'ITEMS.genres = "even" AND ITEMS.GENRES = "all"'},
        {"itemAttributes": 'Items.Genres="odd" and ITEMS.YEAR = 1993'},
        numResults=8,
    )
    assert list(even) == ["input", "itemAttributes", "output", "error"] and even["error"] is None
    assert even["input"] == {"itemAttributes": even["itemAttributes"]}
    assert even["itemAttributes"] == 'ITEMS.genres = "even" AND ITEMS.GENRES = "all"'
    assert even["output"]["usersList"] == even["output"]["recommendedUsers"]
    assert set(even["output"]["recommendedUsers"]) == EVEN and set(one["output"]["recommendedUsers"]) == ODD


def test_everybody_comes_sooner_or_later_25_unless_told(batches: Batches):
    job, _ = batches.segment(BY_ITEM, {"a.json": '{"itemId":"i3"}'})
    assert job["numResults"] == 25
    (answer,) = batches.segments(BY_ITEM, {"itemId": "i3"}, numResults=5_000_000)
    users = answer["output"]["recommendedUsers"]
    assert set(users) >= EVEN | ODD and len(set(users)) == len(users) and set(users[:8]) == ODD


def test_filters_on_users(batches: Batches):
    tier = batches.filter("tier", "INCLUDE UserID WHERE Users.TIER = $T")
    gold, none = batches.segments(
        BY_ITEM, {"itemId": "i3", "filterValues": {"T": '"gold"'}}, {"itemId": "i3"}, filterArn=tier, numResults=2
    )
    assert set(gold["output"]["recommendedUsers"]) == {"u1", "u3"}
    assert none["error"] == "filterValues: the filter's parameter T has no value."
    (kind,) = batches.segments(
        BY_ATTRIBUTES,
        {"itemAttributes": 'ITEMS.GENRES = "odd"', "filterValues": {"T": '"gold"'}},
        filterArn=tier,
        numResults=9,
    )
    assert kind["output"]["recommendedUsers"][:2] in (["u1", "u3"], ["u3", "u1"])
    assert set(kind["output"]["recommendedUsers"]) == {"u0", "u1", "u2", "u3"}


def test_a_filter_on_what_users_did(batches: Batches):
    arn = batches.filter("did-nothing", 'EXCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("click")')
    (answer,) = batches.segments(BY_ITEM, {"itemId": "i3"}, filterArn=arn)
    assert answer["output"]["recommendedUsers"] == []
    with pytest.raises(InvalidInput, match="can't be filtered by Interactions"):
        batches.segment(BY_ATTRIBUTES, {"a.json": ""}, filterArn=arn)


@pytest.mark.parametrize(
    ("line", "says", "shown"),
    [
        ({"itemAttributes": 'ITEMS.GENRES != "odd"'}, "expected", 'ITEMS.GENRES != "odd"'),
        ({"itemAttributes": 'ITEMS.NAME = "x"'}, "no such field", 'ITEMS.NAME = "x"'),
        ({"itemAttributes": 'ITEMS.GENRES = "none"'}, "no item has them", 'ITEMS.GENRES = "none"'),
        ({"itemAttributes": 5}, "$.itemAttributes", 5),
        ({"itemId": "i3"}, "itemAttributes", None),
        ("not json", "malformed", None),
    ],
)
def test_bad_lines_of_attributes(batches: Batches, line: Any, says: str, shown: Any):
    bad, good = batches.segments(BY_ATTRIBUTES, line, {"itemAttributes": 'ITEMS.GENRES = "odd"'})
    assert says in bad["error"] and "output" not in bad and bad["input"] == line
    assert bad.get("itemAttributes") == shown
    assert good["error"] is None and good["output"]["recommendedUsers"]


@pytest.mark.parametrize(
    ("line", "says"), [({"itemId": "x"}, "item x"), ({"userId": "u1"}, "itemId"), ("[]", "object")]
)
def test_bad_lines_of_items(batches: Batches, line: Any, says: str):
    bad, good = batches.segments(BY_ITEM, line, {"itemId": "i3"})
    assert says in bad["error"] and list(bad) == ["input", "error"] and good["error"] is None


@pytest.mark.parametrize(
    ("recipe", "line", "most"), [(BY_ITEM, '{"itemId":"i3"}', 500), (BY_ATTRIBUTES, '{"itemAttributes":"x"}', 10)]
)
def test_too_many_lines(batches: Batches, recipe: str, line: str, most: int):
    job, _ = batches.segment(recipe, {"a.json": f"{line}\n" * most})
    assert job["status"] == "ACTIVE"
    job, _ = batches.segment(recipe, {"a.json": f"{line}\n" * (most + 1)})
    assert job["status"] == "CREATE FAILED" and f"more than {most} lines" in job["failureReason"]


def test_whose_data_is_deleted_is_in_no_segment(tmp_path: Path):
    batches = Batches(tmp_path).stock()
    path = batches.folder / "leave.csv"
    path.write_text("USER_ID\nu15\n")
    location = {"dataLocation": f"file://{path}"}
    role = "arn:aws:iam::000000000000:role/r"
    assert batches.version(BY_ITEM)
    batches.do(
        "CreateDataDeletionJob", jobName="leave", datasetGroupArn=batches.group, dataSource=location, roleArn=role
    )
    batches.work()
    (answer,) = batches.segments(BY_ITEM, {"itemId": "i3"}, numResults=8)
    users = answer["output"]["recommendedUsers"]
    batches.close()
    assert len(users) == 8 and "u15" not in users and "\0" not in users


def test_refusals(batches: Batches):
    for more, says in (({"numResults": 5_000_001}, "numResults"), ({"numResults": 0}, "numResults")):
        with pytest.raises(InvalidInput, match=says):
            batches.segment(BY_ITEM, {"a.json": ""}, **more)
    with pytest.raises(InvalidInput, match="not USER_SEGMENTATION"):
        batches.segment("aws-popularity-count", {"a.json": ""})
    with pytest.raises(InvalidInput, match="create a batch segment job"):
        batches.infer(BY_ITEM, {"a.json": ""})
    arn = batches.filter("on-items", 'INCLUDE ItemID WHERE Items.GENRES IN ("odd")')
    with pytest.raises(InvalidInput, match="the filter is on ItemID"):
        batches.segment(BY_ITEM, {"a.json": ""}, filterArn=arn)


def test_a_filter_in_use_stays(batches: Batches):
    arn = batches.filter("gold", 'INCLUDE UserID WHERE Users.TIER = "gold"')
    made: dict[str, Any] = {
        "jobName": "waits-too",
        "solutionVersionArn": batches.version(BY_ITEM),
        "filterArn": arn,
        "roleArn": "arn:aws:iam::000000000000:role/r",
        "jobInput": {"s3DataSource": {"path": f"file://{batches.folder}/nowhere/"}},
        "jobOutput": {"s3DataDestination": {"path": f"file://{batches.folder}/out/"}},
    }
    job = batches.do("CreateBatchSegmentJob", **made)
    with pytest.raises(InUse, match="waits-too"):
        batches.do("DeleteFilter", filterArn=arn)
    batches.work()
    shown = batches.do("DescribeBatchSegmentJob", **job)["batchSegmentJob"]
    assert shown["status"] == "CREATE FAILED" and shown["failureReason"].startswith("Invalid S3 input path file://")
    batches.do("DeleteFilter", filterArn=arn)
