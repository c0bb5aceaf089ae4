"""The datasets that commands import into: made where they are missing, and given a new schema where they are there."""

from __future__ import annotations

from contextlib import suppress
from hashlib import blake2b
from itertools import count

import click

from engine import EngineError, NotFound, parse_schema
from gateway.cli.local import Local

UPDATABLE = ("ITEMS", "USERS")
LONGEST = 63  # characters of a name


def ensure_dataset(local: Local, group: str, dataset_type: str, schema: str) -> str:
    """Makes the group, its schema and its dataset of that type if they are missing; returns the dataset's ARN.

    A dataset that exists gets the schema if it has another. Raises `ClickException` if it can't.
    """
    local.ensure("CreateDatasetGroup", name=group)
    if dataset_exists(local, group, dataset_type):
        dataset = local.arn(f"dataset/{group}/{dataset_type}")
        if not same(schema, schema_of(local, dataset)) and not is_filled(local, group):
            local.call("DeleteDataset", datasetArn=dataset)  # of an import that failed: it holds nothing
        else:
            update_schema(local, dataset, schema)
            return dataset
    arn: str = local.call(
        "CreateDataset",
        name=name_of(group, dataset_type),
        schemaArn=create_schema(local, group, dataset_type, schema),
        datasetGroupArn=local.arn(f"dataset-group/{group}"),
        datasetType=dataset_type,
    )["datasetArn"]
    return arn


def dataset_exists(local: Local, group: str, dataset_type: str) -> bool:
    try:
        local.call("DescribeDataset", datasetArn=local.arn(f"dataset/{group}/{dataset_type}"))
    except NotFound:
        return False
    return True


def is_filled(local: Local, group: str) -> bool:
    """True if an import into the group has succeeded, or anything was put into it."""
    arn = local.arn(f"dataset-group/{group}")
    for dataset in local.call("ListDatasets", datasetGroupArn=arn)["datasets"]:
        jobs = local.call("ListDatasetImportJobs", datasetArn=dataset["datasetArn"])["datasetImportJobs"]
        if any(job["status"] != "CREATE FAILED" for job in jobs):
            return True
    snapshot = local.engine.resources.snapshot(arn)
    return len(snapshot.item_names) + len(snapshot.user_names) > 0


def same(schema: str, other: str) -> bool:
    return parse_schema(schema).fields == parse_schema(other).fields


def schema_of(local: Local, dataset: str) -> str:
    """The dataset's schema as JSON text."""
    arn = local.call("DescribeDataset", datasetArn=dataset)["dataset"]["schemaArn"]
    text: str = local.call("DescribeSchema", schemaArn=arn)["schema"]["schema"]
    return text


def update_schema(local: Local, dataset: str, schema: str) -> None:
    """Give the dataset this schema, where it has another. Raises `ClickException` with the reason where it can't be."""
    group, dataset_type = dataset.split("/")[-2:]
    if same(schema, schema_of(local, dataset)):
        return
    if dataset_type not in UPDATABLE:
        raise click.ClickException(
            f"the schema differs from that of {group}'s {dataset_type}, which can't change; leave --schema out, or"
            " import into a new dataset group (--group NAME)"
        )
    new = create_schema(local, group, dataset_type, schema)
    try:
        local.call("UpdateDataset", datasetArn=dataset, schemaArn=new)
    except EngineError as error:
        with suppress(EngineError):
            local.call("DeleteSchema", schemaArn=new)
        raise click.ClickException(f"the schema of {group}'s {dataset_type} stays: {error.message}") from error


def create_schema(local: Local, group: str, dataset_type: str, schema: str) -> str:
    """The ARN of a new schema, or of one of the group's that says the same already."""
    domain = local.call("DescribeDatasetGroup", datasetGroupArn=local.arn(f"dataset-group/{group}"))["datasetGroup"]
    members = {"schema": schema, **{name: domain[name] for name in ("domain",) if name in domain}}
    for number in count(1):
        name = name_of(group, dataset_type, "" if number == 1 else f"-{number}")
        if local.ensure("CreateSchema", name=name, **members):
            break
        if local.call("DescribeSchema", schemaArn=local.arn(f"schema/{name}"))["schema"]["schema"] == schema:
            break
    return local.arn(f"schema/{name}")


def name_of(group: str, dataset_type: str, suffix: str = "") -> str:
    """The name of a dataset or schema: the group's name, the type and the suffix; a long group's name is cut."""
    end = f"-{dataset_type.lower()}{suffix}"
    if len(group) + len(end) <= LONGEST:
        return f"{group}{end}"
    digest = blake2b(group.encode(), digest_size=4).hexdigest()
    return f"{group[: LONGEST - len(end) - 9]}-{digest}{end}"
