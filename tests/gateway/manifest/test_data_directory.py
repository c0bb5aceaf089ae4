"""recgate apply and export-config on a data directory: from nothing to campaigns that answer, and later changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pytest
import yaml

from gateway.manifest import manifest_schema
from tests.gateway.manifest.world import (
    PARAMETER_FILES,
    document,
    done,
    parameter_file,
    recgate,
    refused,
    shop_files,
    write,
)
from tests.moto_server import moto_server, s3_environ

Change = Callable[[dict[str, Any]], object]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECGATE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "data"


def group(data: dict[str, Any]) -> dict[str, Any]:
    part: dict[str, Any] = data["datasetGroups"][0]
    return part


def steps(*arguments: str | Path) -> list[tuple[str, str, str]]:
    """The steps of a plan: action, kind and name."""
    planned = json.loads(done("apply", *arguments, "--plan", "--json"))
    return [(each["action"], each["kind"], each["name"]) for each in planned["changes"]]


def changed(file: Path, change: Change) -> Path:
    data = document()
    change(data)
    return write(file.parent, data)


def test_a_plan_changes_nothing(tmp_path: Path) -> None:
    file = shop_files(tmp_path)
    planned = recgate("apply", file, "--plan", "--detailed-exitcode")
    assert planned.exit_code == 2 and "  + campaign shop/popular" in planned.output
    assert "Plan: 14 to create." in planned.output
    assert done("apply", file, "--plan") == planned.output
    assert done("export-config").endswith("datasetGroups: []\n")


def test_a_second_apply_changes_nothing_and_the_campaign_answers(tmp_path: Path) -> None:
    file = shop_files(tmp_path)
    applied = done("apply", file)
    assert (
        "created: campaign shop/popular" in applied and "created: batch inference job shop/popular/letters" in applied
    )
    assert (tmp_path / "letters" / "users.json.out").read_text().count('"recommendedItems"') == 2
    assert json.loads(done("recommend", "popular", "--user", "u1", "--json"))
    again = recgate("apply", file, "--detailed-exitcode", "--plan")
    assert (again.exit_code, again.output) == (0, "No changes.\n")
    assert done("apply", file) == "No changes.\n"
    assert json.loads(done("apply", file, "--json")) == {"applied": True, "changes": [], "notes": []}


CHANGES: list[tuple[Change, list[str]]] = [
    (
        lambda data: group(data)["solutions"][0]["campaigns"][0].update(minProvisionedTPS=2),
        ["~ campaign shop/popular", "minProvisionedTPS: 1 → 2"],
    ),
    (
        lambda data: group(data)["solutions"][0]["solutionConfig"].update(
            autoTrainingConfig={"schedulingExpression": "rate(2 days)"}
        ),
        ["~ solution shop/popular", 'schedulingExpression: "rate(7 days)" → "rate(2 days)"'],
    ),
    (
        lambda data: group(data)["solutions"][0].update(performAutoTraining=False),
        ["~ solution shop/popular", "performAutoTraining: true → false"],
    ),
    (
        lambda data: group(data).update(tags=[{"tagKey": "owner", "tagValue": "ann"}]),
        ["~ dataset group shop", 'tags: {"team":"search"} → {"owner":"ann"}'],
    ),
    (
        lambda data: group(data)["metricAttribution"].update(
            metrics=[{"eventType": "view", "metricName": "SEEN", "expression": "SAMPLECOUNT()"}]
        ),
        ["~ metric attribution shop", 'metrics.SEEN.eventType: none → "view"', "metrics.VIEWS: {"],
    ),
    (
        lambda data: group(data)["solutions"][0].update(solutionVersion={"name": "two"}),
        ["+ solution version shop/popular", "~ campaign shop/popular", 'solutionVersionArn: "one" → "two"'],
    ),
]


def test_changes_in_place(tmp_path: Path) -> None:
    file = shop_files(tmp_path)
    done("apply", file)
    for change, words in CHANGES:
        file = changed(file, change)
        planned = done("apply", file, "--plan")
        assert [each for each in words if each not in planned] == [], planned
        assert planned in done("apply", file) + "\n"
        assert done("apply", file, "--plan") == "No changes.\n", words


def grow(data: dict[str, Any]) -> None:
    schema = json.loads(json.dumps(data["schemas"][1]))
    schema["schema"]["fields"].append({"name": "PRICE", "type": ["null", "int"]})
    data["schemas"].append({**schema, "name": "shop-items-2"})
    group(data)["datasets"][1]["schemaArn"] = "shop-items-2"


def test_a_dataset_takes_a_schema_of_another_name(tmp_path: Path) -> None:
    file = shop_files(tmp_path)
    done("apply", file)
    file = changed(file, grow)
    assert steps(file) == [("create", "schema", "shop-items-2"), ("change", "dataset", "shop/ITEMS")]
    done("apply", file)
    assert done("apply", file) == "No changes.\n"


FIXED: list[tuple[Change, str]] = [
    (
        lambda data: group(data)["solutions"][0].update(recipeArn="aws-sims"),
        "datasetGroups[0].solutions[0].recipeArn: solution shop/popular: recipeArn can't be changed",
    ),
    (
        lambda data: data["schemas"][1]["schema"]["fields"].pop(),
        "schemas[1].schema: schema shop-items: schema can't be changed",
    ),
    (
        lambda data: group(data)["filters"][0].update(filterExpression=UNBOUGHT),
        "datasetGroups[0].filters[0].filterExpression: filter shop/unseen: filterExpression can't be changed",
    ),
    (
        lambda data: group(data)["filters"][0].update(filterExpression=UNBOUGHT),
        "--replace deletes it and makes it anew",
    ),
    (
        lambda data: group(data)["datasets"][0]["datasetImportJobs"][0].update(importMode="INCREMENTAL"),
        "a job is done once: give it another jobName to do it again",
    ),
    (
        lambda data: group(data)["datasets"][0].update(schemaArn="shop-itmes"),
        "there is no schema 'shop-itmes'; one of: shop-interactions, shop-items; did you mean 'shop-items'?",
    ),
    (
        lambda data: group(data)["solutions"].append({"name": "new", "recipeArn": "aws-simms"}),
        "did you mean 'aws-sims'?",
    ),
    (lambda data: group(data).update(domain="ECOMMERCE"), "domain can't be changed: it is None, not 'ECOMMERCE'"),
]
UNBOUGHT = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("bought")'


def test_what_can_not_be_changed_is_refused_with_its_place_and_the_way(tmp_path: Path) -> None:
    file = shop_files(tmp_path)
    done("apply", file)
    for change, words in FIXED:
        said = refused("apply", changed(file, change))
        assert words in said and ": line " not in said and "line " in said, said
    write(tmp_path, document())
    assert done("apply", file) == "No changes.\n"


def test_what_nothing_hangs_on_is_replaced(tmp_path: Path) -> None:
    file = shop_files(tmp_path)
    done("apply", file)
    file = changed(file, lambda data: group(data)["filters"][0].update(filterExpression=UNBOUGHT))
    declined = recgate("apply", file, "--replace")
    assert declined.exit_code == 1 and "± filter shop/unseen" in declined.output and "Aborted" in declined.output
    assert "replaced: filter shop/unseen" in done("apply", file, "--replace", "--yes")
    assert done("apply", file) == "No changes.\n"


def test_prune_deletes_what_is_not_declared(tmp_path: Path) -> None:
    file = shop_files(tmp_path)
    done("apply", file)

    def without(data: dict[str, Any]) -> None:
        group(data)["solutions"], group(data)["filters"] = [], []
        group(data)["datasets"].pop()
        data["schemas"].pop()

    file = changed(file, without)
    assert done("apply", file) == "No changes.\n"
    gone = [
        ("campaign", "shop/popular"),
        ("filter", "shop/unseen"),
        ("solution", "shop/popular"),
        ("dataset", "shop/ITEMS"),
        ("schema", "shop-items"),
    ]
    assert steps(file, "--prune") == [("delete", *each) for each in gone]
    assert "Plan: 5 to delete." in done("apply", file, "--prune", "--yes")
    assert done("apply", file, "--prune") == "No changes.\n"


def test_prune_groups_deletes_other_dataset_groups_and_schemas(tmp_path: Path) -> None:
    file = shop_files(tmp_path)
    done("apply", file)
    empty = write(tmp_path, {"datasetGroups": [{"name": "other"}]})
    done("apply", empty)
    assert steps(empty, "--prune") == []
    done("apply", empty, "--prune-groups", "--yes")
    assert done("export-config").endswith("datasetGroups:\n- name: other\n")


def test_what_has_failed_half_way_goes_on(tmp_path: Path) -> None:
    file = shop_files(tmp_path)
    events = tmp_path / "interactions.csv"
    good = events.read_text()
    events.write_text(good + "\nu1,i1,not-a-time,view\n")
    said = refused("apply", file)
    assert "created: solution shop/popular" in said
    assert "datasetGroups[0].datasets[0].datasetImportJobs[0]: import shop/INTERACTIONS/events: " in said
    assert "line 642" in said or "642" in said
    events.write_text(good)
    rest = [
        ("create", "datasetImportJob", "shop/INTERACTIONS/events-2"),
        ("create", "solutionVersion", "shop/popular"),
        ("create", "campaign", "shop/popular"),
        ("create", "batchInferenceJob", "shop/popular/letters"),
    ]
    assert steps(file) == rest
    done("apply", file)
    assert done("apply", file) == "No changes.\n"


def test_an_operation_that_is_refused_has_its_place(tmp_path: Path) -> None:
    def unreadable(data: dict[str, Any]) -> None:
        group(data)["filters"][0]["filterExpression"] = "EXCLUDE ItemID WHERE Items.COLOR = 1"

    shop_files(tmp_path)
    file = changed(tmp_path / "shop.yaml", unreadable)
    said = refused("apply", file)
    assert "datasetGroups[0].filters[0]: filter shop/unseen: " in said and "COLOR" in said and "line " in said
    write(tmp_path, document())
    done("apply", file)
    assert done("apply", file) == "No changes.\n"


def test_a_name_of_another_dataset_group_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    file = shop_files(tmp_path)
    done("apply", file)
    other = {"name": "other", "filters": [{"name": "unseen", "filterExpression": UNBOUGHT}]}
    said = refused("apply", write(tmp_path, {"datasetGroups": [other]}))
    assert "datasetGroups[0].filters[0].name: filter other/unseen: the name is taken by arn:aws:personalize:" in said
    assert "name: other" not in done("export-config")


def test_jobs_are_done_again_when_asked(tmp_path: Path) -> None:
    file = shop_files(tmp_path)
    done("apply", file)
    assert steps(file, "--again", "import", "--again", "training", "--again", "batch") == [
        ("create", "datasetImportJob", "shop/INTERACTIONS/events-2"),
        ("create", "datasetImportJob", "shop/ITEMS/goods-2"),
        ("create", "solutionVersion", "shop/popular"),
        ("change", "campaign", "shop/popular"),
        ("create", "batchInferenceJob", "shop/popular/letters-2"),
    ]
    done("apply", file, "--again", "import", "--again", "training")
    assert done("apply", file) == "No changes.\n"
    assert steps(file, "--again", "import")[0] == ("create", "datasetImportJob", "shop/INTERACTIONS/events-3")


@pytest.mark.parametrize("name", PARAMETER_FILES)
def test_parameter_files_of_the_retired_solution_apply_unchanged(tmp_path: Path, name: str) -> None:
    file = parameter_file(tmp_path, name)
    done("apply", file)
    before = done("export-config")
    again = recgate("apply", file, "--plan", "--detailed-exitcode")
    assert again.exit_code == 0 and again.output.endswith("No changes.\n")
    done("apply", file)
    assert done("export-config") == before
    exported = yaml.safe_load(before)
    assert tags_of(exported["datasetGroups"][0]) == {"project": name}
    assert len(exported["datasetGroups"][0]["datasets"]) == (2 if name == "films" else 3)


def tags_of(part: dict[str, Any]) -> dict[str, str]:
    return {each["tagKey"]: each["tagValue"] for each in part["tags"]}


def test_schedules_and_tags_of_a_parameter_file(tmp_path: Path) -> None:
    file = parameter_file(tmp_path, "films")
    applied = done("apply", file)
    assert "schedules.full: cron(0 0 ? * 1 *) becomes rate(7 days)" in applied
    assert "cron(0 */6 * * ? *) is not kept here: let cron run `recgate apply FILE --again import`" in applied
    assert "there is no batch/films/popular-films/job_config.json" in applied
    films = yaml.safe_load(done("export-config"))["datasetGroups"][0]
    alike, popular, taste = films["solutions"]
    assert alike["solutionConfig"]["autoTrainingConfig"] == {"schedulingExpression": "rate(7 days)"}
    assert popular["solutionConfig"]["autoTrainingConfig"] == {"schedulingExpression": "rate(30 days)"}
    assert taste["performAutoTraining"] is False
    assert alike["campaigns"][0]["campaignConfig"] == {"syncWithLatestSolutionVersion": True}
    assert tags_of(alike) == {"of": "alike"} and tags_of(taste) == {"project": "films"}
    assert tags_of(films["datasets"][0]["datasetImportJobs"][0]) == {"by": "nightly"}
    assert (tmp_path / "bucket/batch/films/taste/batch-taste/job_config.json.out").exists()


def test_the_data_of_a_parameter_file_may_be_elsewhere(tmp_path: Path) -> None:
    file = parameter_file(tmp_path, "films").rename(tmp_path / "films.json")
    noted = done("apply", file, "--plan")
    assert "there is no interactions.csv or interactions/ in" in noted and "import" not in noted.partition("note")[0]
    planned = done("apply", file, "--plan", "--files", tmp_path / "bucket")
    assert "+ import films/INTERACTIONS/films-interactions" in planned
    assert "+ batch segment job films/taste/batch-taste" in planned


def test_the_data_of_a_parameter_file_may_be_in_a_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = parameter_file(tmp_path, "films")
    bucket = tmp_path / "bucket"
    with moto_server() as url:
        for name, value in s3_environ(url).items():
            monkeypatch.setenv(name, value)
        s3 = boto3.client("s3", endpoint_url=url)
        s3.create_bucket(Bucket="personal")
        for path in bucket.rglob("*.*"):
            s3.upload_file(str(path), "personal", str(path.relative_to(bucket)))
        done("apply", file, "--files", "s3://personal")
        assert done("apply", file, "--files", "s3://personal").endswith("No changes.\n")
        listed = s3.list_objects_v2(Bucket="personal", Prefix="batch/films/taste/batch-taste/")["Contents"]
        assert [each["Key"].rpartition("/")[2] for each in listed] == ["job_config.json.out"]
        s3.close()
    exported = done("export-config")
    assert "dataLocation: s3://personal/train/films/interactions.csv" in exported


def test_an_export_makes_the_same_elsewhere(tmp_path: Path) -> None:
    done("apply", shop_files(tmp_path))
    for name in PARAMETER_FILES:
        (tmp_path / name).mkdir()
        done("apply", parameter_file(tmp_path / name, name))
    file = tmp_path / "all.yaml"
    done("export-config", file)
    text = file.read_text()
    assert "000000000000" not in text and "us-east-1" not in text
    assert done("apply", file) == "No changes.\n"
    elsewhere = ("--data", str(tmp_path / "elsewhere"))
    done("apply", file, *elsewhere)
    assert done("export-config", *elsewhere) == text
    assert yaml.safe_load(done("export-config", "--groups", "store"))["datasetGroups"][0]["name"] == "store"
    assert json.loads(done("export-config", "--json")) == yaml.safe_load(text)
    assert "no dataset group 'stor'; there are: films, shop, store" in refused("export-config", "--groups", "stor")
    assert "is there already; --force overwrites it" in refused("export-config", file)
    jsonschema.validate(yaml.safe_load(text), manifest_schema())


def test_the_schema_says_what_the_file_may_have() -> None:
    schema = json.loads(done("print-schema", "resources"))
    jsonschema.validate(document(), schema)
    with pytest.raises(jsonschema.ValidationError, match="recipe"):
        broken = document()
        group(broken)["solutions"][0]["recipe"] = "aws-sims"
        jsonschema.validate(broken, schema)
