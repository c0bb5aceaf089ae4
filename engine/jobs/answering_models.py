"""Models that answer: those of a dataset group that take new items, and a recommender's as a solution version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from engine import recipes
from engine.arns import name_of, recipe_arn
from engine.control.lifecycle import ACTIVE
from engine.engine import Engine
from engine.recipe import Recipe
from engine.records import (
    CampaignRecord,
    RecommenderRecord,
    SolutionRecord,
    SolutionVersionRecord,
)
from engine.use_cases import USE_CASES

COLUMNS = "trainingDataConfig"  # what of a recommender's configuration is about training


class AnsweringModel(NamedTuple):
    """A model that answers for some campaigns, or for a recommender."""

    record: SolutionVersionRecord | RecommenderRecord  # says where it lies
    version: SolutionVersionRecord  # what it was trained as
    recipe: Recipe[Any]
    answers: tuple[str, ...]  # ARNs


def extendable_models(engine: Engine, group_arn: str) -> Iterator[AnsweringModel]:
    """The models of a dataset group that answer and take new items: those of recipes that explore, and of solutions
    that ask for it by performIncrementalUpdate; not those that were made by trainingMode UPDATE (§1.8)."""
    answers: dict[str, list[str]] = {}
    for campaign in engine.records.list(CampaignRecord):
        if campaign.dataset_group_arn == group_arn and campaign.deleted_at is None:
            answers.setdefault(campaign.solution_version_arn, []).append(campaign.arn)
    for arn, campaigns in answers.items():
        version = engine.records.get(arn, SolutionVersionRecord)
        recipe = recipes.RECIPES.get(name_of(version.recipe_arn))
        if recipe is None:  # its package is not installed: whoever asks the campaign is told so
            continue
        solution = engine.records.get(version.solution_arn, SolutionRecord)
        asked = recipe.exploration is not None or solution.perform_incremental_update
        if recipe.extend is not None and asked and version.training_mode != "UPDATE":
            yield AnsweringModel(version, version, recipe, tuple(campaigns))
    for recommender in engine.records.list(RecommenderRecord, parent=group_arn):
        recipe = USE_CASES[name_of(recommender.recipe_arn)].recipe
        alive = recommender.deleted_at is None and recommender.status == ACTIVE and recommender.solution_version_arn
        if alive and recipe.extend is not None and recipe.exploration is not None:
            version = version_of(recommender, recommender.solution_version_arn.rpartition("/")[2])
            yield AnsweringModel(recommender, version, recipe, (recommender.arn,))


def version_of(recommender: RecommenderRecord, name: str) -> SolutionVersionRecord:
    """The model to train, in the terms of a solution version; it is no resource of its own."""
    use_case = USE_CASES[name_of(recommender.recipe_arn)]
    return SolutionVersionRecord(
        arn=f"{recommender.arn}/{name}",
        account=recommender.account,
        name=f"{recommender.name}/{name}",
        solution_arn=recommender.arn,
        dataset_group_arn=recommender.dataset_group_arn,
        recipe_arn=recipe_arn(use_case.trains),
        event_type=use_case.event_type,
        solution_config={key: value for key, value in recommender.recommender_config.items() if key == COLUMNS},
        creation_date_time=recommender.creation_date_time,
        last_updated_date_time=recommender.last_updated_date_time,
    )
