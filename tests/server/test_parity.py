"""Lists of the running server are the evaluator's: the same items in the same order, whoever asks and in which way."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
from rich.console import Console

from engine.ensemble.training import plan_of
from engine.jobs.training import SEED
from engine.recipe import Model, silent
from engine.recipes import RECIPES
from engine.serving import artifacts
from gateway.cli.local import opened
from loadtests.account import Account
from loadtests.parity import Evaluator, Visitor, ask_all, send_events
from tests.server.world import ARN, GROUP, MODELS, TRACKING_ID, Server

CAMPAIGN = f"{ARN}:campaign/for-you"
PATHS = {
    True: "/recommend-items/shop/for-you/{}?numResults={}",
    False: "/recommend-items/shop/uncached/{}?numResults={}",
}
VISITORS = [
    *(Visitor(f"u{user}", "known") for user in range(40, 60)),
    *(Visitor(f"u{user}", "known, after another event", (f"i{user - 50}",)) for user in range(60, 64)),
    Visitor("parity-nobody", "new user"),
    *(Visitor(f"parity-{count}", "new user, after events", ("i3", "i5", "i8")[:count]) for count in (1, 2, 3)),
    Visitor("parity-session", "anonymous session", ("i2", "i4"), is_session=True),
]


def test_lists_are_the_evaluators(server: Server) -> None:
    group = f"{ARN}:dataset-group/{GROUP}"
    with closing(Account(server.port)) as account:
        filter_ = account.unseen(group, "parity-unseen")
        send_events(account, TRACKING_ID, VISITORS)
        lists = list(ask_all(server.port, account, CAMPAIGN, filter_, VISITORS, PATHS))
    evaluator = Evaluator.of(server.data, group, CAMPAIGN)
    assert len(lists) == 4 * len(VISITORS)
    assert [each for each in lists if not evaluator.agrees(each)] == []
    items = {(each.visitor.name, each.remove_seen): each.items for each in lists}
    assert items["u40", True] != items["u41", True]
    assert not set(items["parity-3", True]) & {"i3", "i5", "i8"}


def test_the_evaluator_trains_the_model_that_is_served(trained: Path) -> None:
    """Plain strings such as the names of these items are learned from by neither."""
    with opened(trained, Console(quiet=True)) as local:
        snapshot = local.engine.resources.learnable(f"{ARN}:dataset-group/{GROUP}")
    assert "NAME" not in snapshot.item_columns and "KIND" in snapshot.item_columns
    _, recipe_name, settings = MODELS[0]
    recipe = RECIPES[recipe_name]
    own = recipe.train(snapshot, recipe.parse(settings), SEED, silent)
    served = stored(trained, CAMPAIGN)
    assert plan_of(served) == plan_of(own)
    for each, array in own.arrays.items():
        np.testing.assert_array_equal(served.arrays[each], array)


def stored(data: Path, campaign: str) -> Model:
    with opened(data, Console(quiet=True)) as local:
        record = local.engine.deployments.record(campaign)
        assert record is not None
        return artifacts.load(local.engine.deployments.load(record).folder)
