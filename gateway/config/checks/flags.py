"""Checks of flags: their keys and their values."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gateway.config import document
from gateway.document.report import Report, inside
from gateway.document.values import FlagValue

OPTIMIZELY_OPERATORS = ("equals", "contains", "greater-than", "less-than")
TYPES = {bool: "true or false", int: "a number", float: "a number", str: "a text", dict: "an object"}


def check_keys(part: document.Root, report: Report) -> None:
    """Check that no two flags have one key: a client that asks for it names no namespace."""
    places: dict[str, str] = {}
    for key, place in _flags(part):
        if key in places:
            report.refuse(place, f"{key!r} is the flag of {places[key]}, too: give each a key of its own")
        places.setdefault(key, place.rpartition(".")[0])


def _flags(part: document.Root) -> Iterator[tuple[str, str]]:
    """Every flag's key and place: those that are named, then those that experiments have by themselves."""
    others: list[tuple[str, str]] = []
    for space, namespace in part.namespaces.items():
        for action, recommenders in namespace.recommenders.items():
            for name, recommender in recommenders.items():
                at = f"namespaces.{space}.recommenders.{action}.{name}"
                if recommender.flag is not None:
                    yield recommender.flag, inside(at, "flag")
                for feature, each in recommender.experiments.items():
                    if each.flag is not None:
                        yield each.flag, inside(at, "experiments", feature, "flag")
                    else:
                        others.append((f"{space}.{name}.{feature}", inside(at, "experiments", feature, "flag")))
    named: set[str] = set()
    for key, place in others:
        if key not in named:  # experiments of two actions have longer keys then
            yield key, place
        named.add(key)


def check_recommender(part: document.Recommender, place: str, report: Report) -> None:
    check_values(part, inside(place, "variations"), report)
    for feature, each in part.experiments.items():
        if each.flag is not None and isinstance(each, document.InterleavingExperiment):
            message = "names no variation: all variations' lists are in each answer; take it out"
            report.refuse(inside(place, "experiments", feature, "flag"), message)
    if part.flag is None:
        return
    at = inside(place, "flag")
    for feature, each in part.experiments.items():
        if isinstance(each, document.InterleavingExperiment):
            report.refuse(at, f"no variation answers alone: experiment {feature!r} interleaves them")
    if len({each.unit for each in part.experiments.values()}) > 1:
        report.refuse(at, "some experiments' unit is the user, others' the session: a flag is asked for one of them")


def check_values(part: document.Recommender, place: str, report: Report) -> None:
    """Check that all variations have a value of one type, or none has."""
    values = {name: each.value for name, each in part.variations.items()}
    stated = {name: value for name, value in values.items() if value is not None}
    if not stated:
        return
    kinds = {name: TYPES[type(value)] for name, value in stated.items()}
    first, kind = next(iter(kinds.items()))
    for name, value in values.items():
        at = inside(place, name, "value")
        if value is None:
            report.refuse(inside(place, name), f"has no 'value', and {first!r} has: give one to each, or to none")
        elif kinds[name] != kind:
            report.refuse(at, f"is {kinds[name]}, and that of {first!r} is {kind}: a flag's values are of one type")
        elif not _is_finite(value):
            report.refuse(at, "must be a finite number")


def check_bucketing(part: document.Namespace, place: str, report: Report) -> None:
    """Check that Optimizely's SDKs can find the arms of the experiments that say so."""
    groups: dict[str, tuple[str, str]] = {}
    for action, recommenders in part.recommenders.items():
        for name, recommender in recommenders.items():
            for feature, each in recommender.experiments.items():
                at = f"{place}.recommenders.{action}.{name}.experiments.{feature}"
                if each.bucketing == "optimizely":
                    _check_for_optimizely(each, part, at, report)
                if each.exclusion is None:
                    continue
                first, bucketing = groups.setdefault(each.exclusion.group, (at, each.bucketing))
                if bucketing != each.bucketing:
                    message = f"is not that of {first}, of the same group: a unit would be in both"
                    report.refuse(inside(at, "bucketing"), message)


def _check_for_optimizely(
    part: document.AnyExperiment, namespace: document.Namespace, place: str, report: Report
) -> None:
    at = inside(place, "bucketing")
    if isinstance(part, document.InterleavingExperiment):
        report.refuse(at, "no client finds the lists of interleaved variations; take it out")
    if namespace.holdout:
        message = "Optimizely's SDKs know no holdout of a namespace: give each experiment a 'holdout' instead"
        report.refuse(at, message)
    for index, condition in enumerate(part.audience):
        if condition.operator not in OPTIMIZELY_OPERATORS:
            message = f"Optimizely's SDKs know no {condition.operator!r}; one of: {', '.join(OPTIMIZELY_OPERATORS)}"
            report.refuse(inside(place, "audience", index, "operator"), message)


def _is_finite(value: FlagValue) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
