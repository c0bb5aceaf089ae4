from __future__ import annotations

import logging
from pathlib import Path

import pytest

from engine import NotFound, Unavailable
from engine.serving.deployments import Deployments, model_path
from tests.engine.shop import ACCOUNT, HOME, Shop

HOME_PAGE = f"{HOME}campaign/home"


@pytest.fixture
def version(shop: Shop) -> str:
    shop.load_clicks("u1 a 1", "u2 a 2", "u2 b 3")
    version = shop.train()
    shop.deploy(version)
    return version


def opened(shop: Shop) -> Deployments:
    deployments = Deployments(shop.engine.store, shop.engine.records)
    deployments.load_all()
    return deployments


def spoil(shop: Shop, version: str) -> Path:
    path = shop.folder / "data" / model_path(version, shop.uid) / "about.json"
    path.write_text("{")
    return path


def test_what_answers_is_described(shop: Shop, version: str):
    deployed = opened(shop).get(HOME_PAGE, ACCOUNT)
    assert (deployed.group_uid, deployed.group_arn) == (shop.uid, shop.group)
    assert version.endswith(deployed.model)
    assert deployed.recipe.name == "aws-popularity-count"
    assert 0 < deployed.seq <= shop.engine.log.last()


def test_a_new_version_is_swapped_in_and_a_new_setting_keeps_the_model(shop: Shop, version: str):
    deployments = opened(shop)
    first = deployments.get(HOME_PAGE, ACCOUNT)
    shop.do("UpdateCampaign", campaignArn=HOME_PAGE, minProvisionedTPS=3)
    deployments.reload(HOME_PAGE)
    second = deployments.get(HOME_PAGE, ACCOUNT)
    assert second.scorer is first.scorer
    assert (first.campaign.min_provisioned_tps, second.campaign.min_provisioned_tps) == (1, 3)
    shop.do("UpdateCampaign", campaignArn=HOME_PAGE, solutionVersionArn=shop.train())
    deployments.reload(HOME_PAGE)
    assert deployments.get(HOME_PAGE, ACCOUNT).model != first.model


def test_campaigns_of_one_version_share_its_model(shop: Shop, version: str):
    deployments = opened(shop)
    shop.deploy(version, "other")
    deployments.reload(f"{HOME}campaign/other")
    one, other = deployments.get(HOME_PAGE, ACCOUNT), deployments.get(f"{HOME}campaign/other", ACCOUNT)
    assert other.scorer is one.scorer
    assert (one.campaign.name, other.campaign.name) == ("home", "other")


def test_a_model_that_can_not_be_loaded_leaves_the_earlier_one(
    shop: Shop, version: str, caplog: pytest.LogCaptureFixture
):
    deployments = opened(shop)
    newer = shop.train()
    spoil(shop, newer)
    shop.do("UpdateCampaign", campaignArn=HOME_PAGE, solutionVersionArn=newer)
    with caplog.at_level(logging.ERROR):
        deployments.reload(HOME_PAGE)
    assert version.endswith(deployments.get(HOME_PAGE, ACCOUNT).model)
    assert HOME_PAGE in caplog.text


def test_one_broken_model_does_not_keep_the_others_from_answering(shop: Shop, version: str):
    broken = shop.train()
    shop.deploy(broken, "broken")
    spoil(shop, broken)
    deployments = opened(shop)
    assert deployments.find(HOME_PAGE) is not None
    with pytest.raises(Unavailable, match="not loaded"):
        deployments.get(f"{HOME}campaign/broken", ACCOUNT)


def test_an_unknown_campaign_is_told_apart_and_the_known_are_named(shop: Shop, version: str):
    with pytest.raises(NotFound, match="Deployed campaigns: home"):
        opened(shop).get(f"{HOME}campaign/nowhere", ACCOUNT)


def test_a_deleted_campaign_is_dropped(shop: Shop, version: str):
    deployments = opened(shop)
    shop.do("DeleteCampaign", campaignArn=HOME_PAGE)
    deployments.reload(HOME_PAGE)
    assert deployments.all() == []
    with pytest.raises(NotFound):
        deployments.get(HOME_PAGE, ACCOUNT)
