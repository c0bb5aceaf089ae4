"""A configured filter that the data can't be filtered by: found at the start, by /ready and by check-config."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from litestar.testing import TestClient

from engine import Engine, Settings
from gateway.__main__ import main
from gateway.app import create_app
from gateway.config import load

CONFIG = """
namespaces:
  shop:
    recommenders:
      recommend-items:
        home:
          variations:
            main: {{type: engine, model: popular, filters: [{{expression: {}}}]}}
"""
GOOD = 'INCLUDE ItemID WHERE Items.GENRES IN ("Drama")'
BAD = 'INCLUDE ItemID WHERE Items.COLOR IN ("red")'


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, a deployed model and two configurations."""
    folder = tmp_path_factory.mktemp("filters")
    events = [f"u{user},i{(user + step) % 6},{1_700_000_000 + step}" for user in range(12) for step in range(4)]
    (folder / "events.csv").write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *events]))
    (folder / "items.csv").write_text("\n".join(["ITEM_ID,GENRES", *(f"i{item},Drama" for item in range(6))]))
    data = str(folder / "data")
    for arguments in (
        ("import", str(folder / "events.csv"), "--type", "interactions", "--data", data),
        ("import", str(folder / "items.csv"), "--type", "items", "--data", data),
        ("train", "popular", "--recipe", "aws-popularity-count", "--data", data),
    ):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
    for name, expression in (("good", GOOD), ("bad", BAD)):
        (folder / f"{name}.yaml").write_text(CONFIG.format(f"'{expression}'"))
    objective = CONFIG.format(f"'{GOOD}'").replace("filters:", "objective: {column: MARGIN, weight: 1}, filters:")
    (folder / "objective.yaml").write_text(objective)
    return folder


def test_an_objective_of_no_column_is_found(shop: Path):
    told = run("check-config", str(shop / "objective.yaml"), "--data", str(shop / "data"))
    assert told.exit_code == 1 and "objective of /recommend-items/shop/home main: MARGIN" in told.output
    assert "Items have no numeric column MARGIN" in " ".join(told.output.split())


def test_check_config_looks_into_the_data(shop: Path):
    assert run("check-config", str(shop / "bad.yaml"), "--data", str(shop / "nowhere")).exit_code == 0
    good = run("check-config", str(shop / "good.yaml"), "--data", str(shop / "data"))
    assert good.exit_code == 0, good.output
    bad = run("check-config", str(shop / "bad.yaml"), "--data", str(shop / "data"))
    assert bad.exit_code == 1 and "filter of /recommend-items/shop/home" in bad.output and "COLOR" in bad.output


def test_ready_shows_it_and_the_log_says_it_once(shop: Path, caplog: pytest.LogCaptureFixture):
    config = load(shop / "bad.yaml")
    engine = Engine.open(Settings.of(shop / "data", {"RECGATE_INSTANT": "1"}))  # no campaign that is pending still
    with (
        caplog.at_level(logging.ERROR, "gateway.config.filter_checks"),
        TestClient(create_app(config, engine)) as client,
    ):
        deadline = time.monotonic() + 20
        while not caplog.records and time.monotonic() < deadline:  # found at the start, before anyone asks
            time.sleep(0.01)
        assert len(caplog.records) == 1 and "COLOR" in caplog.text
        for _ in range(3):
            answer = client.get("/ready")
            (name,) = answer.json()["degraded"]
            assert answer.status_code == 200
            assert name.startswith("filter of /recommend-items/shop/home") and BAD in name
            assert "COLOR" in answer.json()["checks"][name]
            assert client.get("/recommend-items/shop/home/u1").status_code == 400
        assert len(caplog.records) == 1
