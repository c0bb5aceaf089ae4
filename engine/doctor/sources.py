"""Data to be examined, from where it lies: an open engine's dataset group, or CSV files that were never imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np

from engine.control.lifecycle import ACTIVE
from engine.control.tag_settings import negative_events_in
from engine.data import entries
from engine.data.compaction import Import, compact
from engine.data.group import Group
from engine.data.guess import guess_schema
from engine.data.importer import import_files
from engine.data.negative_events import event_parameters
from engine.data.options import ImportOptions
from engine.data.report import ImportReport
from engine.data.schema import Schema, parse_schema
from engine.data.snapshot import Snapshot
from engine.data.source import ImportSource
from engine.doctor.examined import EXAMPLES, EarlyEvents, ExaminedData, LastImport, NamedEventTypes
from engine.doctor.filtered import NamedFilter, emptying
from engine.doctor.own import TOLERATED_S
from engine.engine import Engine
from engine.errors import InvalidInput
from engine.filters import EVENTS, CompiledFilter
from engine.filters.tree import Literal
from engine.jobs.group_data import kinds_by, schemas_in
from engine.recipe import silent
from engine.records import (
    DatasetGroupRecord,
    DatasetImportJobRecord,
    FilterRecord,
    MetricAttributionRecord,
    RecommenderRecord,
    SolutionRecord,
)
from engine.use_cases import use_case_of

LOOKED_AT = 10_000  # of the log's last records
TYPES = ("INTERACTIONS", "ITEMS", "USERS")
ANY_NUMBER = ImportOptions(skip_bad_rows=2**53)


def group_data(engine: Engine, group_arn: str, configured: Mapping[str, str]) -> ExaminedData:
    """A dataset group as it is now. `configured` are expressions of filters that the gateway's configuration has, by
    what they are called. Raises `NotFound`."""
    directory = engine.directory
    group = directory.get(group_arn, DatasetGroupRecord)
    schemas = schemas_in(directory, group_arn)
    state = engine.follower.restored(group.uid)
    filters = list(_filters(engine, group_arn, configured))
    return ExaminedData(
        group=group.name,
        snapshot=_snapshot(state, schemas),
        schemas=schemas,
        imports=_last_imports(engine, group_arn),
        now=engine.clock(),
        is_strict=engine.settings.min_interactions >= 1000,
        named_types=tuple(_named_types(engine, group, filters)),
        filters=tuple(emptying(filters, state)),
        early=_early(engine, group.uid),
    )


def file_data(files: Mapping[str, ImportSource], schemas: Mapping[str, str], now: float) -> ExaminedData:
    """CSV files by dataset type, read as an import would; without a schema that is given, by the one that is guessed.
    Raises `InvalidInput` where a file can't be read."""
    texts = {kind: schemas.get(kind) or guess_schema(source, kind) for kind, source in files.items()}
    parsed = {kind: parse_schema(text) for kind, text in texts.items()}
    imports, last = {}, {}
    for kind, source in files.items():
        imported = import_files(source, parsed[kind], silent, ANY_NUMBER, now)
        strict = msgspec.structs.replace(imported.report, skip_bad_rows=0)
        last[kind] = LastImport(source.files[0].name, imported.report, strict.failure_reason())
        imports[kind] = Import(imported.rows)
    stored = compact(Group("files"), kinds_by(parsed), imports)
    return ExaminedData(group="", snapshot=stored.snapshot, schemas=parsed, imports=last, now=now)


def _snapshot(state: Group, schemas: Mapping[str, Schema]) -> Snapshot:
    return compact(state, kinds_by(schemas)).snapshot if state.changed else state.stored.snapshot


def _last_imports(engine: Engine, group_arn: str) -> dict[str, LastImport]:
    """The last import of each dataset that has ended."""
    last: dict[str, LastImport] = {}
    for kind, dataset in engine.directory.datasets(group_arn).items():
        jobs = engine.records.list(DatasetImportJobRecord, parent=dataset.arn)
        ended = [each for each in jobs if each.status in (ACTIVE, "CREATE FAILED") and each.deleted_at is None]
        if ended and kind in TYPES:
            report = msgspec.convert(ended[-1].report, ImportReport)
            last[kind] = LastImport(ended[-1].name, report, ended[-1].failure_reason)
    return {kind: last[kind] for kind in TYPES if kind in last}


def _filters(engine: Engine, group_arn: str, configured: Mapping[str, str]) -> Iterator[NamedFilter]:
    """Those that can be used at all."""
    directory, rules = engine.directory, engine.settings.quotas
    for record in engine.records.list(FilterRecord, parent=group_arn):
        if record.deleted_at is None:
            yield NamedFilter(record.name, directory.filter(record.arn, group_arn, rules))
    for name, text in configured.items():
        try:
            yield NamedFilter(name, directory.expression(text, group_arn, rules))
        except InvalidInput:  # the configuration's own checks tell of it
            continue


def _named_types(engine: Engine, group: DatasetGroupRecord, filters: list[NamedFilter]) -> Iterator[NamedEventTypes]:
    records, arn = engine.records, group.arn
    for each in filters:
        if types := _types_in(each.compiled):
            yield NamedEventTypes(f"The filter {each.name}", types)
    for solution in records.list(SolutionRecord, parent=arn):
        listed = tuple(str(each["eventType"]) for each in event_parameters(solution.solution_config))
        types = listed or ((solution.event_type,) if solution.event_type else ())
        if types and solution.deleted_at is None:
            yield NamedEventTypes(f"The solution {solution.name}", types, learned=True)
    for recommender in records.list(RecommenderRecord, parent=arn):
        case = use_case_of(recommender.recipe_arn)
        if case is not None and case.event_type and recommender.deleted_at is None:
            yield NamedEventTypes(f"The recommender {recommender.name}", (case.event_type,))
    for attribution in records.list(MetricAttributionRecord, parent=arn):
        if attribution.deleted_at is None:
            types = tuple(each.event_type for each in attribution.metrics)
            yield NamedEventTypes(f"The metric attribution {attribution.name}", types)
    if negative := tuple(each.event_type for each in negative_events_in(group.tags)):
        yield NamedEventTypes("The list of negative events", negative)


def _types_in(compiled: CompiledFilter) -> tuple[str, ...]:
    predicates = (each for expression in compiled.expressions for each in expression.predicates())
    literals = (
        operand.text
        for each in predicates
        if each.column.source in EVENTS
        for operand in each.operands
        if isinstance(operand, Literal)
    )
    return tuple(dict.fromkeys(literals))


def _early(engine: Engine, uid: str) -> EarlyEvents:
    """The last streamed events of the group beside the times at which the server took them."""
    after = max(0, engine.log.last() - LOOKED_AT)
    records = [each for each in engine.log.read(after, group=uid, limit=LOOKED_AT) if each.kind == "event"]
    times = np.array([entries.read_interaction(each.body).time for each in records], np.float64)
    ahead = times - np.array([each.at for each in records], np.float64)
    early = np.flatnonzero(ahead > TOLERATED_S)
    examples = tuple(f"user {records[place].key}" for place in early[:EXAMPLES].tolist())
    return EarlyEvents(len(records), len(early), float(ahead.max(initial=0.0)), examples)
