"""Transactions, forgotten records, and campaigns that follow their solution."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from engine.control import perform
from engine.control.campaigns import follow_latest
from engine.control.dataset_groups import CreateDatasetGroup
from engine.errors import AlreadyExists, NotFound
from engine.records import CampaignRecord, DatasetGroupRecord, SolutionVersionRecord
from tests.engine.control.conftest import HOME, POPULAR, Plane


def test_nothing_is_left_of_a_creation_whose_job_could_not_be_queued(plane: Plane):
    made = {"recipeArn": POPULAR, "datasetGroupArn": plane.group(), "performAutoTraining": False}
    solution = plane("CreateSolution", name="s", **made)["solutionArn"]
    plane.broken = True
    with pytest.raises(OSError, match="no space"):
        plane("CreateSolutionVersion", solutionArn=solution)
    assert plane.records.list(SolutionVersionRecord) == []


def test_a_campaign_that_could_not_be_announced_is_not_there(plane: Plane):
    version = plane.version(plane.group())
    plane.broken = True
    with pytest.raises(OSError, match="no space"):
        plane("CreateCampaign", name="c", solutionVersionArn=version)
    assert plane.records.list(CampaignRecord) == []


def test_a_campaign_is_announced_to_its_group(plane: Plane):
    group = plane.group()
    campaign = plane("CreateCampaign", name="c", solutionVersionArn=plane.version(group))["campaignArn"]
    assert plane.told[-1] == (plane.records.get(group, DatasetGroupRecord).uid, "deploy", campaign)


def test_campaigns_follow_the_latest_version_where_they_sync(plane: Plane):
    group = plane.group()
    first = plane.version(group)
    latest = f"{HOME}solution/popular/$LATEST"
    synced = {"syncWithLatestSolutionVersion": True}
    plane("CreateCampaign", name="follows", solutionVersionArn=latest, campaignConfig=synced)
    plane("CreateCampaign", name="stays", solutionVersionArn=latest)
    second = plane("CreateSolutionVersion", solutionArn=f"{HOME}solution/popular")["solutionVersionArn"]
    plane.told.clear()
    with plane.database.write() as within:
        follow_latest(plane.control, plane.records.get(second, SolutionVersionRecord, within), within)
    used = {campaign.name: campaign.solution_version_arn for campaign in plane.records.list(CampaignRecord)}
    assert used == {"follows": second, "stays": first}
    assert [told[1:] for told in plane.told] == [("deploy", f"{HOME}campaign/follows")]


def test_two_groups_of_one_name_in_turn_have_different_uids(plane: Plane):
    arn = plane.group()
    first = plane.records.get(arn, DatasetGroupRecord).uid
    plane("DeleteDatasetGroup", datasetGroupArn=arn)
    assert plane.group() == arn
    assert plane.records.get(arn, DatasetGroupRecord).uid != first


def test_what_is_gone_is_forgotten_at_the_next_deletion(make_plane: Callable[..., Plane]):
    plane = make_plane(pending_s=1.0)
    one, two = plane.group("one"), plane.group("two")
    plane.now += 1
    plane("DeleteDatasetGroup", datasetGroupArn=one)
    plane.now += 1
    plane("DeleteDatasetGroup", datasetGroupArn=two)
    assert [group.arn for group in plane.records.list(DatasetGroupRecord)] == [two]


def test_a_solution_and_its_versions_go_together(make_plane: Callable[..., Plane]):
    plane = make_plane(pending_s=1.0)
    group = plane.group()
    plane.now += 1
    plane("CreateSolution", name="s", recipeArn=POPULAR, datasetGroupArn=group, performAutoTraining=False)
    plane.now += 1
    plane("CreateSolutionVersion", solutionArn=f"{HOME}solution/s", name="one")
    version = plane.records.list(SolutionVersionRecord)[0]
    plane.records.replace(SolutionVersionRecord(**{**fields(version), "status": "ACTIVE"}))
    plane("DeleteSolution", solutionArn=f"{HOME}solution/s")
    shown = plane("DescribeSolutionVersion", solutionVersionArn=version.arn)["solutionVersion"]
    assert shown["status"] == "DELETE PENDING"
    plane.now += 1
    with pytest.raises(NotFound):
        plane("DescribeSolutionVersion", solutionVersionArn=version.arn)
    plane("CreateSolution", name="s", recipeArn=POPULAR, datasetGroupArn=group, performAutoTraining=False)
    assert plane("ListSolutionVersions", solutionArn=f"{HOME}solution/s")["solutionVersions"] == []


def fields(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def test_of_many_at_once_one_gets_the_name(plane: Plane):
    def create(_: int) -> bool:
        try:
            return bool(perform(plane.control, "CreateDatasetGroup", b'{"name": "shop"}'))
        except AlreadyExists:
            return False

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(create, range(16))) == 1


def test_a_refused_creation_changes_nothing(plane: Plane):
    plane.group()
    before = plane.records.list(DatasetGroupRecord)
    with pytest.raises(AlreadyExists):
        plane("CreateDatasetGroup", name="shop", domain="ECOMMERCE")
    assert plane.records.list(DatasetGroupRecord) == before


@pytest.mark.parametrize(
    ("fields", "error", "says"),
    [
        ({}, TypeError, "Missing required argument 'uid'"),
        ({"uid": "g", "uuid": "g"}, TypeError, "Unexpected keyword argument 'uuid'"),
        ({"uid": 7}, msgspec.ValidationError, r"Expected `str`, got `int` - at `\$.uid`"),
    ],
)
def test_a_record_that_could_not_be_read_is_not_made(
    plane: Plane, fields: dict[str, Any], error: type[Exception], says: str
):
    with pytest.raises(error, match=says):
        plane.control.record(DatasetGroupRecord, CreateDatasetGroup(name="shop"), **fields)
