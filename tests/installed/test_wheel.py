"""A wheel in an empty folder: it has all that it needs, and the example of its pytest plugin runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.wheel import ROOT, build_wheel, unpack
from tests.docs.walkthrough import blocks

PAGE = "docs/local-personalize.md"
LIMIT_S = 300.0


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on Python's path with the wheel's content."""
    return unpack(build_wheel(tmp_path_factory.mktemp("wheel")), tmp_path_factory.mktemp("installed"))


def environ_of(installed: Path) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "RECGATE", "AWS"))}
    return {**plain, "PYTHONPATH": str(installed)}


def run(installed: Path, folder: Path, *argv: str) -> str:
    done = subprocess.run(
        [sys.executable, *argv],
        cwd=folder,
        env=environ_of(installed),
        text=True,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_what_is_imported(installed: Path, tmp_path: Path):
    places = run(installed, tmp_path, "-c", "import gateway, recgate.testing as t; print(gateway.__file__, t.__file__)")
    assert all(place.startswith(str(installed)) for place in places.split())


def test_it_has_every_file_of_its_packages(installed: Path):
    """All that git has of them but the sources of the page, and types for those who use it."""
    argv = ["git", "ls-files", "gateway", "engine"]
    listed = subprocess.run(argv, cwd=ROOT, text=True, capture_output=True, check=True).stdout.split()
    page = re.compile(r"gateway/(ui|snippet)/(?!dist/|.*\.py$)")
    assert [name for name in listed if not page.match(name) and not (installed / name).exists()] == []
    assert all((installed / package / "py.typed").exists() for package in ("gateway", "engine", "recgate/testing"))


def test_the_example_project_passes(installed: Path, tmp_path: Path):
    for block in blocks(PAGE):
        if block.file is not None:
            (tmp_path / block.file).write_text(block.text)
    argv = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "-W", "ignore::pytest.PytestConfigWarning")
    printed = run(installed, tmp_path, *argv)
    assert "6 passed" in printed


def test_the_demo_shop_runs_in_an_empty_folder(installed: Path, tmp_path: Path):
    argv = ("-m", "gateway", "demo", "--shop", "--once", "--port", "0", "--shop-port", "0", "--workers", "1")
    printed = run(installed, tmp_path, *argv)
    assert "visitors have come before you" in printed and "done in" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
