"""A small shop as files that `recgate apply` takes, with the data that they name."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from gateway.__main__ import main
from tests.server.world import EVENT_SCHEMA, write_csvs

HERE = Path(__file__).parent
PARAMETER_FILES = ("films", "store")
ITEM_SCHEMA = {
    "type": "record",
    "name": "Items",
    "namespace": "shop",
    "version": "1.0",
    "fields": [
        {"name": "ITEM_ID", "type": "string"},
        {"name": "KIND", "type": ["null", "string"], "categorical": True},
    ],
}
UNSEEN = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")'


def document() -> dict[str, Any]:
    """Our own format, with a resource of each kind but domains' and segments'."""
    popular = {
        "name": "popular",
        "recipeArn": "aws-popularity-count",
        "performAutoTraining": True,
        "solutionConfig": {"autoTrainingConfig": {"schedulingExpression": "rate(7 days)"}},
        "solutionVersion": {"name": "one"},
        "campaigns": [{"name": "popular", "minProvisionedTPS": 1, "tags": [{"tagKey": "page", "tagValue": "home"}]}],
        "batchInferenceJobs": [
            {
                "jobName": "letters",
                "numResults": 3,
                "filterArn": "unseen",
                "jobInput": {"s3DataSource": {"path": "users.json"}},
                "jobOutput": {"s3DataDestination": {"path": "letters/"}},
            }
        ],
    }
    click = {"eventType": "view", "metricName": "VIEWS", "expression": "SAMPLECOUNT()"}
    group = {
        "name": "shop",
        "tags": [{"tagKey": "team", "tagValue": "search"}],
        "datasets": [
            {
                "datasetType": "Interactions",
                "name": "interactions",
                "schemaArn": "shop-interactions",
                "datasetImportJobs": [{"jobName": "events", "dataSource": {"dataLocation": "interactions.csv"}}],
            },
            {
                "datasetType": "Items",
                "name": "items",
                "schemaArn": "shop-items",
                "datasetImportJobs": [{"jobName": "goods", "dataSource": {"dataLocation": "items.csv"}}],
            },
        ],
        "eventTracker": {"name": "shop-events"},
        "filters": [{"name": "unseen", "filterExpression": UNSEEN}],
        "metricAttribution": {"name": "views", "metrics": [click], "metricsOutputConfig": {}},
        "solutions": [popular],
    }
    schemas = [
        {"name": "shop-interactions", "schema": json.loads(EVENT_SCHEMA)},
        {"name": "shop-items", "schema": ITEM_SCHEMA},
    ]
    return copy.deepcopy({"schemas": schemas, "datasetGroups": [group]})


def write(folder: Path, data: dict[str, Any]) -> Path:
    file = folder / "shop.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    return file


def shop_files(folder: Path) -> Path:
    """The file of the shop with its data beside it."""
    for path in write_csvs(folder / "csv"):
        shutil.copy(path, folder)
    (folder / "users.json").write_text('{"userId": "u1"}\n{"userId": "u2"}\n')
    return write(folder, document())


def parameter_file(folder: Path, name: str) -> Path:
    """A parameter file where the retired solution had it, with data beside it and questions for its batch jobs."""
    train, batch = folder / "bucket" / "train" / name, folder / "bucket" / "batch" / name / "taste"
    for path in write_csvs(folder / "csv"):
        train.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, train)
    if name == "store":
        events = (train / "interactions.csv").read_text()
        (train / "interactions.csv").unlink()
        (train / "interactions").mkdir()
        (train / "interactions" / "one.csv").write_text(events.replace(",view", ",View"))
        (train / "items.csv").write_text(
            "ITEM_ID,CATEGORY_L1,PRICE\n" + "".join(f"i{n},c{n % 3},{n}\n" for n in range(40))
        )
        (train / "users.csv").write_text("USER_ID,MEMBER\n" + "".join(f"u{n},yes\n" for n in range(80)))
    batch.mkdir(parents=True)
    (batch / "job_config.json").write_text('{"itemId": "i1"}\n')
    return Path(shutil.copy(HERE / f"{name}.json", train / "config.json"))


def recgate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def done(*arguments: str | Path) -> str:
    """What a command prints that ends well."""
    result = recgate(*arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def refused(*arguments: str | Path) -> str:
    """What a command that fails says, on one line."""
    result = recgate(*arguments)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit), (result.output, result.exception)
    return " ".join(result.output.split())
