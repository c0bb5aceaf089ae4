"""`--json` of every command: one document on the standard output, or a line of it for each thing that happens."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from gateway.__main__ import main
from gateway.config import parse

WITHOUT = {
    "serve": "goes on until it is told to stop; GET /admin/session and /ready say how it stands",
    "demo": "is looked at; what it serves are routes, which answer JSON",
    "print-schema": "prints JSON anyway",
}
ROWS = [f"u{user},i{(user + step) % 6},{1_700_000_000 + step},view" for user in range(12) for step in range(4)]


def commands(command: click.Command, *names: str) -> Iterator[tuple[str, click.Command]]:
    """Each command that does something by itself, by its name with those of its groups."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from commands(child, *names, name)
        if not command.invoke_without_command:
            return
    yield " ".join(names), command


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def printed(*arguments: str) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A data directory with one model."""
    folder = tmp_path_factory.mktemp("json")
    file = folder / "events.csv"
    file.write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", *ROWS]))
    place = ("--data", str(folder / "data"))
    assert run("import", str(file), "--type", "interactions", *place).exit_code == 0
    assert run("train", "popular", "--recipe", "aws-popularity-count", *place).exit_code == 0
    return str(folder / "data")


def test_every_command_has_it_or_a_reason() -> None:
    lacking = {
        name for name, command in commands(main) if not any("--json" in parameter.opts for parameter in command.params)
    }
    assert lacking == set(WITHOUT)


def test_import_config_prints_the_configuration_and_what_it_leaves_out(data: str, tmp_path: Path) -> None:
    shown = printed("import-config", "--data", data)
    assert shown["file"] is None
    assert parse(json.dumps(shown["configuration"]), "recgate.json").namespaces.keys() == {"main"}
    assert shown["groups"] == [{"group": "main", "leftOut": [], "filters": []}]
    file = tmp_path / "recgate.yaml"
    again = printed("import-config", str(file), "--data", data)
    assert again == {**shown, "file": str(file)}
    assert parse(file.read_text()).namespaces.keys() == {"main"}


def test_jobs_taken_back_or_done_again_are_a_line_each(tmp_path: Path) -> None:
    file, data = tmp_path / "bad.csv", str(tmp_path / "data")
    file.write_text("USER_ID,ITEM_ID,TIMESTAMP\nu1,,1700000000")
    assert run("import", str(file), "--type", "interactions", "--data", data).exit_code == 1
    (failed,) = printed("jobs", "--data", data)["jobs"]
    again = printed("jobs", "retry", str(failed["id"]), "--data", data)
    assert again["id"] != failed["id"] and again["state"] == "queued"
    back = printed("jobs", "cancel", str(again["id"]), "--data", data)
    assert back["id"] == again["id"] and back["state"] == "cancelled"


def test_migrate_prints_what_was_moved_and_what_to_set(data: str, tmp_path: Path) -> None:
    own, target = str(tmp_path / "data"), f"sqlite:///{tmp_path / 'moved.db'}"
    shutil.copytree(data, own)
    shown = printed("migrate", "--to", target, "--data", own)
    assert shown["folders"] is None
    assert shown["database"]["rows"]["records"] > 0 and shown["database"]["databaseUrl"] == target
    assert 0 <= shown["database"]["pausedS"] < 60


def test_status_goes_on_with_a_line_for_each_change(data: str) -> None:
    argv = [sys.executable, "-m", "gateway", "status", "--watch", "--json", "--data", data]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
    assert [each["model"] for each in first["models"]] == ["popular"]


def test_evaluate_prints_its_report_alone(data: str) -> None:
    done = run("evaluate", "--recipe", "aws-popularity-count", "--data", data, "--json", "-")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["interactions"] == len(ROWS)
    assert "interactions" in done.stderr
