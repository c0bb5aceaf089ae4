"""Batch jobs, their common part: a model without a campaign, the group as of now, files in and files out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from engine.batch.lines import MOST_BYTES, Answer, Files, LineCounts, Wrap
from engine.control.lifecycle import ACTIVE
from engine.data.group import Group
from engine.filters import CompiledFilter
from engine.jobs.choosing import settings_of
from engine.jobs.group_data import current
from engine.jobs.training import trained_on, with_new_items
from engine.jobs.training_data import training_data
from engine.jobs.work import Work, perform_resource_job
from engine.recipe import stretch
from engine.records import (
    BatchInferenceJobRecord,
    BatchSegmentJobRecord,
    CampaignRecord,
    DatasetGroupRecord,
    SolutionVersionRecord,
)
from engine.serving import artifacts
from engine.serving.deployments import Deployed, own_path

J = TypeVar("J", BatchInferenceJobRecord, BatchSegmentJobRecord)


@dataclass(frozen=True)
class BatchContext:
    deployed: Deployed
    group: DatasetGroupRecord
    state: Group  # of this job alone: it does not change meanwhile
    filters: tuple[CompiledFilter, ...]


@dataclass(frozen=True)
class Answering:
    """The way to answer lines, and the most lines that a file may have."""

    answer: Answer
    max_lines: int | None = None
    wrap: Wrap | None = None


def run_batch(work: Work, kind: type[J], answering: Callable[[Work, J, BatchContext], Answering]) -> str:
    """Runs the job from its first status to its last."""

    def perform(work: Work, job: J) -> str:
        work.progress(0.0, "loading the model and the data")
        counts = _answer(work, job, answering(work, job, _batch(work, job)))
        work.change(job, status=ACTIVE, report={"lines": counts.lines, "errors": counts.errors})
        return str(counts)

    return perform_resource_job(work, kind, perform, "answered before its process ended")


def _batch(work: Work, job: BatchInferenceJobRecord | BatchSegmentJobRecord) -> BatchContext:
    version = work.directory.get(job.solution_version_arn, SolutionVersionRecord)
    group = work.directory.get(version.dataset_group_arn, DatasetGroupRecord)
    rules = work.engine.settings.quotas
    filters = (work.directory.filter(job.filter_arn, group.arn, rules),) if job.filter_arn else ()
    deployed = _with_new_items(work, work.engine.deployments.load(_campaign(job, version)), version, group)
    return BatchContext(deployed, group, work.state(group), filters)


def _with_new_items(
    work: Work, deployed: Deployed, version: SolutionVersionRecord, group: DatasetGroupRecord
) -> Deployed:
    """The newest trained version of a recipe that can learns of new items first (specification §7.1); for this job
    alone, its model stays as it is."""
    versions = work.engine.records.list(SolutionVersionRecord, parent=version.solution_arn)
    trained = [each.arn for each in versions if each.status == ACTIVE and each.training_mode != "UPDATE"]
    if deployed.recipe.extend is None or trained[-1:] != [version.arn]:
        return deployed
    model = artifacts.load(work.engine.store.fetch(own_path(version, group.uid)))
    if len(work.state(group).items) <= trained_on(model):
        return deployed
    data = current(work, group)
    settings, snapshot = settings_of(version), training_data(work, data, version)
    model, _ = with_new_items(model, deployed.recipe, settings, snapshot, data, stretch(work.progress, 0.0, 0.05))
    return deployed.answering_with(model)


def _answer(work: Work, job: BatchInferenceJobRecord | BatchSegmentJobRecord, how: Answering) -> LineCounts:
    settings = work.engine.settings
    files = Files(
        source=job.job_input["s3DataSource"]["path"],
        destination=job.job_output["s3DataDestination"]["path"],
        allow_file_urls=settings.allow_file_urls,
        max_bytes=MOST_BYTES if settings.quotas == "aws" else None,
        max_lines=how.max_lines,
        check=work.check,
    )
    tasks = work.engine.tasks
    spread = map if tasks is None else tasks.map
    return files.answer(how.answer, stretch(work.progress, 0.05, 0.99), how.wrap, spread)


def _campaign(job: BatchInferenceJobRecord | BatchSegmentJobRecord, version: SolutionVersionRecord) -> CampaignRecord:
    """The model that answers, in the terms of a campaign; it is no resource of its own."""
    return CampaignRecord(
        arn=job.arn,
        account=job.account,
        name=job.name,
        solution_arn=version.solution_arn,
        dataset_group_arn=version.dataset_group_arn,
        solution_version_arn=version.arn,
        campaign_config=job.batch_inference_job_config if isinstance(job, BatchInferenceJobRecord) else {},
        tags=job.tags if isinstance(job, BatchInferenceJobRecord) else {},
        creation_date_time=job.creation_date_time,
        last_updated_date_time=job.last_updated_date_time,
    )
