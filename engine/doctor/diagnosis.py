"""The story of a diagnosis: data in, every check made, insights out, the gravest first."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from msgspec import structs

from engine.data.source import ImportSource
from engine.doctor.documented import DOCUMENTED
from engine.doctor.examined import ExaminedData
from engine.doctor.insight import (
    SEVERITIES,
    CheckedInsight,
    DataStatistics,
    Diagnosis,
    Insight,
    InsightCheck,
    InsightSource,
    SeverityCounts,
)
from engine.doctor.own import OWN
from engine.doctor.sources import file_data, group_data
from engine.engine import Engine

CHECKS: Mapping[InsightSource, tuple[InsightCheck, ...]] = {"amazon": DOCUMENTED, "recgate": OWN}


def diagnose_group(engine: Engine, group_arn: str, configured: Mapping[str, str] | None = None) -> Diagnosis:
    """The diagnosis of a dataset group as it is now; `configured` are expressions of the configuration's filters, by
    what they are called. Raises `NotFound`."""
    began = time.perf_counter()
    return diagnose(group_data(engine, group_arn, configured or {}), began)


def diagnose_files(files: Mapping[str, ImportSource], schemas: Mapping[str, str], now: float) -> Diagnosis:
    """The diagnosis of CSV files by dataset type, before they are imported. Raises `InvalidInput`."""
    began = time.perf_counter()
    return diagnose(file_data(files, schemas, now), began)


def diagnose(data: ExaminedData, began: float) -> Diagnosis:
    insights: list[Insight] = []
    checked: list[CheckedInsight] = []
    for source, check in ((source, check) for source, checks in CHECKS.items() for check in checks):
        own = [structs.replace(each, id=check.id, title=check.title, source=source) for each in check.find(data)]
        insights += own
        checked.append(CheckedInsight(id=check.id, title=check.title, source=source, found=bool(own)))
    insights.sort(key=lambda each: SEVERITIES.index(each.severity))
    return Diagnosis(
        group=data.group,
        examined_at=data.now,
        seconds=round(time.perf_counter() - began, 3),
        counts=SeverityCounts(**Counter(str(each.severity) for each in insights)),
        statistics=_statistics(data),
        insights=insights,
        checked=checked,
    )


def _statistics(data: ExaminedData) -> DataStatistics:
    times = data.snapshot.times
    sizes = {each.dataset: len(each.rows) for each in data.tables}
    items, users = data.chosen > 0, data.events > 0
    for described, active in (("ITEMS", items), ("USERS", users)):
        table = data.table(described)
        if table is not None and sizes[described]:
            active[table.rows] = True
    return DataStatistics(
        interactions=len(times),
        users=int(users.sum()),
        items=int(items.sum()),
        users_with_two_interactions=int((data.events >= 2).sum()),
        event_types=data.type_counts,
        first_event=int(times.min()) if len(times) else None,
        last_event=int(times.max()) if len(times) else None,
    )
