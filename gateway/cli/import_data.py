"""recgate import: CSV files into a dataset group, made where it is missing."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec
from rich.console import Console
from rich.table import Table

from engine import ImportOptions, RowForm, grown_schema, guess_schema, import_of, open_source
from gateway.cli.datasets import UPDATABLE, dataset_exists, ensure_dataset, is_filled, name_of, schema_of
from gateway.cli.local import Local, opened
from gateway.cli.locations import located, read_text
from gateway.cli.options import data_option, group_option, json_option, plain_errors, print_json
from gateway.cli.query_rows import queried

TYPES = ("INTERACTIONS", "ITEMS", "USERS", "ACTIONS", "ACTION_INTERACTIONS")
MODES = ("FULL", "INCREMENTAL")
REMEDIES = (  # part of a failure's reason, what helps
    ("looks like milliseconds", "If all times are milliseconds: --timestamps milliseconds."),
    ("rows are bad", "To leave bad rows out, N at most: --skip-bad N."),
)


@dataclass(frozen=True)
class ImportCommandOptions:
    files: tuple[str, ...]
    dataset_type: str
    schema: str | None
    add_columns: bool
    mode: str
    skip_bad: int
    odd_values: str | None
    timestamps: str | None
    columns: tuple[str, ...]
    query: str | None
    allow_empty: bool
    as_json: bool
    group: str
    data: Path


@click.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--type", "dataset_type", type=click.Choice(TYPES, case_sensitive=False), required=True)
@click.option("--schema", metavar="FILE", help="Avro schema, which updates that of an existing dataset; else guessed.")
@click.option("--add-columns", is_flag=True, help="Add the files' new columns to the schema of an existing dataset.")
@click.option("--mode", type=click.Choice(MODES, case_sensitive=False), default="FULL", show_default=True)
@click.option(
    "--skip-bad", type=click.IntRange(min=0), default=0, metavar="N", help="Leave out up to N bad rows; more fail it."
)
@click.option(
    "--odd-values",
    type=click.Choice(["tolerate", "refuse"]),
    help="A value that does not fit its column is read as null (the default of Items and Users), or its row is bad.",
)
@click.option(
    "--timestamps",
    type=click.Choice(["seconds", "milliseconds", "decimal", "iso"]),
    help="How times are written: whole seconds since 1970 (the default), milliseconds, decimals (1.6e9), ISO 8601.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="FIELD=NAME",
    help="The field is in the files' column of that name, as ITEM_ID=sku.",
)
@click.option("--query", metavar="SQL", help="The rows of a query; FILE is a database's URL, as sqlite:///shop.db.")
@click.option("--allow-empty", is_flag=True, help="Let a FULL import without rows empty the dataset.")
@json_option
@group_option
@data_option
def command(**values: Any) -> None:
    """Import each FILE into a dataset: CSV, JSON Lines or Parquet (also gzip and Zstandard), folders and globs of
    them, s3://bucket/key, or - for the standard input; with --query the rows of a database."""
    options = ImportCommandOptions(**values)
    readings = {
        "skipBadRows": str(options.skip_bad or ""),
        "oddValues": options.odd_values or "",
        "timestamps": options.timestamps or "",
        "allowEmpty": "true" if options.allow_empty else "",
        "columns": "/".join(options.columns),
    }
    tags = {name: value for name, value in readings.items() if value}
    console = Console(stderr=options.as_json)
    with (
        plain_errors(),
        rows_at(options) as location,
        opened(options.data, console, allow_file_urls=True) as local,
    ):
        text = None if options.schema is None else read_text(options.schema)
        dataset = prepare(local, options, location, text)
        job = run_import(local, dataset, location, options.mode, **tags)
        if options.as_json:
            arn = local.arn(f"dataset-group/{options.group}")
            print_json(import_of(local.engine, arn, job.rpartition("/")[2]))
            return
        report = local.engine.resources.import_report(job)
        console.print(summary(report))
        for note in local.engine.resources.import_notes(job):
            say(console, note)
        if any(report.get("ignoredColumns") or ()):
            say(console, way_in(options.files, options.dataset_type, options.group, options.data))
        if options.dataset_type.endswith("INTERACTIONS"):
            say(console, f"events of this group go to trackingId {tracker(local, options.group)}")


def say(console: Console, text: str) -> None:
    """A line as it is, to be copied: never broken where the terminal ends."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def import_file(local: Local, group: str, dataset_type: str, file: Path, schema: str) -> dict[str, object]:
    """Imports a file and returns the report. Raises `ClickException` naming lines and columns where rows are bad."""
    dataset = ensure_dataset(local, group, dataset_type, schema)
    location = f"file://{quote(str(file.resolve()))}{'/' if file.is_dir() else ''}"
    return local.engine.resources.import_report(run_import(local, dataset, location))


def run_import(local: Local, dataset: str, location: str, mode: str = "FULL", **options: str) -> str:
    """The ARN of an import job that has ended well. Raises `ClickException` with the reason and what helps."""
    group, dataset_type = dataset.split("/")[-2:]
    name = f"{group}-{dataset_type.lower()}-{int(time.time() * 1000):x}"
    job: str = local.call(
        "CreateDatasetImportJob",
        jobName=name[-63:].lstrip("-_"),
        datasetArn=dataset,
        dataSource={"dataLocation": location},
        importMode=mode,
        roleArn="arn:aws:iam::000000000000:role/local",
        tags=[{"tagKey": f"recgate:{name}", "tagValue": value} for name, value in options.items()],
    )["datasetImportJobArn"]
    try:
        local.watch(job, f"import {dataset_type.lower()}")
    except click.ClickException as error:
        remedies = [remedy for part, remedy in REMEDIES if part in error.message]
        raise click.ClickException("\n".join((error.message, *remedies))) from error
    return job


def rows_at(options: ImportCommandOptions) -> AbstractContextManager[str]:
    """The location of the rows, for as long as the context is open."""
    if options.query is None:
        return located(options.files, options.data)
    return queried(options.files, options.query, options.timestamps, options.data)


def prepare(local: Local, options: ImportCommandOptions, location: str, schema: str | None) -> str:
    """The ARN of the dataset to import into: made with the schema given or guessed, or updated to it."""
    group, dataset_type = options.group, options.dataset_type
    form = RowForm(ImportOptions(columns="/".join(options.columns)).column_of)
    if schema is None and dataset_exists(local, group, dataset_type) and is_filled(local, group):
        dataset = local.arn(f"dataset/{group}/{dataset_type}")
        if not options.add_columns:
            return dataset
        schema = grown_schema(schema_of(local, dataset), open_source(location, allow_file_urls=True), form)
    elif schema is None:
        schema = guess_schema(open_source(location, allow_file_urls=True), dataset_type, form)
        fields = msgspec.json.decode(schema)["fields"]
        say(local.console, "schema guessed: " + ", ".join(f"{field['name']} {field['type']}" for field in fields))
    return ensure_dataset(local, group, dataset_type, schema)


def way_in(files: Sequence[str], dataset_type: str, group: str, data: Path) -> str:
    """The command that takes columns that were left out into the dataset."""
    if dataset_type not in UPDATABLE:
        return f"The schema of {dataset_type} can't change; a new dataset group (--group NAME) takes all columns."
    command = ["recgate", "import", *files, "--type", dataset_type.lower(), "--group", group, "--data", str(data)]
    return f"To take them in: {shlex.join([*command, '--add-columns'])}"


def tracker(local: Local, group: str) -> str:
    """The tracking id of the group's event tracker, made where it is missing."""
    group_arn = local.arn(f"dataset-group/{group}")
    local.ensure("CreateEventTracker", name=name_of(group, "events"), datasetGroupArn=group_arn)
    arn = local.call("ListEventTrackers", datasetGroupArn=group_arn)["eventTrackers"][0]["eventTrackerArn"]
    tracking_id: str = local.call("DescribeEventTracker", eventTrackerArn=arn)["eventTracker"]["trackingId"]
    return tracking_id


def summary(report: dict[str, object]) -> Table:
    table = Table("rows", "kept", "duplicates", "left out", "blank lines", "ignored columns", title="imported")
    ignored = report.get("ignoredColumns") or []
    assert isinstance(ignored, list)
    counts = (report.get(name, 0) for name in ("rows", "kept", "duplicates", "bad", "blankLines"))
    table.add_row(*(f"{count:,}" for count in counts), ", ".join(ignored) or "none")
    return table
