"""What is written is checked: the docs have every recipe, command and make target, and their links lead somewhere."""

from __future__ import annotations

import re
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import numpy as np
import pytest

from engine import RECIPES
from engine.data.snapshot import snapshot_of
from engine.recipe import Query, silent
from engine.storage.tables import tables
from gateway.__main__ import COMMANDS, main
from gateway.config import parse
from gateway.context.rules import RULES
from gateway.metadata import SOURCES
from gateway.sources import EVENT_SOURCES
from gateway.targets import TARGETS
from gateway.upstreams import UPSTREAMS
from tests.engine.shop import Shop

ROOT = Path(__file__).parents[1]
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *DOCS]
REFERENCE = (ROOT / "docs" / "reference.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
ANSWERS = (ROOT / "docs" / "answers.md").read_text()
ORIGINS_AND_TARGETS = (ROOT / "docs" / "origins-and-targets.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
LIBRARY = (ROOT / "docs" / "library.md").read_text()
PLACE = r"`((?:gateway|engine|config|tests|loadtests|docs)/[\w./-]*|[A-Z]+\.md)`"


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_has_a_row(name: str):
    assert f"`{name}`" in REFERENCE


@pytest.mark.parametrize("name", [*UPSTREAMS, *TARGETS, *EVENT_SOURCES])
def test_every_origin_event_target_and_source_has_a_row(name: str):
    assert f"| `{name}" in ORIGINS_AND_TARGETS


@pytest.mark.parametrize("name", [*SOURCES, *dict.fromkeys(rule.name for rule in RULES.values())])
def test_every_source_of_metadata_and_rule_is_described(name: str):
    assert f"`{name}`" in ANSWERS or f"`type: {name}`" in ANSWERS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_row(name: str):
    assert f"`recgate {name}" in REFERENCE


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_the_docs_name_exists(name: str):
    command = main.get_command(click.Context(main), name)
    assert command is not None
    uses = [use for page in PAGES for use in re.findall(rf"recgate {name} ([^`#\n]*)", page.read_text())]
    named = {option for use in uses for option in re.findall(r"--[a-z-]+", use)}
    commands = [command, *(command.commands.values() if isinstance(command, click.Group) else ())]
    params = [param for each in commands for param in each.params]
    assert named <= {option for param in params for option in (*param.opts, *param.secondary_opts)}


@pytest.mark.parametrize("target", re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
def test_every_make_target_has_a_row(target: str):
    assert f"`make {target}" in CONTRIBUTING


def test_every_place_that_the_docs_name_exists():
    written = [page.read_text() for page in PAGES if page.name != "CHANGELOG.md"]  # which names what was once there
    named = {place for text in written for place in re.findall(PLACE, text)}
    assert named and not [place for place in named if not (ROOT / place).exists()]


@pytest.mark.parametrize("package", ["engine", "gateway"])
def test_the_map_has_every_module_and_package_at_the_top(package: str):
    modules = [f"{path}" for path in (ROOT / package).glob("*.py") if path.stem not in ("__init__", "__main__")]
    packages = [f"{path.parent}/" for path in (ROOT / package).glob("*/__init__.py")]
    places = [each.removeprefix(f"{ROOT}/") for each in (*modules, *packages)]
    assert places and not [place for place in places if f"`{place}`" not in ARCHITECTURE]


def test_each_way_through_the_code_enters_a_file_once_and_has_a_dozen_stops_at_most():
    ways = re.findall(r"^## The way of .*?(?=^## )", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    stops = [re.findall(r"^\| \d+ \| `(.+?)` \|", way, re.MULTILINE) for way in ways]
    assert len(stops) == 3
    assert not [way for way in stops if not 0 < len(way) == len(set(way)) <= 12]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path):
    links = [link.partition("#") for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()) if "://" not in link]
    targets = [(page.parent / path if path else page, anchor) for path, _, anchor in links]
    assert not [path for path, _ in targets if not path.exists()]
    assert not [(path, anchor) for path, anchor in targets if anchor and anchor not in anchors(path)]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_the_site_shows_every_page():
    assert sorted(re.findall(r"[\w-]+\.md", (ROOT / ".mkdocs.yml").read_text())) == [page.name for page in DOCS]


def test_every_configuration_of_the_docs_loads():
    written = "\n".join(page.read_text() for page in PAGES)
    configurations = re.findall(r"^```yaml\n(# shop\.yaml\n.*?)^```", written, re.MULTILINE | re.DOTALL)
    assert configurations and not [text for text in configurations if parse(text, "shop.yaml", {}).warnings]


def test_the_example_of_a_library_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    with closing(Shop(tmp_path)) as shop:
        shop.furnish().load_clicks("u42 i1 1", "u42 i2 2", "u7 i1 3")
        shop.put("i1", genres="Drama")
        shop.deploy(shop.train(), "for-you")
    (example,) = re.findall(r"^# As a library\n.*?^```python\n(.*?)^```", LIBRARY, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)  # where its data directory is
    exec(compile(example, "docs/library.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == ["i1 None {'genres': 'Drama'}", "i2 None None"]


def added(place: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that a diff of CONTRIBUTING.md adds at this place."""
    (diff,) = re.findall(rf"^\+\+\+ b/{place}\n@@ .*\n((?:\+.*\n)+)", CONTRIBUTING, re.MULTILINE)
    module = ModuleType(place.removesuffix(".py").replace("/", "."))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(re.sub(r"^\+", "", diff, flags=re.MULTILINE), place, "exec"), module.__dict__)
    return module


def test_the_recipe_of_the_docs_ranks_what_was_chosen_last_first(monkeypatch: pytest.MonkeyPatch):
    recipe = added("engine/recipes/latest.py", monkeypatch).RECIPE
    snapshot = snapshot_of(np.array([0, 0, 1]), np.array([2, 0, 1]), np.array([10, 86_410, 5]))
    model = recipe.train(snapshot, recipe.parse({"half_life_days": "0.5"}), 0, silent)
    assert recipe.ready(model)(Query()).round(2).tolist() == [1.0, 0.25, 0.25]


def test_every_table_has_a_bound() -> None:
    bounds = (ROOT / "docs" / "operations.md").read_text().partition("## What grows")[2].partition("\n## ")[0]
    assert [name for name in tables.tables if f"`{name}`" not in bounds] == []


def test_the_changelog_knows_the_version():
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert version is not None and "## [Unreleased]" in changelog and f"## [{version[1]}]" in changelog
