"""recgate experiment: its part of a configuration file changes, and the history knows who did it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from gateway.__main__ import main
from gateway.config import load

TEXT = """\
namespaces:
  shop:
    recommenders:
      recommend-items:
        home:
          variations: {a: {type: engine, model: m}, b: {type: engine, model: m}}  # both
"""
ID = "shop/recommend-items/home/layout"


def run(folder: Path, action: str, *arguments: str) -> Result:
    config, data = str(folder / "shop.yaml"), str(folder / "data")
    given = ["experiment", action, ID, "--config", config, "--data", data, *arguments]
    return CliRunner().invoke(main, given)


def test_an_experiment_from_its_making_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(TEXT)
    definition = "{method: builtin, metrics: {click: {eventType: Click}}}"
    assert run(tmp_path, "make", "--definition", definition, "--comment", "a try").exit_code == 0
    ramped = run(tmp_path, "ramp", "--traffic", "0.5", "--weight", "a=3", "--weight", "b=1", "--json")
    changes: Any = json.loads(ramped.output)["changes"]
    assert {each["place"].rpartition(".")[2] for each in changes} == {"traffic", "weights"}
    assert "schedule: nothing →" in run(tmp_path, "stop").output
    (experiment,) = load(file).experiments
    assert (experiment.traffic(0), experiment.shares) == (0.5, (0.75, 0.25))
    assert "# both" in file.read_text()
    stored = [json.loads(path.read_text()) for path in sorted((tmp_path / "data" / "configurations").glob("*.json"))]
    assert [each["how"] for each in stored] == ["experiment"] * 3 and stored[0]["comment"] == "a try"


def test_what_can_not_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(TEXT)
    assert "no experiment 'layout'" in run(tmp_path, "start").output
    assert "change nothing" in run(tmp_path, "ramp").output
    assert "is no time" in run(tmp_path, "ramp", "--traffic", "1", "--at", "noon").output
    wrong = run(tmp_path, "make", "--definition", "{method: builtin, metric: {}}")
    assert wrong.exit_code == 1 and "metrics" in wrong.output
    assert (tmp_path / "shop.yaml").read_text() == TEXT
