"""Solutions: a recipe and its configuration. Automatic training is a moment in the record."""

from __future__ import annotations

from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Connection

from engine.control import solution_versions
from engine.control.control import Control, refuse_dependants
from engine.control.family import NAMED, ResourceFamily, view
from engine.control.fields import Arn, CreateRequest, Request, Short
from engine.control.lifecycle import BUSY, stated
from engine.control.operation import operation
from engine.control.recipes import auto_ml_recipes, recipe_of
from engine.control.schedule import changed, days_of
from engine.control.schemas import schemas_of
from engine.control.solution_config import (
    SolutionConfig,
    SolutionUpdateConfig,
    check_objective,
    check_weights,
    checked,
    checked_update,
    recipe_for,
)
from engine.control.solution_versions import check_datasets, check_libraries
from engine.control.tag_settings import refuse_settings
from engine.errors import InvalidInput
from engine.recipe import Recipe
from engine.records import (
    BATCH_JOBS,
    CampaignRecord,
    DatasetGroupRecord,
    JsonMap,
    SolutionRecord,
    SolutionVersionRecord,
)
from engine.use_cases import use_case_of


class CreateSolution(CreateRequest, frozen=True, kw_only=True):
    perform_hpo: bool | None = msgspec.field(name="performHPO", default=None)
    perform_auto_ml: bool | None = msgspec.field(name="performAutoML", default=None)
    perform_auto_training: bool | None = None
    perform_incremental_update: bool | None = None
    recipe_arn: Arn | None = None
    dataset_group_arn: Arn
    event_type: Short | None = None
    solution_config: SolutionConfig | None = None


class UpdateSolution(Request, frozen=True, kw_only=True):
    solution_arn: Arn
    perform_auto_training: bool | None = None
    perform_incremental_update: bool | None = None
    solution_update_config: SolutionUpdateConfig | None = None


@operation
def create_solution(control: Control, request: CreateSolution) -> JsonMap:
    recipe = _first_recipe(request)
    perform_hpo, perform_auto_ml = bool(request.perform_hpo), bool(request.perform_auto_ml)
    if perform_hpo and perform_auto_ml:
        raise InvalidInput("performHPO tunes a recipe that is given; performAutoML chooses one. Give one of them.")
    _check_incremental(request.perform_incremental_update, recipe)
    check_weights(request.solution_config, control.settings.quotas)
    config = checked(request.solution_config, recipe, perform_hpo=perform_hpo, perform_auto_ml=perform_auto_ml)
    with control.database.write() as within:
        group = control.active(request.dataset_group_arn, DatasetGroupRecord, within)
        schemas = schemas_of(control, group.arn, within)
        check_datasets(recipe, schemas)
        check_objective(config, schemas.get("ITEMS"))
        now = control.now()
        auto_training = request.perform_auto_training is not False
        solution = control.record(
            SolutionRecord,
            request,
            now,
            recipe_arn=request.recipe_arn or "",  # until AutoML has chosen one
            next_training_at=now + control.settings.first_training_s if auto_training else None,
            first_training_since=now if auto_training else None,
            solution_config=config,
        )
        check_libraries(control.settings, solution, schemas)
        refuse_settings(solution.tags, "solution")
        control.create(solution, within)
    return view(solution, "arn")


@operation
def update_solution(control: Control, request: UpdateSolution) -> JsonMap:
    """Versions made from now on are of the changed solution; automatic training begins when it is switched on."""
    check_weights(request.solution_update_config, control.settings.quotas)
    with control.database.write() as within:
        solution = control.active(request.solution_arn, SolutionRecord, within)
        updated = _scheduled(control, solution, _updated(request, solution, control.now()))
        control.records.replace(updated, within)
    return view(solution, "arn")


def _delete(control: Control, solution: SolutionRecord, within: Connection) -> None:
    """Its versions and their batch jobs go with it; not before its campaigns, not while one of them is pending or in
    progress."""
    campaigns = control.every(CampaignRecord, parent=solution.arn, within=within)
    versions = list(control.every(SolutionVersionRecord, parent=solution.arn, within=within))
    jobs = [
        job for each in versions for kind in BATCH_JOBS for job in control.every(kind, parent=each.arn, within=within)
    ]
    refuse_dependants(solution.arn, chain(campaigns, (each for each in (*versions, *jobs) if each.status in BUSY)))
    for record in (*jobs, *versions, solution):
        control.delete(record, within)


def _auto_ml_result(control: Control, solution: SolutionRecord) -> JsonMap:
    return {"bestRecipeArn": solution.recipe_arn} if solution.perform_auto_ml and solution.recipe_arn else {}


def _latest_version(control: Control, solution: SolutionRecord) -> JsonMap | None:
    versions = list(control.every(SolutionVersionRecord, parent=solution.arn))
    return view(versions[-1], *solution_versions.FAMILY.summary) if versions else None


def _updated(request: UpdateSolution, solution: SolutionRecord, now: float) -> SolutionRecord:
    _check_incremental(request.perform_incremental_update, recipe_for(solution))
    config = checked_update(request.solution_update_config, recipe_for(solution))
    asked = {"performAutoTraining": request.perform_auto_training}
    asked["performIncrementalUpdate"] = request.perform_incremental_update
    flags = {name: value for name, value in asked.items() if value is not None}
    update = {**stated(now), **flags}
    return msgspec.structs.replace(
        solution,
        perform_auto_training=flags.get("performAutoTraining", solution.perform_auto_training),
        perform_incremental_update=flags.get("performIncrementalUpdate", solution.perform_incremental_update),
        solution_config={**solution.solution_config, **config},
        latest_solution_update={**update, "solutionUpdateConfig": config} if config else update,
        last_updated_date_time=now,
    )


def _check_incremental(asked: bool | None, recipe: Recipe[Any]) -> None:
    if asked and recipe.extend is None:
        raise InvalidInput(f"performIncrementalUpdate: a model of the recipe {recipe.name} can't be updated.")


def _scheduled(control: Control, before: SolutionRecord, after: SolutionRecord) -> SolutionRecord:
    """The changed solution with the moment of its next training; a first one that is due keeps its own."""
    now, moment, since = control.now(), before.next_training_at, before.first_training_since
    if not after.perform_auto_training:
        moment = since = None
    elif moment is None:
        moment, since = now + control.settings.first_training_s, now
    elif since is None:
        moment = changed(moment, days_of(before.solution_config), days_of(after.solution_config), now)
    return msgspec.structs.replace(after, next_training_at=moment, first_training_since=since)


def _first_recipe(request: CreateSolution) -> Recipe[Any]:
    """The recipe that the configuration is checked against. Exactly one of recipeArn and performAutoML; AutoML takes a
    recipe that personalises: until it has chosen, the first of those that it may."""
    if request.recipe_arn and request.perform_auto_ml:
        raise InvalidInput("Give a recipeArn or performAutoML, not both.")
    if request.recipe_arn and use_case_of(request.recipe_arn) is not None:
        raise InvalidInput(f"The recipe {request.recipe_arn} is a domain's use case; create a recommender with it.")
    if request.recipe_arn:
        return recipe_of(request.recipe_arn)
    if not request.perform_auto_ml:
        raise InvalidInput("A solution needs a recipeArn, unless performAutoML is true.")
    config = request.solution_config.auto_ml_config if request.solution_config else None
    return auto_ml_recipes(config.recipe_list if config else ())[0]


FAMILY = ResourceFamily(
    SolutionRecord,
    summary=(*NAMED, "recipe_arn"),
    detail=(
        "perform_hpo",
        "perform_auto_ml",
        "perform_auto_training",
        "perform_incremental_update",
        "dataset_group_arn",
        "event_type",
        "solution_config",
        "autoMLResult",
        "latestSolutionVersion",
        "latest_solution_update",
    ),
    derived={"autoMLResult": _auto_ml_result, "latestSolutionVersion": _latest_version},
    delete=_delete,
)
