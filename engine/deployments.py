"""The models that answer: every campaign's solution version, loaded and ready, swapped whole when it changes."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine import artifacts
from engine.errors import NotFound, Unavailable
from engine.recipes import RECIPES
from engine.recipes.base import Recipe, Scorer
from engine.records import Campaign, DatasetGroup, Records, SolutionVersion

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Deployed:
    """One campaign, ready to answer. `model` names what answers, for example `for-you/1a2b3c4d`."""

    campaign: Campaign
    group_uid: str
    group_arn: str
    recipe: Recipe[Any]
    scorer: Scorer
    model: str
    trained_at: float
    seq: int  # of the snapshot it was trained on: an older one may call other items by the same ids


def model_folder(data_dir: Path, version_arn: str, group_uid: str) -> Path:
    """Where a solution version's artifact lies: the last two segments of its ARN below its group."""
    solution, version = version_arn.rsplit("/", 2)[-2:]
    return data_dir / "models" / group_uid / solution / version


class Deployments:
    def __init__(self, data_dir: Path, records: Records) -> None:
        self._data_dir, self._records = data_dir, records
        self._ready: dict[str, Deployed] = {}

    def load_all(self) -> None:
        for campaign in self._records.list(Campaign):
            self.reload(campaign.arn)

    def reload(self, arn: str) -> None:
        """Answer with what the record says now; a model that can't be loaded leaves the earlier one answering."""
        campaign = self._records.find(arn, Campaign)
        if campaign is None or campaign.deleted_at is not None:
            self._ready.pop(arn, None)
            return
        current = self._ready.get(arn)
        if current is not None and current.campaign.solution_version_arn == campaign.solution_version_arn:
            self._ready[arn] = replace(current, campaign=campaign)
            return
        try:
            self._ready[arn] = self._load(campaign)
        except Exception:  # whatever is wrong with one model, the others must answer
            log.exception("the model of campaign %s can't be loaded", arn)

    def get(self, arn: str, account: str) -> Deployed:
        """Raises `NotFound` for a campaign that the account doesn't have, `Unavailable` for one that did not load."""
        deployed = self._ready.get(arn)
        if deployed is not None and deployed.campaign.account == account:
            return deployed
        campaign = self._records.find(arn, Campaign)
        if campaign is None or campaign.deleted_at is not None or campaign.account != account:
            own = (each.campaign.name for each in self.all() if each.campaign.account == account)
            known = ", ".join(sorted(own)) or "none"
            raise NotFound(f"Resource Arn {arn} does not exist. Deployed campaigns: {known}.")
        raise Unavailable(f"The model of campaign {arn} is not loaded yet.")

    def find(self, arn: str) -> Deployed | None:
        return self._ready.get(arn)

    def all(self) -> list[Deployed]:
        return list(self._ready.values())

    def _load(self, campaign: Campaign) -> Deployed:
        version = self._records.get(campaign.solution_version_arn, SolutionVersion)
        group = self._records.get(version.dataset_group_arn, DatasetGroup)
        recipe = RECIPES[version.recipe_arn.rsplit("/", 1)[-1]]
        model = artifacts.load(model_folder(self._data_dir, version.arn, group.uid))
        return Deployed(
            campaign=campaign,
            group_uid=group.uid,
            group_arn=group.arn,
            recipe=recipe,
            scorer=recipe.ready(model),
            model=version.name,
            trained_at=version.last_updated_date_time,
            seq=model.about.get("seq", 0),
        )
