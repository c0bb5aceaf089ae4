"""Campaigns: a solution version that answers. Every change is announced, so that each worker loads the model."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from engine.arns import name_of
from engine.control.control import Control
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import Arn, CreateRequest, Request, ShortMap, number_in
from engine.control.lifecycle import ACTIVE, stated
from engine.control.operation import operation
from engine.control.recipes import recipe_of
from engine.control.tag_settings import check_tags_of
from engine.errors import InUse, InvalidInput
from engine.records import CampaignRecord, JsonMap, SolutionRecord, SolutionVersionRecord

LATEST = "/$LATEST"
EXPLORES = "aws-user-personalization"
INFLUENCED = "aws-semantic-similarity"
EXPLORATION_LIMITS = {"explorationWeight": (0.0, 1.0), "explorationItemAgeCutOff": (1.0, float("inf"))}

Tps = Annotated[int, Meta(ge=1)]
Influence = dict[Annotated[str, Meta(pattern=r"^(POPULARITY|FRESHNESS)\Z")], Annotated[float, Meta(ge=0, le=1)]]


class CampaignConfig(Request, frozen=True, kw_only=True):
    item_exploration_config: ShortMap | None = None
    enable_metadata_with_recommendations: bool | None = None
    sync_with_latest_solution_version: bool | None = None
    ranking_influence: Influence | None = None


class CreateCampaign(CreateRequest, frozen=True, kw_only=True):
    solution_version_arn: Arn
    min_provisioned_tps: Tps | None = msgspec.field(name="minProvisionedTPS", default=None)
    campaign_config: CampaignConfig | None = None


class UpdateCampaign(Request, frozen=True, kw_only=True):
    campaign_arn: Arn
    solution_version_arn: Arn | None = None
    min_provisioned_tps: Tps | None = msgspec.field(name="minProvisionedTPS", default=None)
    campaign_config: CampaignConfig | None = None


@operation
def create_campaign(control: Control, request: CreateCampaign) -> JsonMap:
    with control.database.write() as within:
        version = _version(control, request.solution_version_arn, within)
        campaign = control.record(
            CampaignRecord,
            request,
            solution_arn=version.solution_arn,
            dataset_group_arn=version.dataset_group_arn,
            solution_version_arn=version.arn,
            campaign_config=_checked(request.campaign_config, version, request.solution_version_arn),
        )
        check_tags_of(control, campaign, within)
        control.create(campaign, within)
        control.deploy(campaign, within)
    return view(campaign, "arn")


@operation
def update_campaign(control: Control, request: UpdateCampaign) -> JsonMap:
    """Swaps in one step; a campaign never stops answering."""
    with control.database.write() as within:
        campaign = control.settled(request.campaign_arn, CampaignRecord, within)
        wanted = request.solution_version_arn or campaign.solution_version_arn
        version = _version(control, wanted, within)
        if version.dataset_group_arn != campaign.dataset_group_arn:
            raise InvalidInput(f"The solution version {version.arn} belongs to another dataset group.")
        config = campaign.campaign_config
        if request.campaign_config is not None:
            config = _checked(request.campaign_config, version, request.solution_version_arn)
        tps = request.min_provisioned_tps or campaign.min_provisioned_tps
        _swap(control, campaign, version, config, tps, within)
    return view(campaign, "arn")


def _delete(control: Control, campaign: CampaignRecord, within: Connection) -> None:
    control.delete(campaign, within)
    control.deploy(campaign, within)


def follow_latest(control: Control, version: SolutionVersionRecord, within: Connection) -> None:
    """Point the campaigns that sync with their solution's latest version to this one, now that it is ACTIVE."""
    for campaign in control.every(CampaignRecord, parent=version.solution_arn, within=within):
        if campaign.deleted_at is None and campaign.campaign_config.get("syncWithLatestSolutionVersion"):
            stored = control.records.get(campaign.arn, CampaignRecord, within)
            _swap(control, stored, version, stored.campaign_config, stored.min_provisioned_tps, within)


def _swap(
    control: Control,
    campaign: CampaignRecord,
    version: SolutionVersionRecord,
    config: JsonMap,
    tps: int,
    within: Connection,
) -> None:
    now = control.now()
    shown = {"solutionVersionArn": version.arn, "minProvisionedTPS": tps, "campaignConfig": config}
    changed = control.change(
        campaign,
        within,
        now,
        solution_arn=version.solution_arn,
        solution_version_arn=version.arn,
        min_provisioned_tps=tps,
        campaign_config=config,
        latest_campaign_update={**shown, **stated(now)},
    )
    control.deploy(changed, within)


def _version(control: Control, arn: str, within: Connection) -> SolutionVersionRecord:
    """The version of that ARN, or the latest of `<solution ARN>/$LATEST`. Raises `InUse` where none is ACTIVE, and
    `InvalidInput` where its recipe has no campaigns."""
    if not arn.endswith(LATEST):
        version = control.active(arn, SolutionVersionRecord, within)
    else:
        solution = control.get(arn.removesuffix(LATEST), SolutionRecord, within)
        versions = control.every(SolutionVersionRecord, parent=solution.arn, within=within)
        ready = [version for version in versions if version.status == ACTIVE]
        if not ready:
            raise InUse(f"The solution {solution.arn} has no solution version in ACTIVE state.")
        version = ready[-1]
    recipe = recipe_of(version.recipe_arn)
    if not recipe.deployable:
        kind = f"The recipe {recipe.name} is of type {recipe.kind}"
        raise InvalidInput(f"{kind}, which has no campaigns; create a batch segment job with {version.arn}.")
    return version


def _checked(config: CampaignConfig | None, version: SolutionVersionRecord, asked: str | None) -> JsonMap:
    """The configuration as it is stored and shown. Raises `InvalidInput` where it doesn't fit (specification §1.8)."""
    if config is None:
        return {}
    recipe = name_of(version.recipe_arn)
    if config.sync_with_latest_solution_version and asked is not None and not asked.endswith(LATEST):
        raise InvalidInput(
            "syncWithLatestSolutionVersion needs a solutionVersionArn of the form <solution ARN>/$LATEST."
        )
    check_fit(config.item_exploration_config, config.ranking_influence, recipe)
    stored: JsonMap = msgspec.to_builtins(config)
    return stored


def check_fit(exploration: ShortMap | None, influence: Influence | None, recipe: str) -> None:
    """Raises `InvalidInput` for what the recipe doesn't heed, or a value out of its range."""
    if exploration and recipe != EXPLORES:
        raise InvalidInput(f"itemExplorationConfig fits only the recipe {EXPLORES}, not {recipe}.")
    if influence and recipe != INFLUENCED:
        raise InvalidInput(f"rankingInfluence fits only the recipe {INFLUENCED}, not {recipe}.")
    for name, value in (exploration or {}).items():
        check_exploration(name, value)


def check_exploration(name: str, value: str) -> None:
    if name not in EXPLORATION_LIMITS:
        raise InvalidInput(f"itemExplorationConfig has no {name}; it has {', '.join(EXPLORATION_LIMITS)}.")
    least, most = EXPLORATION_LIMITS[name]
    if not least <= number_in(value) <= most:
        raise InvalidInput(f"itemExplorationConfig.{name} is {value}; it is a number from {least:g} to {most:g}.")


FAMILY = ResourceFamily(
    CampaignRecord,
    summary=(*NAMED, "failure_reason"),
    detail=("solution_version_arn", "min_provisioned_tps", "campaign_config", "latest_campaign_update"),
    delete=_delete,
)
