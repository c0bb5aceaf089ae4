"""A batch inference job: a solution version answers the lines of files, without a campaign (specification §7)."""

from __future__ import annotations

from engine.batch.inference import answering
from engine.batch.lines import MOST_BYTES, Answer, Counts, Files
from engine.batch.themes import Themes, themed
from engine.control.lifecycle import ACTIVE
from engine.data.group import Group
from engine.errors import EngineError
from engine.jobs.work import Work
from engine.recipes.base import stretch
from engine.records import BatchInferenceJob, Campaign, DatasetGroup, SolutionVersion

MOST_THEMES = 100  # lines of a file of THEME_GENERATION (specification §7.2)


def run(work: Work) -> str:
    job = work.engine.records.get(work.arn, BatchInferenceJob)
    if job.status == ACTIVE:
        return "answered before its process ended"
    job = work.change(job, status="CREATE IN_PROGRESS")
    try:
        counts = _answer(work, job)
    except EngineError as error:
        failed(work, error.message)
        raise
    work.change(job, status=ACTIVE, report={"lines": counts.lines, "errors": counts.errors})
    return str(counts)


def failed(work: Work, reason: str) -> None:
    job = work.engine.records.get(work.arn, BatchInferenceJob)
    work.change(job, status="CREATE FAILED", failure_reason=reason)


def _answer(work: Work, job: BatchInferenceJob) -> Counts:
    version = work.directory.get(job.solution_version_arn, SolutionVersion)
    group = work.directory.get(version.dataset_group_arn, DatasetGroup)
    settings = work.engine.settings
    work.progress(0.0, "loading the model and the data")
    deployed = work.engine.deployments.load(_campaign(job, version))
    filters = (work.directory.filter(job.filter_arn, group.arn, settings.quotas),) if job.filter_arn else ()
    state = work.state(group)
    answer: Answer = answering(
        deployed, state, filters, job.num_results, now=work.engine.clock(), new_id=work.engine.new_id
    )
    if job.batch_inference_job_mode == "THEME_GENERATION":
        answer = themed(answer, _themes(work, job, group, state))
    files = Files(
        source=job.job_input["s3DataSource"]["path"],
        destination=job.job_output["s3DataDestination"]["path"],
        allow_file_urls=settings.allow_file_urls,
        max_bytes=MOST_BYTES if settings.quotas == "aws" else None,
        max_lines=MOST_THEMES if job.batch_inference_job_mode == "THEME_GENERATION" else None,
    )
    return files.answer(answer, stretch(work.progress, 0.05, 0.99))


def _themes(work: Work, job: BatchInferenceJob, group: DatasetGroup, state: Group) -> Themes:
    dataset = work.directory.datasets(group.arn).get("ITEMS")
    fields = work.directory.schema(dataset).fields if dataset is not None else ()
    return Themes(state, fields, job.theme_generation_config["fieldsForThemeGeneration"]["itemName"])


def _campaign(job: BatchInferenceJob, version: SolutionVersion) -> Campaign:
    """Who answers, in the terms of a campaign; it is no resource of its own."""
    return Campaign(
        arn=job.arn,
        account=job.account,
        name=job.name,
        solution_arn=version.solution_arn,
        dataset_group_arn=version.dataset_group_arn,
        solution_version_arn=version.arn,
        campaign_config=job.batch_inference_job_config,
        creation_date_time=job.creation_date_time,
        last_updated_date_time=job.last_updated_date_time,
    )
