"""An installation without extras: nothing loads what they bring, and what needs one says so, and which."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.errors import MissingExtra
from engine.extras import EXTRAS, check_installed, message_of, text_libraries
from engine.recipes import RECIPES
from engine.records import SolutionVersionRecord
from tests.engine.shop import HOME, Shop
from tests.lacking import HEAVY, environ_without

ITEM_ID, WORDS = {"name": "ITEM_ID", "type": "string"}, {"type": ["null", "string"]}
TEXTS = [ITEM_ID, {"name": "NAME", **WORDS, "itemName": True}, {"name": "ABOUT", **WORDS, "textual": True}]
NEEDS_TORCH = {name for name, recipe in RECIPES.items() if "torch" in recipe.libraries({})}


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in HEAVY:
        monkeypatch.setitem(sys.modules, library, None)


def test_all_code_is_imported_and_recipes_train_or_name_their_extra(tmp_path: Path):
    environ = os.environ | environ_without(tmp_path / "hidden", *HEAVY)
    argv = [sys.executable, "-m", "tests.engine.extras.without"]
    done = subprocess.run(argv, env=environ, text=True, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    outcomes = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert set(outcomes) == set(RECIPES)
    lacking = {name for name, outcome in outcomes.items() if "'recgate[train]'" in outcome}
    assert lacking == NEEDS_TORCH and len(lacking) == 7
    texts = {name for name, outcome in outcomes.items() if "'recgate[text]'" in outcome}
    assert texts == {"aws-semantic-similarity", "aws-similar-items"}
    assert {name for name, outcome in outcomes.items() if outcome == "trained"} == set(RECIPES) - lacking - texts


def create(shop: Shop, recipe: str, **more: Any) -> None:
    asked = {"datasetGroupArn": shop.group, "performAutoTraining": False, **more}
    arn = {} if "performAutoML" in more else {"recipeArn": f"arn:aws:personalize:::recipe/{recipe}"}
    shop.do("CreateSolution", name=recipe or "chosen", **arn, **asked)


@pytest.mark.parametrize(
    ("recipe", "more", "library"),
    [
        ("aws-user-personalization-v2", {}, "torch"),
        ("aws-hrnn-metadata", {}, "torch"),
        ("aws-sims", {"performHPO": True}, "optuna"),
        ("", {"performAutoML": True}, "torch"),
    ],
)
def test_a_solution_that_can_t_be_trained_is_refused(
    shop: Shop, light: None, recipe: str, more: dict[str, bool], library: str
):
    with pytest.raises(MissingExtra, match=rf"{library}, which is not installed: pip install 'recgate\[train\]'"):
        create(shop, recipe, **more)
    assert shop.do("ListSolutions")["solutions"] == []


@pytest.mark.parametrize("recipe", ["aws-similar-items", "aws-semantic-similarity"])
def test_texts_of_items_need_their_extra(open_shop: Any, light: None, recipe: str):
    shop = open_shop().furnish("INTERACTIONS")
    shop.add_dataset("ITEMS", TEXTS)
    with pytest.raises(MissingExtra, match=r"wordllama, which is not installed: pip install 'recgate\[text\]'"):
        create(shop, recipe)


def test_recipes_of_other_kinds_train(shop: Shop, light: None):
    shop.load_clicks(*(f"u{user} i{item} {user + item}" for user in range(30) for item in range(12) if user % 2))
    for recipe in ("aws-popularity-count", "aws-similar-items"):
        create(shop, recipe)
        version = shop.engine.records.get(shop.train(recipe), SolutionVersionRecord)
        assert version.status == "ACTIVE", version.failure_reason


def test_a_version_is_refused_where_its_solution_came_with_the_library(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    create(shop, "aws-user-personalization-v2")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match="The recipe aws-user-personalization-v2 trains with torch"):
        shop.train("aws-user-personalization-v2")


def test_a_job_that_lacks_a_library_fails_with_the_reason(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    """As where the machine that took it has fewer libraries than the one that was asked."""
    shop.load_clicks(*(f"u{user} i{item} {user + item}" for user in range(30) for item in range(12) if user % 2))
    create(shop, "aws-user-personalization-v2")
    solution = f"{HOME}solution/aws-user-personalization-v2"
    arn = shop.do("CreateSolutionVersion", solutionArn=solution)["solutionVersionArn"]
    monkeypatch.setitem(sys.modules, "torch", None)
    shop.work()
    version = shop.do("DescribeSolutionVersion", solutionVersionArn=arn)["solutionVersion"]
    assert version["status"] == "CREATE FAILED"
    assert "torch, which is not installed: pip install 'recgate[train]'" in version["failureReason"]


def test_each_library_is_of_an_extra_that_the_package_has():
    extras = Path(__file__).parents[3].joinpath("pyproject.toml").read_text()
    for library, extra in EXTRAS.items():
        assert any(line.startswith(f"{extra} = [") and f'"{library}>=' in line for line in extras.splitlines())
    assert set(EXTRAS) == set(HEAVY)


def test_what_is_installed_is_no_fault():
    check_installed(HEAVY, "Nobody misses")
    assert text_libraries(None) == ()
    assert message_of("lightfm", "The recipe ours trains with").endswith("not installed: pip install lightfm")
