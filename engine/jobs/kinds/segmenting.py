"""A batch segment job: users for each line's item, or for items of a kind (specification §7.3)."""

from __future__ import annotations

from engine.batch.segments import by_attributes, by_item, with_attributes
from engine.filters import fields_of
from engine.jobs.batch import Answering, BatchContext, run_batch
from engine.jobs.work import Work
from engine.records import BatchSegmentJobRecord

MOST_ITEMS, MOST_ATTRIBUTES = 500, 10  # lines of a file


def run(work: Work) -> str:
    return run_batch(work, BatchSegmentJobRecord, _answering)


failed = Work.fail


def _answering(work: Work, job: BatchSegmentJobRecord, batch: BatchContext) -> Answering:
    if not batch.deployed.recipe.by_attributes:
        return Answering(by_item(batch.deployed, batch.state, batch.filters, job.num_results), MOST_ITEMS)
    fields = fields_of(map(work.directory.schema, work.directory.datasets(batch.group.arn).values()))
    rules = work.engine.settings.quotas
    answer = by_attributes(batch.deployed, batch.state, batch.filters, job.num_results, fields, rules)
    return Answering(answer, MOST_ATTRIBUTES, with_attributes)
