"""Train a solution version: newest snapshot, recipe, offline metrics, artifact, and the campaigns that follow it."""

from __future__ import annotations

from typing import Any

from engine.arns import name_of, region_of
from engine.control.campaigns import follow_latest
from engine.control.hpo_config import search_of
from engine.control.lifecycle import ACTIVE
from engine.engine import Engine
from engine.jobs.choosing import hpo_minutes_of
from engine.jobs.group_data import interactions_of
from engine.jobs.training import A_ROW_S, TRAINING_FAULTS, train, update
from engine.jobs.work import Work, changed, perform_resource_job
from engine.queue.queue import Job
from engine.recipes import RECIPES
from engine.records import SolutionVersionRecord
from engine.storage.writes import write

UPDATE_SHARE = 0.1  # of the time of a whole training


def run(work: Work) -> str:
    return perform_resource_job(
        work, SolutionVersionRecord, _train, "trained before its process ended", TRAINING_FAULTS
    )


failed = Work.fail


def cancelled(work: Work, reason: str) -> None:
    """Leaves the version as StopSolutionVersionCreation does."""
    work.fail(reason, "CREATE STOPPED")


def seconds(engine: Engine, job: Job) -> float:
    version = engine.records.find(job.arn, SolutionVersionRecord)
    if version is None:
        return 0.0
    once = A_ROW_S * interactions_of(engine, version.dataset_group_arn)
    if version.perform_auto_ml:
        return once * 4
    recipe = RECIPES.get(name_of(version.recipe_arn))
    if recipe is None or recipe.quick:  # without its recipe the job fails at once
        return 0.0
    if version.training_mode == "UPDATE":
        return UPDATE_SHARE * once
    if not version.perform_hpo:
        return once
    minutes = hpo_minutes_of(version)
    _, budget = search_of(version.solution_config, recipe, minutes)
    return once + min(once * budget.trials, budget.seconds)


def _train(work: Work, version: SolutionVersionRecord) -> str:
    changes, message = (update if version.training_mode == "UPDATE" else train)(work, version)
    publish(work.engine, work.job, {"status": ACTIVE, **changes})
    return message


@write
def publish(engine: Engine, job: Job, changes: dict[str, Any]) -> None:
    """The version that the job is about is trained, and answers where campaigns follow its solution's latest."""
    with engine.database.write() as within:
        version = changed(engine, job, job.arn, changes, within)
        assert isinstance(version, SolutionVersionRecord)
        if version.perform_auto_ml:
            changed(engine, job, version.solution_arn, {"recipe_arn": version.recipe_arn}, within)
        follow_latest(engine.resources.control(version.account, region_of(version.arn)), version, within)
