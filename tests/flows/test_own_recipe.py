"""The package of docs/own-recipe.md: its recipe is installed, listed, trained by boto3, served and evaluated."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from engine import Engine, Question, Settings, Unavailable
from gateway.cli.import_data import import_file
from gateway.cli.local import opened
from tests.apart import asked_through_gateway, let_in
from tests.aws.world import Clients
from tests.server.world import ARN, EVENT_SCHEMA, GROUP, Server, running, write_csvs
from tests.shared_state import in_environ, new_state

PAGE = (Path(__file__).parents[2] / "docs" / "own-recipe.md").read_text()
RECIPE = "arn:aws:personalize:::recipe/shop-again"
CONFIG = """
namespaces:
  shop: {recommenders: {recommend-items: {again: {variations: {main: {type: engine, model: again}}}}}}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that has the package of the docs, as pip installs it."""
    source, target = tmp_path_factory.mktemp("shop-recipes"), tmp_path_factory.mktemp("site")
    for name, text in re.findall(r"^```\w+\n# (pyproject\.toml|shop_recipes\.py)\n(.*?)^```", PAGE, re.M | re.S):
        (source / name).write_text(text)
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--target", str(target)]
    subprocess.run([sys.executable, "-m", "pip", "install", *offline, str(source)], check=True)
    return target


@pytest.fixture(scope="module")
def server(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("own")
    (folder / "config.yaml").write_text(let_in(CONFIG))
    interactions, _ = write_csvs(folder / "csv")
    state = new_state()
    with in_environ(state), opened(folder / "data", Console(quiet=True), allow_file_urls=True) as local:
        import_file(local, GROUP, "INTERACTIONS", interactions, EVENT_SCHEMA)
    environ = {**state, "PYTHONPATH": str(installed)}
    with running(Server(folder / "data", folder / "config.yaml", 1, ("--instant",), environ, fresh=True)) as server:
        yield server


@pytest.fixture(scope="module")
def clients(server: Server) -> Iterator[Clients]:
    with asked_through_gateway(server) as url, closing(Clients(url)) as clients:
        yield clients


@pytest.fixture(scope="module")
def campaign(clients: Clients) -> str:
    personalize = clients.personalize
    group = f"{ARN}:dataset-group/{GROUP}"
    solution = {"name": "again", "datasetGroupArn": group, "recipeArn": RECIPE, "performAutoTraining": False}
    arn = personalize.create_solution(**solution, solutionConfig={"algorithmHyperParameters": {"half_life": "2"}})[
        "solutionArn"
    ]
    version = personalize.create_solution_version(solutionArn=arn)["solutionVersionArn"]
    deadline = time.monotonic() + 60
    while (trained := described(personalize, version))["status"] != "ACTIVE":
        assert time.monotonic() < deadline and "FAILED" not in trained["status"], trained
        time.sleep(0.05)
    return str(personalize.create_campaign(name="again", solutionVersionArn=version)["campaignArn"])


def described(personalize: Any, version: str) -> dict[str, Any]:
    shown: dict[str, Any] = personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
    return shown


def test_it_is_listed_and_described_like_ours(clients: Clients):
    personalize = clients.personalize
    assert RECIPE in [each["recipeArn"] for each in personalize.list_recipes(maxResults=100)["recipes"]]
    recipe = personalize.describe_recipe(recipeArn=RECIPE)["recipe"]
    assert (recipe["recipeType"], recipe["status"]) == ("USER_PERSONALIZATION", "ACTIVE")
    algorithm = personalize.describe_algorithm(algorithmArn=recipe["algorithmArn"])["algorithm"]
    assert algorithm["defaultHyperParameters"] == {"half_life": "5.0"}
    (half_life,) = algorithm["defaultHyperParameterRanges"]["continuousHyperParameterRanges"]
    assert (half_life["minValue"], half_life["maxValue"]) == (0.1, 1000)
    transformation = recipe["featureTransformationArn"]
    shown = personalize.describe_feature_transformation(featureTransformationArn=transformation)
    assert shown["featureTransformation"]["status"] == "ACTIVE"


def test_a_wrong_hyperparameter_is_refused(clients: Clients):
    solution = {"name": "odd", "datasetGroupArn": f"{ARN}:dataset-group/{GROUP}", "recipeArn": RECIPE}
    with pytest.raises(ClientError, match="half_life"):
        clients.personalize.create_solution(**solution, solutionConfig={"algorithmHyperParameters": {"half_life": "0"}})


def test_its_campaign_answers_with_what_the_visitor_chose_last(clients: Clients, campaign: str):
    answer = clients.runtime.get_recommendations(campaignArn=campaign, userId="u0", numResults=2)
    listed = [each["itemId"] for each in answer["itemList"]]
    assert listed == ["i14", "i12"]  # its last choices, the last first
    url = f"{clients.personalize.meta.endpoint_url}/recommend-items/shop/again/u0"
    rest = httpx.get(url, params={"numResults": 2}).json()
    assert [each["itemId"] for each in rest["itemList"]] == listed


def test_it_is_evaluated_beside_ours(server: Server, installed: Path, campaign: str):
    names = ("shop-again", "aws-popularity-count")
    options = [option for name in names for option in ("--recipe", name)]
    done = recgate(installed, "evaluate", *options, "--group", GROUP, "--data", str(server.data), **server.environ)
    assert done.returncode == 0, done.stderr
    assert all(re.search(rf"^ +{name} +0\.\d+", done.stdout, re.M) for name in names), done.stdout


def test_without_the_package_everything_else_goes_on(server: Server, campaign: str, caplog: pytest.LogCaptureFixture):
    with closing(Engine.open(Settings.of(server.data, server.environ))) as engine:
        assert "the recipe shop-again is not installed: install the package that it came with" in caplog.text
        with pytest.raises(Unavailable):
            engine.answers.recommend(Question(campaign="again", user="u0"))


WRONG = {
    "gone = absent_module:RECIPE": "can't be imported: ModuleNotFoundError: No module named 'absent_module'",
    "text = wrong_recipes:TEXT": "is no engine.recipe.Recipe, but str",
    "ours = wrong_recipes:OURS": "there is another recipe aws-sims",
    "reserved = wrong_recipes:RESERVED": "names that begin with aws- are recgate's own: call aws-mine something else",
    "spaced = wrong_recipes:SPACED": "'my recipe' is no name: letters, digits, - and _, at most 63 of them",
    "kind = wrong_recipes:KIND": "'RANKING' is no kind of recipe; it is one of USER_PERSONALIZATION, POPULAR_ITEMS",
    "needs = wrong_recipes:NEEDS": "every hyperparameter needs a default: Object missing required field `depth`",
}
WRONG_RECIPES = """
from dataclasses import replace
import msgspec
from engine.recipes.sims import RECIPE as OURS

class Params(msgspec.Struct):
    depth: int

TEXT = "sims"
RESERVED, SPACED = replace(OURS, name="aws-mine"), replace(OURS, name="my recipe")
KIND, NEEDS = replace(OURS, name="kind", kind="RANKING"), replace(OURS, name="needs", params=Params)
"""


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """A folder with a package all of whose recipes are wrong."""
    folder = tmp_path / "wrong_recipes-2.1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: wrong-recipes\nVersion: 2.1\n")
    (folder / "entry_points.txt").write_text("\n".join(["[recgate.recipes]", *WRONG]))
    (tmp_path / "wrong_recipes.py").write_text(WRONG_RECIPES)
    return tmp_path


@pytest.mark.parametrize(
    "command", ["serve --port 0 --workers 1", "train home --recipe shop-again", "evaluate", "recommend home"]
)
def test_wrong_recipes_are_told_a_line_each_with_their_package(wrong: Path, tmp_path: Path, command: str):
    done = recgate(wrong, *command.split(), "--data", str(tmp_path / "data"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for point, reason in WRONG.items():
        assert f"the entry point {point} of the package wrong-recipes 2.1: {reason}" in done.stderr


def recgate(path: Path, *arguments: str, **state: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **state, "PYTHONPATH": str(path)}
    command = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)
