"""AWS's getting-started flow, step by step; each step makes what it needs where that is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from typing import Any

ROLE = "arn:aws:iam::123456789012:role/Personalize"
AFFINITY = "arn:aws:personalize:::recipe/aws-item-affinity"
VIEWED = "arn:aws:personalize:::recipe/aws-ecomm-popular-items-by-views"
POPULAR = "arn:aws:personalize:::recipe/aws-popularity-count"
PERSONAL = "arn:aws:personalize:::recipe/aws-user-personalization-v2"


def schema_text(name: str, *fields: tuple[str, Any]) -> str:
    described = [{"name": field, "type": type_} for field, type_ in fields]
    return json.dumps({"type": "record", "name": name, "namespace": "x", "fields": described, "version": "1.0"})


CLICKS = {"eventType": "click", "metricName": "CLICKS", "expression": "SAMPLECOUNT()"}
INPUT = {"s3DataSource": {"path": "s3://bucket/in/users.json"}}
OUTPUT = {"s3DataDestination": {"path": "s3://bucket/out/"}}
BATCH = {"jobInput": INPUT, "jobOutput": OUTPUT, "roleArn": ROLE}
KEYS = (("USER_ID", "string"), ("ITEM_ID", "string"), ("TIMESTAMP", "long"))
INTERACTIONS = schema_text("Interactions", *KEYS)
EVENTS = schema_text("Interactions", *KEYS, ("EVENT_TYPE", "string"))
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

    @cached_property
    def affinity_version(self) -> str:
        """Of a recipe that makes segments."""
        solution = self.personalize.create_solution(
            name="affinity", recipeArn=AFFINITY, datasetGroupArn=self.group, performAutoTraining=False
        )["solutionArn"]
        arn = self.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
        self.finish(arn)
        return arn

    @cached_property
    def inference(self) -> str:
        return self.personalize.create_batch_inference_job(jobName="nightly", solutionVersionArn=self.version, **BATCH)[
            "batchInferenceJobArn"
        ]

    @cached_property
    def segments(self) -> str:
        return self.personalize.create_batch_segment_job(
            jobName="nightly", solutionVersionArn=self.affinity_version, **BATCH
        )["batchSegmentJobArn"]

    @cached_property
    def export(self) -> str:
        return self.personalize.create_dataset_export_job(
            jobName="out", datasetArn=self.dataset, jobOutput=OUTPUT, roleArn=ROLE
        )["datasetExportJobArn"]

    @cached_property
    def deletion(self) -> str:
        return self.personalize.create_data_deletion_job(
            jobName="leave", datasetGroupArn=self.group, dataSource={"dataLocation": "s3://b/u/"}, roleArn=ROLE
        )["dataDeletionJobArn"]

    @cached_property
    def events_group(self) -> str:
        """A dataset group whose interactions have event types."""
        return self._group_of_events("events")

    @cached_property
    def domain_group(self) -> str:
        return self._group_of_events("domain", domain="ECOMMERCE")

    def _group_of_events(self, name: str, **more: str) -> str:
        p, group = self.personalize, self.personalize.create_dataset_group(name=name, **more)["datasetGroupArn"]
        schema = p.create_schema(name=name, schema=EVENTS, **more)["schemaArn"]
        p.create_dataset(name=name, schemaArn=schema, datasetGroupArn=group, datasetType="Interactions")
        return group

    @cached_property
    def attribution(self) -> str:
        return self.personalize.create_metric_attribution(
            name="impact",
            datasetGroupArn=self.events_group,
            metrics=[CLICKS],
            metricsOutputConfig={"s3DataDestination": {"path": "s3://bucket/metrics/"}, "roleArn": ROLE},
        )["metricAttributionArn"]

    @cached_property
    def recommender(self) -> str:
        arn = self.personalize.create_recommender(name="r", datasetGroupArn=self.domain_group, recipeArn=VIEWED)
        self.finish(arn["recommenderArn"])
        return arn["recommenderArn"]
