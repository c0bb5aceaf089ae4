"""AWS's getting-started flow with boto3, from an empty account to an empty account."""

from __future__ import annotations

import pytest

from tests.aws.flow import Flow
from tests.aws.world import Clients


def test_builds_answers_and_cleans_up(aws: Clients, flow: Flow):
    p = aws.personalize
    assert p.describe_dataset_group(datasetGroupArn=flow.group)["datasetGroup"]["status"] == "ACTIVE"
    assert flow.import_job and flow.tracker and flow.filter
    assert p.describe_campaign(campaignArn=flow.campaign)["campaign"]["solutionVersionArn"] == flow.version
    assert p.get_solution_metrics(solutionVersionArn=flow.version)["metrics"] == {"coverage": 0.5}
    answer = aws.runtime.get_recommendations(campaignArn=flow.campaign, userId="u1")
    assert len(answer["itemList"]) == 25

    p.delete_campaign(campaignArn=flow.campaign)
    p.delete_solution(solutionArn=flow.solution)
    p.delete_filter(filterArn=flow.filter)
    p.delete_event_tracker(eventTrackerArn=flow.tracker["eventTrackerArn"])
    p.delete_dataset(datasetArn=flow.dataset)
    p.delete_schema(schemaArn=flow.schema)
    p.delete_dataset_group(datasetGroupArn=flow.group)
    with pytest.raises(p.exceptions.ResourceNotFoundException):
        p.describe_dataset_group(datasetGroupArn=flow.group)
    assert p.list_schemas()["schemas"] == p.list_dataset_groups()["datasetGroups"] == []
