"""Every command that opens a damaged data directory says which file, what is lost and the way out, and no traceback."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.__main__ import main
from tests.engine.shop import Shop
from tests.engine.test_watermark import WRITER, cut, foreign
from tests.gateway.cli.test_cli import refusal
from tests.server.preloaded import running_code

COMMANDS = (
    ("check",),
    ("status",),
    ("recommend", "for-you", "--user", "u1"),
    ("train", "for-you", "--recipe", "aws-popularity-count"),
)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("killed") / "data"
    assert running_code(WRITER, data).wait(120) == -9
    return data


@pytest.fixture
def data(killed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(killed, tmp_path / "data"))


def run(*arguments: str, data: Path) -> Result:
    return CliRunner().invoke(main, [*arguments, "--data", str(data)])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_commands_refuse_a_log_that_ends_too_soon(data: Path, command: Sequence[str]) -> None:
    cut(data)
    refused = run(*command, data=data)
    assert refused.exit_code == 1
    assert "recgate.db ends too soon" in refused.output
    assert f"recgate check --data {data} --accept" in refused.output
    assert "Traceback" not in refused.output


def test_a_server_does_not_start_and_says_so_once(data: Path, tmp_path: Path) -> None:
    cut(data)
    told = refusal(tmp_path, "--port", "0", "--workers", "2", "--data", str(data))
    assert told.count("ends too soon") == 1
    assert "Traceback" not in told


def test_a_loss_is_accepted_once(data: Path) -> None:
    cut(data)
    accepted = run("check", "--accept", data=data)
    assert accepted.exit_code == 0, accepted.output
    assert "no longer missed" in accepted.output
    assert run("check", data=data).exit_code == 0
    assert run("status", data=data).exit_code == 0
    assert "accepted:" not in run("check", "--accept", data=data).output


def test_a_file_that_is_no_database_is_put_aside(data: Path) -> None:
    run("status", data=data)  # closed in order: all is in one file
    foreign(data)
    refused = run("status", data=data)
    assert (refused.exit_code, "file is not a database" in refused.output) == (1, True)
    accepted = run("check", "--accept", data=data)
    assert accepted.exit_code == 0, accepted.output
    assert "is now recgate.db.damaged-" in accepted.output
    assert [path.read_bytes()[:6] for path in data.glob("recgate.db.damaged-*")] == [b"GIF89a"]
    assert run("status", data=data).exit_code == 0


def test_a_page_of_garbage_is_found(data: Path) -> None:
    run("status", data=data)  # closed in order: all is in one file
    content = bytearray((data / "recgate.db").read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"garbage!" * 512
    (data / "recgate.db").write_bytes(content)
    found = run("check", data=data)
    assert found.exit_code == 1
    assert f"{data}/recgate.db is damaged" in found.output


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    missing = run("check", data=tmp_path / "nowhere")
    assert (missing.exit_code, "there is no data directory" in missing.output) == (1, True)


def test_a_cut_model_and_snapshot_are_named(shop: Shop) -> None:
    shop.click("u", "a", 1)
    shop.fold()
    shop.deploy(shop.train(), "home")
    shop.close()
    data = shop.folder / "data"
    assert run("check", data=data).exit_code == 0, run("check", data=data).output
    model = next((data / "models").rglob("*.npy"))
    snapshot = next((data / "groups").rglob("indptr.npy"))
    for path in (model, snapshot):
        path.write_bytes(path.read_bytes()[:100])
    found = run("check", data=data)
    assert found.exit_code == 1
    assert f"{model} is damaged" in found.output and f"{snapshot} is damaged" in found.output
    shutil.rmtree(model.parent)
    assert f"{model.parent}/about.json is missing" in run("check", data=data).output
