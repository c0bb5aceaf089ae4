"""Recommenders: a use case of a domain dataset group, trained and answering in one resource.

A job trains the model and sets the status; every change is announced, so that each worker loads the model or lets go.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta
from sqlalchemy import Connection

from engine.control.campaigns import check_exploration
from engine.control.control import Control
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import Arn, CreateRequest, Request, ShortMap
from engine.control.lifecycle import ACTIVE, BUSY, CREATE_PENDING, stated
from engine.control.operation import ByArn, operation, operation_on
from engine.control.recipes import use_case_named
from engine.control.schemas import schemas_of
from engine.control.solution_config import TrainingDataConfig, check_columns
from engine.control.tag_settings import check_tags_of
from engine.errors import InUse, InvalidInput
from engine.extras import check_installed
from engine.records import DatasetGroupRecord, DatasetRecord, JsonMap, RecommenderRecord
from engine.use_cases import UseCase

INACTIVE = "INACTIVE"


class RecommenderConfig(Request, frozen=True, kw_only=True):
    item_exploration_config: ShortMap | None = None
    min_recommendation_requests_per_second: Annotated[int, Meta(ge=1)] | None = None
    training_data_config: TrainingDataConfig | None = None
    enable_metadata_with_recommendations: bool | None = None


class CreateRecommender(CreateRequest, frozen=True, kw_only=True):
    dataset_group_arn: Arn
    recipe_arn: Arn
    recommender_config: RecommenderConfig | None = None


class UpdateRecommender(Request, frozen=True, kw_only=True):
    recommender_arn: Arn
    recommender_config: RecommenderConfig


@operation
def create_recommender(control: Control, request: CreateRecommender) -> JsonMap:
    use_case = use_case_named(request.recipe_arn)
    config = _checked(request.recommender_config, use_case)
    with control.database.write() as within:
        group = control.active(request.dataset_group_arn, DatasetGroupRecord, within)
        _check_group(control, group, use_case, within)
        config = {"minRecommendationRequestsPerSecond": 1, **config}
        recommender = control.record(RecommenderRecord, request, status=CREATE_PENDING, recommender_config=config)
        if not control.settings.is_shared:  # whose other machines may have what trains it
            schemas = schemas_of(control, group.arn, within)
            check_installed(use_case.recipe.libraries(schemas), f"The use case {use_case.name} trains with")
        check_tags_of(control, recommender, within)
        control.create(recommender, within, "recommending")
    return view(recommender, "arn")


@operation
def update_recommender(control: Control, request: UpdateRecommender) -> JsonMap:
    """Answers with the model that it has until a new one is trained, which only other training columns ask for."""
    with control.database.write() as within:
        recommender = control.settled(request.recommender_arn, RecommenderRecord, within)
        if recommender.latest_recommender_update.get("status") in BUSY:
            raise InUse(f"The recommender {recommender.arn} is being updated; wait until that has ended.")
        config = _checked(request.recommender_config, use_case_named(recommender.recipe_arn))
        columns = config.get("trainingDataConfig", recommender.recommender_config.get("trainingDataConfig"))
        retrain = columns != recommender.recommender_config.get("trainingDataConfig")
        retrain = retrain or not recommender.solution_version_arn  # its first training failed
        now = control.now()
        update = {"recommenderConfig": config, **stated(now, CREATE_PENDING if retrain else ACTIVE)}
        config = {**recommender.recommender_config, **config}
        control.change(recommender, within, now, recommender_config=config, latest_recommender_update=update)
        control.deploy(recommender, within)
        if retrain:
            control.enqueue("recommending", recommender.arn, within)
    return view(recommender, "arn")


@operation_on("recommender")
def start_recommender(control: Control, request: ByArn) -> JsonMap:
    """It answers with the model that it stopped with."""
    return _turn(control, request.arn, INACTIVE, ACTIVE)


@operation_on("recommender")
def stop_recommender(control: Control, request: ByArn) -> JsonMap:
    """A training that runs is given up, and with it an update that waits for it."""
    return _turn(control, request.arn, ACTIVE, INACTIVE)


def _delete(control: Control, recommender: RecommenderRecord, within: Connection) -> None:
    control.cancel(recommender.arn, within)
    control.delete(recommender, within)
    control.deploy(recommender, within)


def _turn(control: Control, arn: str, before: str, after: str) -> JsonMap:
    with control.database.write() as within:
        recommender = control.get(arn, RecommenderRecord, within)
        if recommender.status != before:
            raise InUse(f"Resource Arn {arn} is in {recommender.status} state; {before} is needed for that.")
        now, update = control.now(), recommender.latest_recommender_update
        if after == INACTIVE:
            control.cancel(arn, within)
            if update.get("status") in BUSY:
                failure = {"status": "CREATE FAILED", "failureReason": "The recommender was stopped."}
                update = {**update, **failure, "lastUpdatedDateTime": now}
        control.change(recommender, within, now, status=after, turned_at=now, latest_recommender_update=update)
        control.deploy(recommender, within)
    return view(recommender, "arn")


def _check_group(control: Control, group: DatasetGroupRecord, use_case: UseCase, within: Connection) -> None:
    """Raises `InvalidInput` where the dataset group is of another domain, or lacks what the use case is made from."""
    if group.domain != use_case.domain:
        raise InvalidInput(
            f"The use case {use_case.name} is of the domain {use_case.domain}, "
            f"the dataset group's domain is {group.domain or 'none'}."
        )
    types = {dataset.dataset_type for dataset in control.every(DatasetRecord, parent=group.arn, within=within)}
    needed = {"INTERACTIONS", "ITEMS"} if use_case.needs_items else {"INTERACTIONS"}
    if needed - types:
        raise InvalidInput(f"The use case {use_case.name} needs a dataset of type {', '.join(sorted(needed - types))}.")


def _checked(config: RecommenderConfig | None, use_case: UseCase) -> JsonMap:
    """The configuration as it is stored and shown. Raises `InvalidInput` naming the member that doesn't fit."""
    if config is None:
        return {}
    if config.item_exploration_config and not use_case.explores:
        raise InvalidInput(f"itemExplorationConfig does not fit the use case {use_case.name}: it does not explore.")
    for name, value in (config.item_exploration_config or {}).items():
        check_exploration(name, value)
    check_columns(config.training_data_config)
    shown: JsonMap = msgspec.to_builtins(config)
    return shown


FAMILY = ResourceFamily(
    RecommenderRecord,
    summary=(*NAMED, "dataset_group_arn", "recipe_arn", "recommender_config"),
    detail=("failure_reason", "latest_recommender_update", "model_metrics"),
    delete=_delete,
)
