"""Checks of levels, of how long their answers are fresh, of recommenders, variations and post-processors."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache

from gateway.config import document, experiments
from gateway.config.caching import FLAGS, SHARED, TIMED, directives, readable
from gateway.config.checks import flags
from gateway.config.checks.context import check_filters, check_rules, reads_item
from gateway.context.rules import ITEM_METADATA
from gateway.document.context import DiversityPart
from gateway.document.report import Report, checks, choices, inside
from gateway.intake import PARTNERS
from gateway.plan.shape import fault_of
from gateway.upstreams.function import check_function_arn
from gateway.upstreams.level import CacheControl, CachePolicy, Level, VariationPart

OWN_PATHS = (
    *(
        "admin",
        "api",
        "aws",
        "cohort-items",
        "cohorts",
        "datafiles",
        "docs",
        "events",
        "experiments",
        "explain-items",
        "health",
    ),
    *("metrics", "ofrep", "openapi.json", "projects", "ready", "recgate.js", "recommend-items", "recommend-many"),
    *("related-items", "rerank-items", "sdk", "sub", "ui"),
)
A_DAY, A_YEAR = 86_400, 31_536_000
EVENT_PATH = re.compile(r"[^.\s]+(\.[^.\s]+)*")


@checks
def check_level(part: Level, place: str, report: Report) -> None:
    for name, each in (part.auto_context or {}).items():
        if reads_item(each):
            at = inside(place, "autoContext", name)
            report.refuse(at, f"{ITEM_METADATA} gives values to filters: write it under autoDynamicFilterValues")
    check_filters(part.filters, place, report)
    check_rules(part.rules, place, report)
    if len(part.promotions or ()) > 1:
        report.refuse(inside(place, "promotions"), f"has {len(part.promotions or ())}: a list has one at most")


@checks
def check_diversity(part: DiversityPart, place: str, report: Report) -> None:
    if part.columns and part.similarity != "columns":
        report.refuse(inside(place, "columns"), f"go with similarity 'columns', not with {part.similarity!r}")
    if part.strength == 0 and (part.columns or part.similarity != "columns"):
        report.warn(place, "has no 'strength': how items are alike changes nothing")
    capped = Counter((cap.column.upper(), cap.first) for cap in part.caps)
    for index, cap in enumerate(part.caps):
        at = inside(place, "caps", index)
        if capped[cap.column.upper(), cap.first] > 1:
            report.refuse(at, f"is not the only cap on {cap.column} for the same places: keep the one that you mean")
        if cap.first is not None and cap.first <= cap.most:
            report.warn(at, f"never keeps an item out: {cap.first} places can't have more than {cap.most} of anything")


@checks
def check_policy(part: CachePolicy, place: str, report: Report) -> None:
    if looks_like_milliseconds(part.max_age):
        report.warn(inside(place, "maxAge"), f"maxAge is in seconds: {part.max_age} looks like milliseconds")
    try:
        values = directives(part.directives)
    except ValueError as error:
        report.warn(inside(place, "directives"), f"{error}: answers go out with no-store")
        return
    for name in values:
        if name not in (*TIMED, *FLAGS):
            report.warn(inside(place, "directives"), f"unknown directive {name!r}; {choices(name, (*TIMED, *FLAGS))}")
    if "max-age" in values and part.max_age not in (0, int(values["max-age"] or 0)):
        spelling = f"max-age={values['max-age']}"
        report.warn(inside(place, "directives"), f"{spelling} among the directives wins over maxAge {part.max_age}")


def looks_like_milliseconds(max_age: int) -> bool:
    return max_age > A_YEAR or (max_age >= 60_000 and max_age % 1000 == 0 and max_age % A_DAY != 0)


@checks
def check_cache_control(part: CacheControl, place: str, report: Report) -> None:
    if part.user_specified is None:
        return
    for name in (readable(part.user_specified.directives) or {}).keys() & set(SHARED):
        at = inside(place, "userSpecified", "directives")
        report.warn(at, f"{name!r} is left out: a user's own answers are never for shared caches")


@checks
def check_post_processor(part: document.PostProcessorPart, place: str, report: Report) -> None:
    check_function_arn(part.arn, place, report)
    if not part.arn:
        report.warn(place, "names no 'arn' yet: the recommender answers 404 FunctionArnNotConfigured")


@checks
def check_variation(part: VariationPart, place: str, report: Report) -> None:
    if part.weight is not None and not math.isfinite(part.weight):
        report.refuse(inside(place, "weight"), "must be a finite number")
    if part.filter is None:
        return
    report.warn(inside(place, "filter"), "old spelling 'filter': write it as an entry of 'filters'")
    if part.filters and (part.filter.arn or part.filter.expression):
        report.refuse(inside(place, "filter"), "names a filter beside 'filters': add it to 'filters'")


@checks
def check_recommender(part: document.Recommender, place: str, report: Report) -> None:
    if not part.variations:
        report.warn(place, "has no 'variations' yet: it answers 404 NoVariationsConfigured")
        return
    weights = [variation.weight for variation in part.variations.values()]
    stated = [weight for weight in weights if weight is not None]
    at = inside(place, "variations")
    if not stated and len(weights) > 1 and not part.experiments:
        report.warn(at, "have no 'weight': only the first one answers")
    experiments.check_experiments(part, place, report)
    flags.check_recommender(part, place, report)
    if stated and len(stated) < len(weights):
        report.refuse(at, "some have a 'weight' and some have not: give every one a weight, 0 for none")
    elif stated and not any(stated):
        report.refuse(at, "all weights are 0: no variation could answer")


@checks
def check_shape(part: document.Recommender, place: str, report: Report) -> None:
    fault = "" if part.shape is None else fault_of(part.shape)
    if fault:
        report.refuse(inside(place, "shape"), fault)


@checks
def check_alias(part: document.AliasPart, place: str, report: Report) -> None:
    first = part.path.split("/", 2)[1]
    if first in reserved_names():
        report.refuse(inside(place, "path"), f"/{first} is a path of recgate's own")
    for theirs, times in Counter(part.query.values()).items():
        if times > 1:
            report.refuse(inside(place, "query"), f"{theirs!r} stands for {times} parameters: it can be one")


@cache
def reserved_names() -> frozenset[str]:
    """The first names of paths that GET has without any alias."""
    partners = (each.path.split("/", 2)[1] for partner in PARTNERS.values() for each in partner.endpoints)
    return frozenset({*OWN_PATHS, *partners})


@checks
def check_evidently_metric(part: document.EvidentlyMetric, place: str, report: Report) -> None:
    for key, path in (("entityIdKey", part.entity_id_key), ("valueKey", part.value_key)):
        if not EVENT_PATH.fullmatch(path):
            report.warn(inside(place, key), f"{path!r} is no path of names with dots between them")
