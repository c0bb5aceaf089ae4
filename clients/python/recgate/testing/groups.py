"""A dataset group with data, by the API that everyone has: schemas, datasets, imports, models, campaigns."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROLE = "arn:aws:iam::000000000000:role/test"
RECIPE = "arn:aws:personalize:::recipe/"
WAIT_S = 120.0
LOOK_S = 0.05
KEYS = {
    "INTERACTIONS": {"USER_ID": "string", "ITEM_ID": "string", "TIMESTAMP": "long"},
    "ITEMS": {"ITEM_ID": "string"},
    "USERS": {"USER_ID": "string"},
}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class DataGroup:
    """A dataset group whose data is imported; `tracking_id` is of its event tracker."""

    personalize: Any  # boto3's client
    name: str
    arn: str
    tracking_id: str

    def campaign(self, name: str, recipe: str = "aws-popularity-count", **hyperparameters: str) -> str:
        """The ARN of a campaign of this name with a model that is trained now. Raises `RuntimeError` with the reason
        where it can't be."""
        solution = self.personalize.create_solution(
            name=name,
            datasetGroupArn=self.arn,
            recipeArn=RECIPE + recipe,
            performAutoTraining=False,
            solutionConfig={"algorithmHyperParameters": hyperparameters},
        )["solutionArn"]
        version = self.personalize.create_solution_version(solutionArn=solution)["solutionVersionArn"]
        _settled(lambda: self.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"])
        arn = self.personalize.create_campaign(name=name, solutionVersionArn=version)["campaignArn"]
        _settled(lambda: self.personalize.describe_campaign(campaignArn=arn)["campaign"])
        return str(arn)


def group_of(personalize: Any, folder: Path, name: str, datasets: Mapping[str, Sequence[Row]]) -> DataGroup:
    """The group of this name with rows by dataset type, imported."""
    arn = personalize.create_dataset_group(name=name)["datasetGroupArn"]
    _settled(lambda: personalize.describe_dataset_group(datasetGroupArn=arn)["datasetGroup"])
    for kind, rows in datasets.items():
        if rows:
            _import(personalize, folder, DatasetRows(f"{name}-{kind.lower()}", arn, kind, rows))
    tracker = personalize.create_event_tracker(name=name, datasetGroupArn=arn)
    return DataGroup(personalize, name, arn, tracker["trackingId"])


@dataclass(frozen=True)
class DatasetRows:
    name: str
    group: str  # its ARN
    kind: str
    rows: Sequence[Row]


def schema_of(kind: str, rows: Sequence[Row]) -> str:
    """The Avro schema of the rows: columns of numbers are numbers, texts are categories. Raises `ValueError` where a
    column is missing that the dataset needs."""
    needed = KEYS[kind]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    if missing := [name for name in needed if name not in columns]:
        raise ValueError(f"rows of {kind} lack {', '.join(missing)}")
    fields = [{"name": name, "type": needed[name]} for name in needed]
    fields += [_field(name, [row.get(name) for row in rows]) for name in columns if name not in needed]
    if len(fields) == 1:  # a table of ids alone is none
        raise ValueError(f"rows of {kind} need a column beside {fields[0]['name']}")
    record = {"type": "record", "name": kind.capitalize(), "namespace": "test", "fields": fields, "version": "1.0"}
    return json.dumps(record)


def _field(name: str, values: Sequence[Any]) -> dict[str, Any]:
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, int) and not isinstance(value, bool) for value in present):
        return {"name": name, "type": ["null", "long"]}
    if present and all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        return {"name": name, "type": ["null", "double"]}
    categorical = {} if name == "EVENT_TYPE" else {"categorical": True}
    return {"name": name, "type": ["null", "string"], **categorical}


def _import(personalize: Any, folder: Path, dataset: DatasetRows) -> None:
    schema = personalize.create_schema(name=dataset.name, schema=schema_of(dataset.kind, dataset.rows))
    arn = personalize.create_dataset(
        name=dataset.name, schemaArn=schema["schemaArn"], datasetGroupArn=dataset.group, datasetType=dataset.kind
    )["datasetArn"]
    _settled(lambda: personalize.describe_dataset(datasetArn=arn)["dataset"])
    path = folder / f"{dataset.name}.csv"
    columns = list(dict.fromkeys(name for row in dataset.rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(dataset.rows)
    job = personalize.create_dataset_import_job(
        jobName=dataset.name, datasetArn=arn, dataSource={"dataLocation": path.as_uri()}, roleArn=ROLE
    )["datasetImportJobArn"]
    _settled(lambda: personalize.describe_dataset_import_job(datasetImportJobArn=job)["datasetImportJob"])


def _settled(describe: Any) -> None:
    """Waits until a resource is ACTIVE. Raises `RuntimeError` where it fails."""
    deadline = time.monotonic() + WAIT_S
    while (resource := describe())["status"] != "ACTIVE":
        if resource["status"].endswith("FAILED"):
            raise RuntimeError(resource.get("failureReason", resource["status"]))
        if time.monotonic() > deadline:
            raise RuntimeError(f"{resource.get('name')} is still {resource['status']} after {WAIT_S:.0f} s")
        time.sleep(LOOK_S)
