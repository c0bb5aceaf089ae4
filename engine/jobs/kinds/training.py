"""Train a solution version: newest snapshot, recipe, offline metrics, artifact, and the campaigns that follow it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from engine.arns import name_of, recipe_arn, region_of
from engine.cohorts.training import with_cohorts
from engine.control.campaigns import follow_latest
from engine.control.lifecycle import ACTIVE
from engine.control.solution_config import hyperparameters
from engine.data.columns import Column, Floats
from engine.data.exposure import ItemExposure
from engine.data.learnable import learnable
from engine.data.objective import Objective
from engine.data.snapshot import Snapshot
from engine.data.stored import Stored
from engine.engine import Engine
from engine.errors import EngineError, InvalidInput
from engine.forecast.countdown import Countdown
from engine.forecast.machine import Machine, measured
from engine.forecast.training import forecast
from engine.jobs.choosing import chosen_settings, foreseen, minutes_of, settings_of
from engine.jobs.kinds.folding import current
from engine.jobs.work import Work, changed
from engine.measure.solution import solution_metrics
from engine.measure.tuning import Settings
from engine.queue.queue import Job
from engine.recipe import Model, Progress, Recipe, spans, stretch
from engine.recipes import RECIPES
from engine.records import DatasetGroupRecord, SolutionVersionRecord
from engine.serving import artifacts
from engine.serving.deployments import model_folder
from engine.storage.writes import write

SEED = 20_260_101
WRITING_S = 0.1
BRIEF_S = 5.0  # a forecast this short is good enough without a quarter of a second to measure the machine


def run(work: Work) -> str:
    version = work.engine.records.get(work.arn, SolutionVersionRecord)
    if version.status == ACTIVE:
        return "trained before its process ended"
    version = work.change(version, status="CREATE IN_PROGRESS")
    try:
        return _train(work, version)
    except (EngineError, msgspec.ValidationError, np.linalg.LinAlgError, MemoryError) as error:
        failed(work, str(error) or type(error).__name__)
        raise


def failed(work: Work, reason: str) -> None:
    version = work.engine.records.get(work.arn, SolutionVersionRecord)
    work.change(version, status="CREATE FAILED", failure_reason=reason)


def cancelled(work: Work, reason: str) -> None:
    """Leaves the version as StopSolutionVersionCreation does."""
    version = work.engine.records.get(work.arn, SolutionVersionRecord)
    work.change(version, status="CREATE STOPPED", failure_reason=reason)


def _train(work: Work, version: SolutionVersionRecord) -> str:
    changes, message = (_update if version.training_mode == "UPDATE" else train)(work, version)
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


def train(work: Work, version: SolutionVersionRecord) -> tuple[dict[str, Any], str]:
    """Train and store the version's model; what is known of it then, and a few words."""
    started = time.monotonic()
    group = work.directory.get(version.dataset_group_arn, DatasetGroupRecord)
    work.progress(0.01, "reading the data")
    data = current(work, group)
    snapshot = prepared(work, data, version)
    _check_minimum(snapshot, version, work)
    machine = _machine(version, snapshot)
    ahead = foreseen(version, snapshot, machine, minutes_of(version))
    if work.arn == version.arn:  # a recommender's is no record
        version = work.change(version, forecast=ahead.account())
    work.progress(0.02, f"forecast: {ahead}")
    countdown = Countdown(work.progress, ahead.seconds, time.monotonic, ahead.budget_s)
    trying, training, measuring, grouping, _ = spans(stretch(countdown, 0.02, 0.99), (*ahead.parts, WRITING_S))
    choice = chosen_settings(version, snapshot, SEED, trying)
    recipe, params = choice.recipe, ahead.params
    if choice.trials:
        left = ahead.budget_s and max(ahead.budget_s - (time.monotonic() - started), 1.0) / 60
        params = forecast(recipe, hyperparameters(choice.settings, recipe), snapshot, machine, minutes=left).params
    model = recipe.train(snapshot, params, SEED, training)
    metrics = solution_metrics(recipe, params, snapshot, SEED, measuring, model)
    model = _grouped(model, recipe, snapshot, grouping)
    work.progress(0.99, "writing the model")
    about = {"seq": data.seq, "trained": snapshot.item_count, "absent": absent_items(data)}
    model = replace(model, about={**model.about, **about})
    artifacts.save(model, model_folder(work.engine.settings.data_dir, version.arn, group.uid))
    hours = (time.monotonic() - started) / 3600
    index = model.about.get("chosen", {}).get("index", {})
    if "recall_at_25" in index:
        metrics = {**metrics, "index_recall_at_25": index["recall_at_25"]}
    changes = {
        "metrics": {name: round(value, 4) for name, value in metrics.items()},
        "training_hours": round(hours, 4),
        "chosen": {**model.about.get("chosen", {}), **choice.account(), "forecast": ahead.account()},
        "recipe_arn": recipe_arn(recipe.name),
        "tuned_hpo_params": {"algorithmHyperParameters": choice.tuned} if choice.tuned else {},
    }
    words = f"{recipe.name}: {len(snapshot.items):,} interactions in {hours * 3600:.0f} s{_of_index(index)}"
    return changes, f"{words}; {ahead.within}" if ahead.cut else words


def _grouped(model: Model, recipe: Recipe[Any], snapshot: Snapshot, progress: Progress) -> Model:
    """The model with its cohorts and its index, where its recipe has them."""
    if recipe.kind == "USER_PERSONALIZATION":
        model = with_cohorts(model, recipe.ready(model), snapshot, SEED, stretch(progress, 0.0, 0.9))
    return model if recipe.index is None else recipe.index(model, snapshot, SEED, stretch(progress, 0.9, 1.0))


def _machine(version: SolutionVersionRecord, snapshot: Snapshot) -> Machine:
    """This machine as measured, or the reference machine where the training is brief and has no budget."""
    reference, minutes = Machine(), minutes_of(version)
    brief = minutes is None and foreseen(version, snapshot, reference, None).seconds < BRIEF_S
    return reference if brief else measured()


def _of_index(account: Mapping[str, Any]) -> str:
    """The account of an index, for the log; nothing where the catalogue is small."""
    if not account:
        return ""
    reason = account.get("reason") or f"recall@25 {account['recall_at_25']}, sum within {account['error']}"
    return f"; answers by an index: {reason}" if account["used"] else f"; answers by scanning all items: {reason}"


def _update(work: Work, version: SolutionVersionRecord) -> tuple[dict[str, Any], str]:
    """The newest trained version's model with the items that came since (specification §1.8)."""
    started = time.monotonic()
    engine = work.engine
    versions = engine.records.list(SolutionVersionRecord, parent=version.solution_arn)
    base = next((each for each in reversed(versions) if each.status == ACTIVE and each.training_mode != "UPDATE"), None)
    if base is None:
        raise InvalidInput("trainingMode UPDATE needs a solution version of mode FULL that is ACTIVE.")
    group = work.directory.get(version.dataset_group_arn, DatasetGroupRecord)
    data = current(work, group)
    recipe = RECIPES[name_of(base.recipe_arn)]
    own, target = (model_folder(engine.settings.data_dir, arn, group.uid) for arn in (base.arn, version.arn))
    trained = artifacts.load(own)
    snapshot = prepared(work, data, base)
    model, count = with_new_items(trained, recipe, settings_of(base), snapshot, data, work.progress)
    artifacts.save(model, target, (trained, own))
    inherited = {name: getattr(base, name) for name in ("metrics", "recipe_arn", "tuned_hpo_params")}
    about = {"training_hours": round((time.monotonic() - started) / 3600, 4), "chosen": model.about.get("chosen", {})}
    return {**inherited, **about}, f"{recipe.name}: {count:,} new items on {base.name}"


def absent_items(data: Stored) -> list[int]:
    """Items of which a name is all that is left, their users deleted for example (specification §2.6)."""
    every = np.arange(data.snapshot.item_count, dtype=np.int32)
    bare = ItemExposure(data.snapshot, data.impressions.sum(axis=1)).without_record(every)
    return [item for item in bare.tolist() if not data.item_put[item]]


def with_new_items(
    model: Model, recipe: Recipe[Any], settings: Settings, snapshot: Snapshot, data: Stored, progress: Progress
) -> tuple[Model, int]:
    """A model that knows the snapshot's items, and how many those are that it was not trained on."""
    assert recipe.extend is not None
    extended = recipe.extend(model, snapshot, hyperparameters(settings, recipe), progress)
    about = {**extended.about, "seq": data.seq, "absent": absent_items(data)}
    return replace(extended, about=about), snapshot.item_count - trained_on(model)


def trained_on(model: Model) -> int:
    """The number of items that the model was trained on."""
    return int(model.about.get("trained", 0))


def prepared(work: Work, data: Stored, version: SolutionVersionRecord) -> Snapshot:
    """The part of the data that the version trains on."""
    datasets = work.directory.datasets(version.dataset_group_arn)
    snapshot = chosen_columns(chosen_events(with_objective(data.snapshot, version), version), version)
    snapshot = learnable(snapshot, {kind: work.directory.schema(each) for kind, each in datasets.items()})
    return snapshot if data.actions is None else replace(snapshot, actions=data.actions.snapshot)


def chosen_events(snapshot: Snapshot, version: SolutionVersionRecord) -> Snapshot:
    """The interactions to train on: of the solution's event type, at or above its value threshold; of those listed in
    its eventsConfig, which have weights.
    """
    keep = np.ones(len(snapshot.items), np.bool_)
    if version.event_type is not None:
        keep &= np.isin(snapshot.types, _type_codes(snapshot, version.event_type))
    threshold = version.solution_config.get("eventValueThreshold")
    if threshold is not None:
        keep &= snapshot.values >= float(threshold)
    weights = event_weights(snapshot, version)
    if weights is not None:
        keep &= weights >= 0
        mean = weights[keep].mean() if keep.any() else 0
        snapshot = replace(snapshot, weights=weights / mean if mean else None)
    return snapshot if keep.all() else snapshot.kept(keep)


def event_weights(snapshot: Snapshot, version: SolutionVersionRecord) -> Floats | None:
    """(n,) the weight of every row, -1 for those that the eventsConfig leaves out; None where it lists nothing."""
    listed = version.solution_config.get("eventsConfig", {}).get("eventParametersList", [])
    if not listed:
        return None
    weights = np.full(len(snapshot.items), -1, np.float32)
    for event in listed:
        rows = np.isin(snapshot.types, _type_codes(snapshot, event["eventType"]))
        if "eventValueThreshold" in event:
            rows &= snapshot.values >= event["eventValueThreshold"]
        weights[rows] = event.get("weight", 1.0)
    return weights


def _type_codes(snapshot: Snapshot, event_type: str) -> list[int]:
    wanted = event_type.casefold()
    return [code for code, name in enumerate(snapshot.event_types) if name.casefold() == wanted]


def with_objective(snapshot: Snapshot, version: SolutionVersionRecord) -> Snapshot:
    """The snapshot with the solution's objective beside relevance; its column need not be one that is learned from."""
    config = version.solution_config.get("optimizationObjective")
    if config is None:
        return snapshot
    wanted, columns = config["itemAttribute"].casefold(), snapshot.item_columns.items()
    column = next((column for name, column in columns if name.casefold() == wanted), None)
    objective = Objective.of(column, snapshot.item_count, config.get("objectiveSensitivity", "OFF"))
    return replace(snapshot, objective=objective)


def chosen_columns(snapshot: Snapshot, version: SolutionVersionRecord) -> Snapshot:
    """The snapshot without the columns that the solution's trainingDataConfig excludes or does not include."""
    config = version.solution_config.get("trainingDataConfig", {})
    excluded, included = (config.get(f"{verb}DatasetColumns", {}) for verb in ("excluded", "included"))

    def chosen(columns: Mapping[str, Column], dataset_type: str) -> dict[str, Column]:
        out, only = _folded(excluded, dataset_type), _folded(included, dataset_type)
        keep = (name for name in columns if name.casefold() not in out and (not only or name.casefold() in only))
        return {name: columns[name] for name in keep}

    if not excluded and not included:
        return snapshot
    return replace(
        snapshot,
        item_columns=chosen(snapshot.item_columns, "ITEMS"),
        user_columns=chosen(snapshot.user_columns, "USERS"),
        interaction_columns=chosen(snapshot.interaction_columns, "INTERACTIONS"),
    )


def _folded(columns: Mapping[str, list[str]], dataset_type: str) -> set[str]:
    return {name.casefold() for kind, names in columns.items() if kind.upper() == dataset_type for name in names}


def _check_minimum(snapshot: Snapshot, version: SolutionVersionRecord, work: Work) -> None:
    """AWS's minimum of data (specification §2.3), as the settings ask for; never less than one interaction."""
    settings = work.engine.settings
    least = max(settings.min_interactions, 1)
    after = f" after filtering by event type: {version.event_type}" if version.event_type else ""
    if len(snapshot.items) < least:
        raise InvalidInput(f"Dataset has fewer than {least} interactions{after}")
    lengths = np.diff(snapshot.indptr)
    users, able = int(np.count_nonzero(lengths)), int(np.count_nonzero(lengths >= 2))
    if able < settings.min_users:
        raise InvalidInput(f"Dataset has fewer than {settings.min_users} users with at least 2 interactions each.")
    if able < settings.min_share * users:
        raise InvalidInput(
            f"Dataset has fewer than {settings.min_share:.0%} of users with at least 2 interactions each."
        )
