"""Train a recommender: its use case's recipe on the newest data; it answers with the new model from then on."""

from __future__ import annotations

from typing import Any

from engine.arns import name_of, region_of
from engine.control.lifecycle import ACTIVE
from engine.control.schedule import DAY, USUAL_DAYS
from engine.engine import Engine
from engine.jobs.answering_models import version_of
from engine.jobs.group_data import interactions_of
from engine.jobs.training import A_ROW_S, TRAINING_FAULTS, train
from engine.jobs.work import Work, changed
from engine.queue.queue import Job
from engine.recipes import RECIPES
from engine.records import RecommenderRecord
from engine.storage.writes import write
from engine.use_cases import USE_CASES


def run(work: Work) -> str:
    recommender = say(work.engine, work.job, "CREATE IN_PROGRESS", None, {})
    try:
        version = version_of(recommender, work.engine.new_id()[:8])
        trained, message = train(work, version)
    except TRAINING_FAULTS as error:
        failed(work, str(error) or type(error).__name__)
        raise
    now = round(work.engine.clock(), 3)
    changes = {
        "solution_version_arn": version.arn,
        "items_folder": "",
        "trained_at": now,
        "next_training_at": recommender.next_training_at or now + USUAL_DAYS * DAY,
        "model_metrics": trained["metrics"],
    }
    say(work.engine, work.job, ACTIVE, None, changes)
    return message


def failed(work: Work, reason: str) -> None:
    say(work.engine, work.job, "CREATE FAILED", reason, {})


def seconds(engine: Engine, job: Job) -> float:
    recommender = engine.records.find(job.arn, RecommenderRecord)
    if recommender is None or RECIPES[USE_CASES[name_of(recommender.recipe_arn)].trains].quick:
        return 0.0
    return A_ROW_S * interactions_of(engine, recommender.dataset_group_arn)


@write
def say(engine: Engine, job: Job, status: str, reason: str | None, changes: dict[str, Any]) -> RecommenderRecord:
    """The status of its creation; of its latest update, once it has a model to answer with meanwhile. With a new model
    it is announced."""
    with engine.database.write() as within:
        before = engine.records.get(job.arn, RecommenderRecord, within)
        update = before.latest_recommender_update
        if update.get("status") not in (None, ACTIVE):
            update = {**update, "status": status, "lastUpdatedDateTime": round(engine.clock(), 3)}
            changes["latest_recommender_update"] = {**update, "failureReason": reason} if reason else update
        if not before.solution_version_arn:
            changes.update(status=status, failure_reason=reason)
        recommender = changed(engine, job, job.arn, changes, within)
        assert isinstance(recommender, RecommenderRecord)
        if "solution_version_arn" in changes:
            engine.resources.control(recommender.account, region_of(recommender.arn)).deploy(recommender, within)
        return recommender
