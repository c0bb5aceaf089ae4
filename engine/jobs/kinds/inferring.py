"""A batch inference job: a solution version answers the lines of files, without a campaign (specification §7.2)."""

from __future__ import annotations

from engine.batch.inference import answering
from engine.batch.themes import Themes, themed
from engine.jobs.batch import Answering, BatchContext, run_batch
from engine.jobs.work import Work
from engine.question import Question
from engine.rank.merchandising import CompiledRule
from engine.records import BatchInferenceJobRecord
from engine.serving.question_filters import FilteredQuestion, QuestionFilters

MOST_THEMES = 100  # lines of a file of THEME_GENERATION


def run(work: Work) -> str:
    return run_batch(work, BatchInferenceJobRecord, _answering)


failed = Work.fail


def _answering(work: Work, job: BatchInferenceJobRecord, batch: BatchContext) -> Answering:
    now, new_id = work.engine.clock(), work.engine.new_id
    setting, campaign = batch.deployed.diversity, batch.deployed.campaign
    question = Question(
        campaign=campaign.arn, account=campaign.account, num_results=job.num_results, objective=batch.objective
    )
    diversity = None if setting is None else work.directory.diversity(setting, batch.group.arn)
    template = FilteredQuestion(question, batch.filters, rules=_rules(work, batch, now), diversity=diversity)
    answer = answering(batch.deployed, batch.state, template, now=now, new_id=new_id)
    if job.batch_inference_job_mode == "THEME_GENERATION":
        return Answering(themed(answer, _themes(work, job, batch)), MOST_THEMES)
    return Answering(answer)


def _rules(work: Work, batch: BatchContext, now: float) -> tuple[CompiledRule, ...]:
    """The rules of the job's own tag that are in force when it begins."""
    book = batch.deployed.rules
    if book is None:
        return ()
    filters = QuestionFilters(work.directory, work.engine.settings, work.engine.clock)
    return filters.compiled(book.in_force(now).for_users, batch.deployed)


def _themes(work: Work, job: BatchInferenceJobRecord, batch: BatchContext) -> Themes:
    dataset = work.directory.datasets(batch.group.arn).get("ITEMS")
    fields = work.directory.schema(dataset).fields if dataset is not None else ()
    return Themes(batch.state, fields, job.theme_generation_config["fieldsForThemeGeneration"]["itemName"])
