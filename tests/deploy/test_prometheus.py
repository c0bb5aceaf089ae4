"""Prometheus' rules and Grafana's dashboards: promtool takes them, and they ask for numbers that recgate counts."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.telemetry import FAMILIES
from tests.deploy.dashboards import DASHBOARDS, FOLDER, written
from tests.services import program

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = PROMETHEUS / "recgate.rules.yml"
ALARMS = (ROOT / "docs" / "alarms.md").read_text()
SUFFIXES = {"counter": ("_total",), "shared": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
SCRAPED = {"instance", "job", "le", "alertname"}  # labels that no family names


def promtool(*arguments: str | Path) -> str:
    command = [program("promtool", "prometheus"), *map(str, arguments)]
    done = subprocess.run(command, cwd=PROMETHEUS, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout


@cache
def alerts() -> dict[str, dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def rules() -> list[tuple[str, str]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [(rule.get("alert", rule.get("record")), rule["expr"]) for group in groups for rule in group["rules"]]


def panels() -> list[tuple[str, str]]:
    """The expressions of all dashboards with the names of their panels."""
    pages = [(name, json.loads((FOLDER / f"{name}.json").read_text())) for name in DASHBOARDS]
    rows = [(f"{name}: {panel['title']}", panel["targets"]) for name, page in pages for panel in page["panels"]]
    return [(title, target["expr"]) for title, targets in rows for target in targets]


def exported(name: str) -> set[str]:
    """The names by which a family is on /metrics."""
    return {f"{name}{suffix}" for suffix in SUFFIXES.get(FAMILIES[name].kind, ("",))}


def test_promtool_takes_configuration_and_rules() -> None:
    assert f"{len(rules())} rules found" in promtool("check", "config", "prometheus.yml")


def test_each_alarm_fires_where_it_should_and_only_there() -> None:
    promtool("test", "rules", "recgate.test.yml")
    _, wrong = yaml.safe_load((PROMETHEUS / "recgate.test.yml").read_text())["tests"]
    (expected,) = wrong["promql_expr_test"]
    fired = {re.findall(r'"(\w+)"', sample["labels"])[0] for sample in expected["exp_samples"]}
    assert fired == set(alerts())


@pytest.mark.parametrize(("title", "expression"), [*rules(), *panels()])
def test_an_expression_asks_for_numbers_and_labels_that_there_are(title: str, expression: str) -> None:
    families = {name: family for name, family in FAMILIES.items() if exported(name) & set(names(expression))}
    recorded = {name for name in names(expression) if ":" in name}
    recorded_here = {name for name, _ in rules() if ":" in name}
    assert set(names(expression)) <= {each for name in families for each in exported(name)} | recorded_here
    assert families or recorded or expression.startswith("up{")
    labels = {label for family in families.values() for label in family.labels} | SCRAPED
    grouped = [each for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for each in group.split(", ")]
    selected = re.findall(r"[{,]\s*(\w+)\s*(?:=~|!=|!~|=)", expression)
    assert {*grouped, *selected} <= labels


def names(expression: str) -> list[str]:
    return re.findall(r"\b(?:instance:)?recgate[:_][a-z_:0-9]*\w", expression)


@pytest.mark.parametrize("name", alerts())
def test_every_alarm_says_what_it_is_and_has_a_runbook(name: str) -> None:
    alert = alerts()[name]
    assert alert["labels"]["severity"] in ("critical", "warning") and alert["annotations"]["summary"]
    assert alert["annotations"]["runbook"] == f"docs/alarms.md#{name.lower()}"
    runbook = ALARMS.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    assert all(f"**{part}**" in runbook for part in ("Means", "Look", "Do")), name


def test_every_runbook_is_of_an_alarm() -> None:
    assert re.findall(r"^## (Recgate\w+)$", ALARMS, re.MULTILINE) == [*alerts()]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_dashboards_are_of_the_panels_as_they_are(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == written(name), "run `make dashboards`"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_lie_side_by_side_and_name_alarms_that_there_are(name: str) -> None:
    page = json.loads((FOLDER / f"{name}.json").read_text())
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in page["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(taken) == len(set(taken)) and max(x for x, _ in taken) == 23
    assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])
    named = {alarm for panel in page["panels"] for alarm in re.findall(r"Recgate\w+", panel["description"])}
    assert named <= set(alerts())
