"""Files that can't be applied are refused with all faults, each with its line and place; nothing is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.config import ConfigError
from gateway.manifest import read_manifest
from tests.gateway.manifest.world import HERE


def faults(text: str, name: str = "shop.yaml") -> str:
    with pytest.raises(ConfigError) as refusal:
        read_manifest(text, Path("/nowhere") / name)
    return "\n".join(map(str, refusal.value.faults))


GROUP = "datasetGroups:\n- name: shop\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must be a map with `datasetGroups`"),
        ("- a", "must be a map with `datasetGroups`"),
        ("a: [", "line 1: "),
        ("datasetGroup5: []", "line 1: there is no 'datasetGroup5' here; one of: datasetGroups, roleArn, schemas; did"),
        ("datasetGroups: {name: shop}", "line 1: datasetGroups: must be a list"),
        ("datasetGroups:\n- shop", "line 2: datasetGroups[0]: must be a map of keys: a dataset group"),
        ("datasetGroups:\n- domain: ECOMMERCE", "line 2: datasetGroups[0]: 'name' is missing"),
        ("datasetGroups:\n- name: my shop", "line 2: datasetGroups[0].name: 'my shop' can't be a name"),
        (
            f"{GROUP}  domain: ECOMERCE",
            "line 3: datasetGroups[0].domain: 'ECOMERCE' is not one of: ECOMMERCE, VIDEO_ON_DEMAND; did you mean",
        ),
        (f"{GROUP}  tags: {{team: a}}", "line 3: datasetGroups[0].tags: must be a list, not a map"),
        (f"{GROUP}  tags: [{{tagKey: a}}]", "line 3: datasetGroups[0].tags[0]: 'tagValue' is missing"),
        (f"{GROUP}- name: shop", "line 3: datasetGroups[1]: the dataset group shop is declared before, at line 2"),
        (
            f"{GROUP}  solutions:\n  - name: a\n    recipeArn: aws-sims\n    performHpo: true",
            "line 6: datasetGroups[0].solutions[0]: there is no 'performHpo' here; one of: ",
        ),
        (
            f"{GROUP}  solutions:\n  - name: a\n    solutionConfig: {{autoTrainConfig: 1}}",
            "did you mean 'autoTrainingConfig'?",
        ),
        (
            f"{GROUP}  solutions:\n  - {{name: a, performHPO: 1}}",
            "solutions[0].performHPO: must be true or false, not 1",
        ),
        (f"{GROUP}  solutions:\n  - {{name: a, eventType: [b]}}", "solutions[0].eventType: must be a text, not a list"),
        (
            f"{GROUP}  datasets:\n  - {{name: a, datasetType: Item, schemaArn: b}}",
            "line 4: datasetGroups[0].datasets[0].datasetType: 'Item' is not one of: ACTIONS, ",
        ),
    ],
)
def test_our_own_format(text: str, words: str) -> None:
    assert words in faults(text)


def test_all_faults_are_said_in_the_order_of_lines() -> None:
    said = faults(f"{GROUP}  domian: ECOMMERCE\n  filters:\n  - name: a\n").splitlines()
    assert [line.partition(":")[0] for line in said] == ["line 3", "line 5"]
    assert "'filterExpression' is missing: a filter needs it" in said[1]


def changed(path: str, value: Any) -> str:
    """The parameter file with another value at a place."""
    data: Any = json.loads((HERE / "films.json").read_text())
    *way, key = (int(each) if each.isdigit() else each for each in path.split("."))
    part = data
    for each in way:
        part = part[each]
    part[key] = value
    return json.dumps(data, indent=2)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("solutoins", [], ": there is no 'solutoins' here; one of: "),
        ("solutoins", [], "did you mean 'solutions'?"),
        ("solutions", {}, "solutions: must be a list"),
        ("solutions.0.workflowConfig.schedules.ful", "rate(1 day)", "did you mean 'full'?"),
        ("solutions.0.workflowConfig.schedules.full", "weekly", "schedules.full: 'weekly' is no schedule"),
        ("datasetGroup.workflowConfig.schedules.import", "cron(1)", "schedules.import: cron(1) has 1 fields"),
        ("solutions.0.serviceConfig", "x", "solutions[0].serviceConfig: must be a map of keys"),
        ("solutions.0.serviceConfig.recipe", "x", "serviceConfig: there is no 'recipe' here; one of: "),
        ("datasets.items", {}, "datasets.items: 'schema' is missing"),
        ("filters.0", {}, "filters[0].serviceConfig: 'filterExpression' is missing"),
    ],
)
def test_parameter_files(path: str, value: Any, words: str) -> None:
    said = faults(changed(path, value), "config.json")
    assert words in said and said.startswith("line ")
