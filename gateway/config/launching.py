"""Experiments made, started, ramped and stopped in the text of a configuration, as edits of their part of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from gateway.config.editing import Edit, Keys, edited
from gateway.config.source import source
from gateway.errors import Conflict, NotConfigured

Edits = Callable[[Mapping[str, Any]], list[Edit]]  # of the experiment's part, as the text has it


class ExperimentPlace(NamedTuple):
    """The place of an experiment in the document."""

    namespace: str
    action: str
    recommender: str
    feature: str

    @property
    def recommender_keys(self) -> Keys:
        return ("namespaces", self.namespace, "recommenders", self.action, self.recommender)

    @property
    def keys(self) -> Keys:
        return (*self.recommender_keys, "experiments", self.feature)


def part_at(data: object, keys: Keys) -> Any:
    """The part of plain data at a path; None where there is none."""
    for key in keys:
        if not isinstance(data, Mapping) or key not in data:
            return None
        data = data[key]
    return data


def created(text: str, name: str, place: ExperimentPlace, definition: Mapping[str, Any]) -> str:
    """The text with another experiment. Raises `Conflict` where one of the name is there."""
    data = source(text, name).data
    if part_at(data, place.recommender_keys) is None:
        where = f"{place.action}/{place.recommender} of namespace {place.namespace!r}"
        raise NotConfigured("RecommenderNotConfigured", f"the configuration's text has no recommender {where}")
    if part_at(data, place.keys) is not None:
        raise Conflict("Configuration", "ExperimentExists", f"there is an experiment {place.feature!r} already")
    return edited(text, name, [Edit(place.keys, dict(definition))])


def changed(text: str, name: str, place: ExperimentPlace, edits: Edits) -> str:
    """The text with the edits that follow from the experiment's part of it. Raises `NotConfigured`."""
    part = part_at(source(text, name).data, place.keys)
    if not isinstance(part, Mapping):
        raise NotConfigured("ExperimentNotFound", f"the configuration's text has no experiment {place.feature!r}")
    return edited(text, name, [Edit((*place.keys, *edit.path), edit.value) for edit in edits(part)])


def start(part: Mapping[str, Any], now: float) -> list[Edit]:
    """It runs from now on; an end that has passed goes, and so does traffic for nobody."""
    schedule = part.get("schedule") or {}
    edits = [Edit(("schedule", "start"), spelled(now))]
    if (end := read(schedule.get("end"))) is not None and end <= now:
        edits.append(Edit(("schedule", "end"), None))
    if part.get("traffic") == 0:
        edits.append(Edit(("traffic",), 1))
    return edits


def stop(part: Mapping[str, Any], now: float) -> list[Edit]:
    """It ends now. One that was to start later never does."""
    begun = read((part.get("schedule") or {}).get("start"))
    if begun is not None and begun >= now:
        return [Edit(("schedule", "start"), None), Edit(("schedule", "end"), spelled(now))]
    return [Edit(("schedule", "end"), spelled(now if begun is None else max(now, begun + 1)))]


def ramp(
    part: Mapping[str, Any], now: float, at: float | None, traffic: float | None, weights: Mapping[str, float] | None
) -> list[Edit]:
    """Other traffic and weights from now on, or from a moment on. What a ramp has begun goes on as a step of it."""
    steps, wanted = list(part.get("ramp") or ()), now if at is None else at
    goes_on = at is not None or any((read(step.get("at")) or 0.0) <= now for step in steps)
    changes = {} if traffic is None else {"traffic": traffic}
    if not goes_on:
        direct = [Edit((key,), value) for key, value in changes.items()]
        return direct if weights is None else [*direct, Edit(("weights",), dict(weights))]
    step = {"at": spelled(wanted), **changes, **({} if weights is None else {"weights": dict(weights)})}
    others = [each for each in steps if read(each.get("at")) != int(wanted)]
    edits = [Edit(("ramp",), sorted([*others, step], key=lambda each: read(each.get("at")) or 0.0))]
    if traffic is not None and part.get("traffic") is None and not any("traffic" in each for each in steps):
        edits.append(Edit(("traffic",), 1))  # a ramp of traffic begins with nobody
    return edits


def spelled(at: float) -> str:
    return datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(text: object) -> float | None:
    """The epoch second of a time; None for none that can be read."""
    try:
        return datetime.fromisoformat(str(text)).timestamp() if text else None
    except ValueError:
        return None
