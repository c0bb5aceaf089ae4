"""A batch inference job: a solution version answers the lines of files, without a campaign (specification §7.2)."""

from __future__ import annotations

from engine.batch.inference import LineAnswers
from engine.batch.themes import Themes, themed
from engine.jobs.batch import Answering, BatchContext, run_batch
from engine.jobs.work import Work
from engine.question import Question
from engine.records import BatchInferenceJobRecord
from engine.serving.question_filters import FilteredQuestion, QuestionFilters

MOST_THEMES = 100  # lines of a file of THEME_GENERATION


def run(work: Work) -> str:
    return run_batch(work, BatchInferenceJobRecord, _answering)


failed = Work.fail


def _answering(work: Work, job: BatchInferenceJobRecord, batch: BatchContext) -> Answering:
    now, new_id = work.engine.clock(), work.engine.new_id
    template = _template(work, job, batch, now)
    answer = LineAnswers(batch.deployed, batch.state, template, now, new_id)
    if job.batch_inference_job_mode == "THEME_GENERATION":
        return Answering(themed(answer, _themes(work, job, batch)), MOST_THEMES)
    return Answering(answer)


def _template(work: Work, job: BatchInferenceJobRecord, batch: BatchContext, now: float) -> FilteredQuestion:
    """What all lines ask in common: the settings of the job's own tags, rules as they are in force when it begins."""
    campaign, book = batch.deployed.campaign, batch.deployed.rules
    question = Question(
        campaign=campaign.arn,
        account=campaign.account,
        num_results=job.num_results,
        rules=None if book is None else book.in_force(now).for_users,
    )
    filters = QuestionFilters(work.directory, work.engine.settings, work.engine.clock)
    return filters.of_question(question, batch.deployed)._replace(filters=batch.filters)


def _themes(work: Work, job: BatchInferenceJobRecord, batch: BatchContext) -> Themes:
    dataset = work.directory.datasets(batch.group.arn).get("ITEMS")
    fields = work.directory.schema(dataset).fields if dataset is not None else ()
    return Themes(batch.state, fields, job.theme_generation_config["fieldsForThemeGeneration"]["itemName"])
