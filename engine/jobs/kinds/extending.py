"""Let deployed models know the items that came since: what AWS does every two hours (specification §3.1, §3.5).

Nothing is trained. The model that knows later items lies beside the version's own and takes its place in answers.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from engine.arns import region_of
from engine.data.group import Group
from engine.engine import Engine
from engine.jobs.answering_models import AnsweringModel, extendable_models
from engine.jobs.choosing import settings_of
from engine.jobs.group_data import current
from engine.jobs.training import trained_on, with_new_items
from engine.jobs.training_data import training_data
from engine.jobs.work import Work, discard, hold
from engine.queue.queue import Job
from engine.recipe import Model, stretch
from engine.records import (
    CampaignRecord,
    DatasetGroupRecord,
    RecommenderRecord,
    SolutionVersionRecord,
    kind_of,
)
from engine.serving import artifacts
from engine.serving.deployments import beside, items_path, model_arn, own_path
from engine.storage.writes import write


def run(work: Work) -> str:
    group = work.directory.get(work.arn, DatasetGroupRecord)
    state = work.state(group)
    models = [
        (target, *_loaded(work.engine, target, group.uid)) for target in extendable_models(work.engine, group.arn)
    ]
    wanting = [(target, own, model) for target, own, newest, model in models if wants(target, model, newest, state)]
    if not wanting:
        return "no new items"
    data = current(work, group)
    for place, (target, own, model) in enumerate(wanting):
        progress = stretch(work.progress, place / len(wanting), (place + 1) / len(wanting))
        snapshot = training_data(work, data, target.version)
        extended, _ = with_new_items(model, target.recipe, settings_of(target.version), snapshot, data, progress)
        name = work.folder_name(f"{own.rpartition('/')[2]}-items-{data.seq}-{work.job.id}")
        artifacts.save(extended, work.engine.store, beside(own, name), (model, own))
        _publish(work, group, target, name)
    return f"{len(wanting)} models know all {data.snapshot.item_count:,} items"


def wants(target: AnsweringModel, model: Model, newest: Model, state: Group) -> bool:
    """True where there are items, or words about items, that the newest model has not seen."""
    trained = trained_on(model) if target.recipe.exploration is not None else 0
    if any(index >= trained for index in state.item_table.rows):
        return True
    return state.stored.seq > int(newest.about["seq"]) and state.stored.snapshot.item_count > trained


def _loaded(engine: Engine, target: AnsweringModel, uid: str) -> tuple[str, Model, Model]:
    """The path of the version's own model; the newest that answers for it; its own."""
    own, newest = own_path(target.record, uid), items_path(target.record, uid)
    return own, artifacts.load(engine.store.fetch(newest)), artifacts.load(engine.store.fetch(own))


def _publish(work: Work, group: DatasetGroupRecord, target: AnsweringModel, name: str) -> None:
    """The one that it replaces goes at once: who is about to load it looks again (see `Deployments`)."""
    before = publish(work.engine, work.job, target.record.arn, target.version.arn, list(target.answers), name)
    if before not in (None, "", name):
        discard(work.engine.store, [beside(own_path(target.record, group.uid), before)])


@write
def publish(engine: Engine, job: Job, arn: str, version: str, answers: list[str], name: str) -> str | None:
    """A version's record, or a recommender's, names a later model for these answers; the folder that it named before,
    or None where it was trained anew meanwhile."""
    with engine.database.write() as within:
        hold(engine, job, within)
        record = engine.records.get(arn, kind_of(arn), within)
        assert isinstance(record, SolutionVersionRecord | RecommenderRecord)
        if model_arn(record) != version:
            return None
        engine.records.replace(msgspec.structs.replace(record, items_folder=name), within)
        uid = engine.records.get(record.dataset_group_arn, DatasetGroupRecord, within).uid
        for each in answers:
            _tell(engine, each, uid, within)
        return record.items_folder


def _tell(engine: Engine, arn: str, uid: str, within: sa.Connection) -> None:
    campaign = engine.records.find(arn, CampaignRecord, within)
    if campaign is not None:
        engine.records.replace(campaign, within)  # as it is: who follows its record loads its model
    account = arn.split(":")[4]
    engine.resources.control(account, region_of(arn)).announce(uid, "deploy", arn, within)
