"""Campaigns and recommenders by their names: the deployed model of each, and the state that it answers from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.arns import arn_of
from engine.control.lifecycle import shown
from engine.data.group import Group
from engine.errors import NotFound, Unavailable
from engine.feed.follower import Follower
from engine.recipe import Recipe
from engine.serving.deployments import Deployable, Deployed, Deployments
from engine.settings import Settings


class Campaigns:
    def __init__(
        self, settings: Settings, clock: Callable[[], float], deployments: Deployments, follower: Follower
    ) -> None:
        self._settings, self._clock = settings, clock
        self._deployments, self._follower = deployments, follower

    def get(self, campaign: str, account: str | None = None) -> Deployed:
        """The campaign or recommender of this ARN or bare name in the account (the settings' own by default).

        The log is read once more where this process does not know it. Raises `NotFound`.
        """
        account = account or self._settings.account_id
        deployed = self._find(campaign, account)
        if deployed is None:
            self._follower.catch_up()
            deployed = self._find(campaign, account)
        if deployed is None:
            deployed = self._deployments.get(self._arn(campaign, account), account)
        status = shown(deployed.campaign, self._clock(), self._settings.pending_s)
        if status != deployed.campaign.status and not deployed.campaign.deleted_at:
            raise NotFound(f"Resource Arn {deployed.campaign.arn} is not ACTIVE, it is in {status} state.")
        return deployed

    def all(self) -> list[Deployed]:
        return self._deployments.all()

    def record(self, campaign: str) -> Deployable | None:
        """The record of a campaign or recommender of the settings' account, deployed or not."""
        return self._deployments.record(self._arn(campaign, self._settings.account_id))

    def recipe_of(self, record: Deployable) -> Recipe[Any]:
        return self._deployments.recipe_of(record)

    def group(self, deployed: Deployed) -> Group:
        """The state that the model's ids are of, or a later one: a model may be deployed before its data is seen."""
        group = self._follower.group(deployed.group_uid)
        if group.stored.seq < deployed.seq:
            self._follower.catch_up()
            group = self._follower.group(deployed.group_uid)
        if group.stored.seq < deployed.seq:
            raise Unavailable(f"The data that {deployed.model} was trained on can't be read.")
        return group

    def behind(self, campaign: str, user: str | None, account: str | None = None) -> bool:
        """Tells (~1 µs) that this process doesn't have the campaign's newest model, or lacks an acknowledged event of
        this user, whichever process deployed or took it."""
        deployed = self._find(campaign, account or self._settings.account_id)
        if deployed is None or self._has_news(deployed):
            return True
        return user is not None and self._follower.behind_user(deployed.group_uid, user)

    def is_late(self, campaign: str, account: str | None = None) -> bool:
        """See `Deployments.is_late`."""
        deployed = self._find(campaign, account or self._settings.account_id)
        return deployed is not None and self._deployments.is_late(deployed.campaign.arn)

    def is_redeployed(self, campaign: str, account: str) -> bool:
        deployed = self._find(campaign, account)
        return deployed is not None and self._has_news(deployed)

    def _has_news(self, deployed: Deployed) -> bool:
        """Tells that some process has deployed it anew, and this one has not read that yet."""
        return self._follower.behind(deployed.group_uid, deployed.campaign.arn)

    def _find(self, campaign: str, account: str) -> Deployed | None:
        deployed = self._deployments.find(self._arn(campaign, account))
        if deployed is not None and deployed.campaign.account != account:
            return None
        if deployed is None and ":" not in campaign:  # made under another region's name
            same_name = (each for each in self._deployments.all() if each.campaign.name == campaign)
            deployed = next((each for each in same_name if each.campaign.account == account), None)
        return deployed

    def _arn(self, campaign: str, account: str) -> str:
        return campaign if ":" in campaign else arn_of(self._settings.region, account, f"campaign/{campaign}")
