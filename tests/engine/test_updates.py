"""trainingMode UPDATE: a version's model learns of what came since, and keeps what it chose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.ensemble.training import plan_of
from engine.recipe import Model
from engine.records import SolutionVersionRecord
from engine.serving import artifacts
from engine.serving.deployments import model_path
from tests.engine.shop import HOME, Shop

V1 = "arn:aws:personalize:::recipe/aws-user-personalization"
NO_EXPLORATION = {"itemExplorationConfig": {"explorationWeight": "0"}}


def stocked(shop: Shop, epochs: int) -> str:
    """Even users like even items and odd ones odd. The ARN of a version of this."""
    clicks = [f"u{u} i{i} {u + i}" for u in range(16) for i in range(16) if u % 2 == i % 2 and (u * 3 + i * 5) % 7]
    shop.load_clicks(*clicks)
    return shop.train("for-you", V1, sequence_epochs=str(epochs), sequence_most_epochs="16")


def updated(shop: Shop) -> SolutionVersionRecord:
    made: dict[str, Any] = {"solutionArn": f"{HOME}solution/for-you", "trainingMode": "UPDATE"}
    arn = shop.do("CreateSolutionVersion", **made)["solutionVersionArn"]
    shop.work()
    version = shop.engine.records.get(arn, SolutionVersionRecord)
    assert version.status == "ACTIVE", version.failure_reason
    return version


def model_of(shop: Shop, version: str) -> Model:
    return artifacts.load(shop.folder / "data" / model_path(version, shop.uid))


def newcomers(shop: Shop) -> None:
    """Users who go from i3 to a new item, and from there to i8."""
    for user in range(12):
        for step, item in enumerate(("i3", "fresh", "i8")):
            shop.click(f"new{user}", item, 1_000 + 10 * user + step)


@pytest.mark.parametrize("epochs", [0, 16])
def test_what_came_since_is_learned(shop: Shop, epochs: int):
    base = stocked(shop, epochs)
    newcomers(shop)
    shop.put("unseen", genres="even")
    version = updated(shop)
    before, after = model_of(shop, base), model_of(shop, version.arn)
    assert plan_of(after) == plan_of(before)
    names = shop.engine.resources.snapshot(shop.group).item_names
    assert after.about["items"] == after.about["trained"] == names.index("fresh") + 1 == len(names) - 1
    message = shop.engine.jobs.newest(1)[0].message
    assert message == f"aws-user-personalization: 36 interactions and 2 items since {version_name(base)}"
    shop.do("CreateCampaign", name="home", solutionVersionArn=version.arn, campaignConfig=NO_EXPLORATION)
    shop.engine.feed.catch_up()
    shop.click("passer", "i3", 2_000)
    shop.click("other", "i5", 2_000)
    place, elsewhere = (shop.ask(user, num_results=20).index("fresh") for user in ("passer", "other"))
    assert place < 5 and (place < elsewhere or epochs)  # of 20; few epochs teach a network what is new, not for whom
    assert "unseen" in shop.ask("passer", num_results=20)


def version_name(arn: str) -> str:
    return arn.partition("solution/")[2]


def test_nothing_is_learned_anew_where_nothing_came(shop: Shop):
    base = stocked(shop, 0)
    version = updated(shop)
    before, after = model_of(shop, base), model_of(shop, version.arn)
    assert before.arrays.keys() <= after.arrays.keys() and before.about["trained"] == after.about["trained"]
    for name, array in before.arrays.items():
        np.testing.assert_array_equal(after.arrays[name], array)
