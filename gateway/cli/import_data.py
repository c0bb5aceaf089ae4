"""recgate import: CSV files into a dataset group, made where it is missing."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from engine import infer_schema
from gateway.cli.local import Local, opened
from gateway.cli.options import data_option, group_option, plain_errors

TYPES = ("INTERACTIONS", "ITEMS", "USERS", "ACTIONS", "ACTION_INTERACTIONS")
SAMPLE_ROWS = 2000


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True))
@click.option("--type", "dataset_type", type=click.Choice(TYPES, case_sensitive=False), required=True)
@click.option(
    "--schema", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Avro schema; else guessed."
)
@click.option(
    "--mode", type=click.Choice(["FULL", "INCREMENTAL"], case_sensitive=False), default="FULL", show_default=True
)
@group_option
@data_option
def command(file: Path, dataset_type: str, schema: Path | None, mode: str, group: str, data: Path) -> None:
    """Import FILE, a CSV or a folder of them, into a dataset."""
    console = Console()
    with plain_errors(), opened(data, console, allow_file_urls=True) as local:
        text = schema.read_text() if schema is not None else guessed(file, dataset_type, console)
        report = import_file(local, group, dataset_type, file, text, mode)
        console.print(summary(report))
        if dataset_type.endswith("INTERACTIONS"):
            console.print(f"events of this group go to trackingId {tracker(local, group)}", highlight=False)


def import_file(
    local: Local, group: str, dataset_type: str, file: Path, schema: str, mode: str = "FULL"
) -> dict[str, object]:
    """The import's report. Raises `ClickException` naming lines and columns where rows are bad."""
    dataset = ensure_dataset(local, group, dataset_type, schema)
    name = f"{group}-{dataset_type.lower()}-{int(time.time() * 1000):x}"
    location = f"file://{file.resolve()}" + ("/" if file.is_dir() else "")
    job = local.call(
        "CreateDatasetImportJob",
        jobName=name[-63:].lstrip("-_"),
        datasetArn=dataset,
        dataSource={"dataLocation": location},
        importMode=mode,
        roleArn="arn:aws:iam::000000000000:role/local",
    )["datasetImportJobArn"]
    local.watch(job, f"import {dataset_type.lower()}")
    return local.engine.import_report(job)


def tracker(local: Local, group: str) -> str:
    """The tracking id of the group's event tracker, made where it is missing."""
    local.ensure("CreateEventTracker", name=f"{group}-events", datasetGroupArn=local.arn(f"dataset-group/{group}"))
    trackers = local.call("ListEventTrackers", datasetGroupArn=local.arn(f"dataset-group/{group}"))["eventTrackers"]
    arn = trackers[0]["eventTrackerArn"]
    found: str = local.call("DescribeEventTracker", eventTrackerArn=arn)["eventTracker"]["trackingId"]
    return found


def ensure_dataset(local: Local, group: str, dataset_type: str, schema: str) -> str:
    """The ARN of the group's dataset of that type; group, schema and dataset are made where they are missing."""
    local.ensure("CreateDatasetGroup", name=group)
    name = f"{group}-{dataset_type.lower()}"
    local.ensure("CreateSchema", name=name, schema=schema)
    local.ensure(
        "CreateDataset",
        name=name,
        schemaArn=local.arn(f"schema/{name}"),
        datasetGroupArn=local.arn(f"dataset-group/{group}"),
        datasetType=dataset_type,
    )
    return local.arn(f"dataset/{group}/{dataset_type}")


def guessed(file: Path, dataset_type: str, console: Console) -> str:
    """A schema from the header and the first rows, shown so that it can be corrected."""
    first = next(iter(sorted(file.glob("*.csv"))), file) if file.is_dir() else file
    with first.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
        rows = csv.reader(lines)
        header = next(rows, [])
        sample = [row for row, _ in zip(rows, range(SAMPLE_ROWS), strict=False) if len(row) == len(header)]
    text = infer_schema(dataset_type, header, sample)
    fields = msgspec.json.decode(text)["fields"]
    console.print(
        "schema guessed: " + ", ".join(f"{field['name']} {field['type']}" for field in fields), highlight=False
    )
    return text


def summary(report: dict[str, object]) -> Table:
    table = Table("rows", "kept", "duplicates", "blank lines", "ignored columns", title="imported")
    ignored = report.get("ignoredColumns") or []
    assert isinstance(ignored, list)
    counts = (report.get(name, 0) for name in ("rows", "kept", "duplicates", "blankLines"))
    table.add_row(*(f"{count:,}" for count in counts), ", ".join(ignored) or "none")
    return table
