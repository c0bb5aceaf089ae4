"""AWS's getting-started flow, step by step; each step makes what it needs where that is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from typing import Any

ROLE = "arn:aws:iam::123456789012:role/Personalize"
POPULAR = "arn:aws:personalize:::recipe/aws-popularity-count"
PERSONAL = "arn:aws:personalize:::recipe/aws-user-personalization-v2"


def schema_text(name: str, *fields: tuple[str, Any]) -> str:
    described = [{"name": field, "type": type_} for field, type_ in fields]
    return json.dumps({"type": "record", "name": name, "namespace": "x", "fields": described, "version": "1.0"})


INTERACTIONS = schema_text("Interactions", ("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"))
ITEMS = schema_text("Items", ("ITEM_ID", "string"), ("PRICE", "float"))


class Flow:
    def __init__(self, personalize: Any, finish: Callable[..., None], location: str = "s3://b/i.csv") -> None:
        self.personalize, self.finish, self.location = personalize, finish, location

    @cached_property
    def group(self) -> str:
        return self.personalize.create_dataset_group(name="shop")["datasetGroupArn"]

    @cached_property
    def schema(self) -> str:
        return self.personalize.create_schema(name="shop-interactions", schema=INTERACTIONS)["schemaArn"]

    @cached_property
    def dataset(self) -> str:
        return self.personalize.create_dataset(
            name="interactions", schemaArn=self.schema, datasetGroupArn=self.group, datasetType="Interactions"
        )["datasetArn"]

    @cached_property
    def import_job(self) -> str:
        arn = self.personalize.create_dataset_import_job(
            jobName="first", datasetArn=self.dataset, dataSource={"dataLocation": self.location}, roleArn=ROLE
        )["datasetImportJobArn"]
        self.finish(arn)
        return arn

    @cached_property
    def tracker(self) -> dict[str, str]:
        assert self.dataset
        return self.personalize.create_event_tracker(name="clicks", datasetGroupArn=self.group)

    @cached_property
    def filter(self) -> str:
        return self.personalize.create_filter(
            name="unseen",
            datasetGroupArn=self.group,
            filterExpression='EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")',
        )["filterArn"]

    @cached_property
    def solution(self) -> str:
        return self.personalize.create_solution(
            name="popular", recipeArn=POPULAR, datasetGroupArn=self.group, performAutoTraining=False
        )["solutionArn"]

    @cached_property
    def version(self) -> str:
        arn = self.personalize.create_solution_version(solutionArn=self.solution)["solutionVersionArn"]
        self.finish(arn, metrics={"coverage": 0.5}, training_hours=0.01)
        return arn

    @cached_property
    def campaign(self) -> str:
        return self.personalize.create_campaign(name="home", solutionVersionArn=self.version)["campaignArn"]
