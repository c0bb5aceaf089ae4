"""What is written is checked: the README's tables hold every recipe, command, route and make target there is."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest

from engine import RECIPES
from gateway.__main__ import COMMANDS
from tests.engine.shop import Shop

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ENGINE = (ROOT / "engine" / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_has_a_row(name: str):
    assert f"`{name}`" in README


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_row(name: str):
    assert f"`recgate {name}" in README


@pytest.mark.parametrize("target", re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
def test_every_make_target_has_a_row(target: str):
    assert f"`make {target}" in README


def test_every_place_that_the_readme_names_exists():
    named = set(re.findall(r"`((?:gateway|engine|config|tests|loadtests)/[\w./-]*)`", README))
    assert named and not [place for place in named if not (ROOT / place).exists()]


def test_the_example_of_a_library_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with closing(Shop(tmp_path)) as shop:
        shop.furnish().load_clicks("u42 i1 1", "u42 i2 2", "u7 i1 3")
        shop.put("i1", genres="Drama")
        shop.deploy(shop.train(), "for-you")
    (example,) = re.findall(r"^## As a library\n.*?^```python\n(.*?)^```", ENGINE, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)  # where its data directory is
    exec(compile(example, "engine/README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == ["i1 None {'genres': 'Drama'}", "i2 None None"]


def test_the_changelog_knows_the_version():
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert version is not None and ("[Unreleased]" in changelog or f"[{version[1]}]" in changelog)
