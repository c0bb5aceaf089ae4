"""Training a model: newest snapshot, recipe, offline metrics, artifact; and a trained model learns of new items."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from engine.arns import name_of, recipe_arn
from engine.cohorts.training import with_cohorts
from engine.control.lifecycle import ACTIVE
from engine.control.solution_config import hyperparameters
from engine.data.snapshot import Snapshot
from engine.data.stored import Stored
from engine.errors import EngineError, InvalidInput
from engine.forecast.training import Countdown, Machine, TrainingForecast, forecast, this_machine
from engine.jobs.choosing import Choice, chosen_settings, foreseen, minutes_of, settings_of
from engine.jobs.group_data import current
from engine.jobs.training_data import absent_items, check_minimum, training_data
from engine.jobs.work import Work
from engine.measure.solution import solution_metrics
from engine.measure.tuning import Settings
from engine.recipe import Model, Progress, Recipe, spans, stretch
from engine.recipes import RECIPES
from engine.records import DatasetGroupRecord, SolutionVersionRecord
from engine.serving import artifacts
from engine.serving.deployments import beside, model_path, own_path

SEED = 20_260_101
TRAINING_FAULTS = (EngineError, msgspec.ValidationError, np.linalg.LinAlgError, MemoryError)
WRITING_S = 0.1
A_ROW_S = 6e-4  # of an interaction, roughly: training by a recipe that is not quick, and each trial
ROWS = "interactions"  # that a model has learned from, as it says itself
BRIEF_S = 5.0  # a forecast this short is good enough without a tenth of a second to measure the machine


def train(work: Work, version: SolutionVersionRecord) -> tuple[dict[str, Any], str]:
    """Trains and stores the version's model; returns the changes of its record, and a few words."""
    started = time.monotonic()
    group = work.directory.get(version.dataset_group_arn, DatasetGroupRecord)
    work.progress(0.01, "reading the data")
    data = current(work, group)
    snapshot = training_data(work, data, version)
    check_minimum(snapshot, version, work)
    machine = _machine(version, snapshot)
    ahead = foreseen(version, snapshot, machine, minutes_of(version))
    if work.arn == version.arn:  # a recommender's is no record
        version = work.change(version, forecast=ahead.account())
    work.progress(0.02, f"forecast: {ahead}")
    countdown = Countdown(work.progress, ahead.seconds, time.monotonic, ahead.budget_s)
    trying, training, measuring, grouping, _ = spans(stretch(countdown, 0.02, 0.99), (*ahead.parts, WRITING_S))
    choice = chosen_settings(version, snapshot, SEED, trying, work.engine.tasks)
    recipe, params = choice.recipe, ahead.params
    if choice.trials:
        left = ahead.budget_s and max(ahead.budget_s - (time.monotonic() - started), 1.0) / 60
        params = forecast(recipe, hyperparameters(choice.settings, recipe), snapshot, machine, minutes=left).params
    model = recipe.train(snapshot, params, SEED, training)
    metrics = solution_metrics(recipe, params, snapshot, SEED, measuring, model)
    model = _grouped(model, recipe, snapshot, grouping)
    work.progress(0.99, "writing the model")
    about = {"seq": data.seq, "trained": snapshot.item_count, "absent": absent_items(data), ROWS: len(snapshot.items)}
    model = replace(model, about={**model.about, **about})
    folder = _save(work, model, version, group.uid)
    seconds = time.monotonic() - started
    words = f"{recipe.name}: {len(snapshot.items):,} interactions in {seconds:.0f} s{_index_words(_index_of(model))}"
    changes = {**_changes(choice, ahead, model, metrics, seconds), "model_folder": folder}
    return changes, f"{words}; {ahead.within}" if ahead.cut else words


def _save(
    work: Work, model: Model, version: SolutionVersionRecord, uid: str, made_from: tuple[Model, str] | None = None
) -> str:
    """Stores a version's model; returns the name of its folder, "" where that is the version's."""
    path = model_path(version.arn, uid)
    usual = path.rpartition("/")[2]
    name = work.folder_name(usual) if work.arn == version.arn else usual  # a recommender's is new with each lease
    artifacts.save(model, work.engine.store, beside(path, name), made_from)
    return "" if name == usual else name


def _changes(
    choice: Choice, ahead: TrainingForecast, model: Model, metrics: Mapping[str, float], seconds: float
) -> dict[str, Any]:
    """The outcome of a training, as its version's record names it."""
    index = _index_of(model)
    if "recall_at_25" in index:
        metrics = {**metrics, "index_recall_at_25": index["recall_at_25"]}
    return {
        "metrics": {name: round(value, 4) for name, value in metrics.items()},
        "training_hours": round(seconds / 3600, 4),
        "chosen": {**model.about.get("chosen", {}), **choice.account(), "forecast": ahead.account()},
        "recipe_arn": recipe_arn(choice.recipe.name),
        "tuned_hpo_params": {"algorithmHyperParameters": choice.tuned} if choice.tuned else {},
    }


def _grouped(model: Model, recipe: Recipe[Any], snapshot: Snapshot, progress: Progress) -> Model:
    """The model with its cohorts and its index, where its recipe has them."""
    if recipe.kind == "USER_PERSONALIZATION":
        model = with_cohorts(model, recipe.ready(model), snapshot, SEED, stretch(progress, 0.0, 0.9))
    return model if recipe.index is None else recipe.index(model, snapshot, SEED, stretch(progress, 0.9, 1.0))


def _machine(version: SolutionVersionRecord, snapshot: Snapshot) -> Machine:
    """This machine as measured, or the reference machine where the training is brief and has no budget."""
    reference, minutes = Machine(), minutes_of(version)
    brief = minutes is None and foreseen(version, snapshot, reference, None).seconds < BRIEF_S
    return reference if brief else this_machine()


def _index_of(model: Model) -> Mapping[str, Any]:
    """The account of the model's index; empty where it has none."""
    index: Mapping[str, Any] = model.about.get("chosen", {}).get("index", {})
    return index


def _index_words(account: Mapping[str, Any]) -> str:
    """The account of an index in words, for the log; nothing where the catalogue is small."""
    if not account:
        return ""
    reason = account.get("reason") or f"recall@25 {account['recall_at_25']}, sum within {account['error']}"
    return f"; answers by an index: {reason}" if account["used"] else f"; answers by scanning all items: {reason}"


def update(work: Work, version: SolutionVersionRecord) -> tuple[dict[str, Any], str]:
    """The newest trained version's model with the interactions and items that came since (specification §1.8)."""
    started = time.monotonic()
    engine = work.engine
    versions = engine.records.list(SolutionVersionRecord, parent=version.solution_arn)
    base = next((each for each in reversed(versions) if each.status == ACTIVE and each.training_mode != "UPDATE"), None)
    if base is None:
        raise InvalidInput("trainingMode UPDATE needs a solution version of mode FULL that is ACTIVE.")
    group = work.directory.get(version.dataset_group_arn, DatasetGroupRecord)
    data = current(work, group)
    recipe = RECIPES[name_of(base.recipe_arn)]
    own = own_path(base, group.uid)
    trained = artifacts.load(engine.store.fetch(own))
    snapshot = training_data(work, data, base)
    learning, extending = spans(work.progress, (0.9, 0.1))
    model = _renewed(trained, recipe, settings_of(base), snapshot, learning)
    model, _ = with_new_items(model, recipe, settings_of(base), snapshot, data, extending)
    folder = _save(work, model, version, group.uid, (trained, own))
    inherited = {name: getattr(base, name) for name in ("metrics", "recipe_arn", "tuned_hpo_params")}
    about = {"training_hours": round((time.monotonic() - started) / 3600, 4), "chosen": model.about.get("chosen", {})}
    about["model_folder"] = folder
    rows, count = len(snapshot.items) - int(trained.about.get(ROWS, 0)), snapshot.item_count - trained_on(trained)
    return {**inherited, **about}, f"{recipe.name}: {rows:,} interactions and {count:,} items since {base.name}"


def _renewed(model: Model, recipe: Recipe[Any], settings: Settings, snapshot: Snapshot, progress: Progress) -> Model:
    """The model once it has learned of the snapshot's interactions, where it has not and its recipe can. Items with an
    interaction become the model's own, and so do new ones before them; the others are left to `with_new_items`."""
    if recipe.renew is None or model.about.get(ROWS) == len(snapshot.items):
        return model
    seen = snapshot.first_items(max(trained_on(model), int(snapshot.items.max(initial=-1)) + 1))
    learning, grouping = spans(progress, (0.9, 0.1))
    renewed = recipe.renew(model, seen, hyperparameters(settings, recipe), SEED, learning)
    renewed = _grouped(renewed, recipe, seen, grouping)
    return replace(renewed, about={**renewed.about, "trained": seen.item_count, ROWS: len(snapshot.items)})


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
