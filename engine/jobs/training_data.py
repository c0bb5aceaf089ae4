"""The part of a dataset group's data that a solution version trains on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from engine.control.tag_settings import negative_events_in
from engine.data.columns import Column, Floats
from engine.data.exposure import ItemExposure
from engine.data.negative_events import NegativeEvents, event_parameters
from engine.data.snapshot import Objective, Snapshot, learnable
from engine.data.stored import Stored
from engine.errors import InvalidInput
from engine.jobs.work import Work
from engine.records import DatasetGroupRecord, SolutionVersionRecord


def training_data(work: Work, data: Stored, version: SolutionVersionRecord) -> Snapshot:
    """The part of the data that the version trains on."""
    datasets = work.directory.datasets(version.dataset_group_arn)
    wanted = negative_events(work, version).left_out(data.snapshot)
    snapshot = chosen_columns(chosen_events(with_objective(wanted, version), version), version)
    snapshot = learnable(snapshot, {kind: work.directory.schema(each) for kind, each in datasets.items()})
    return snapshot if data.actions is None else replace(snapshot, actions=data.actions.snapshot)


def negative_events(work: Work, version: SolutionVersionRecord) -> NegativeEvents:
    """The negative types of the version's dataset group and of its eventsConfig."""
    group = work.directory.get(version.dataset_group_arn, DatasetGroupRecord)
    return NegativeEvents.of(negative_events_in(group.tags), event_parameters(version.solution_config))


def chosen_events(snapshot: Snapshot, version: SolutionVersionRecord) -> Snapshot:
    """The interactions to train on: of the solution's event type, at or above its value threshold; of those listed in
    its eventsConfig, which have weights."""
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
    return snapshot if keep.all() else snapshot.take(keep)


def event_weights(snapshot: Snapshot, version: SolutionVersionRecord) -> Floats | None:
    """(n,) the weight of every row, -1 for those that the eventsConfig leaves out; None where it lists nothing."""
    listed = event_parameters(version.solution_config)
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


def check_minimum(snapshot: Snapshot, version: SolutionVersionRecord, work: Work) -> None:
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


def absent_items(data: Stored) -> list[int]:
    """Items of which a name is all that is left, their users deleted for example (specification §2.6)."""
    every = np.arange(data.snapshot.item_count, dtype=np.int32)
    bare = ItemExposure(data.snapshot, data.impressions.sum(axis=1)).without_record(every)
    return [item for item in bare.tolist() if not data.item_put[item]]
