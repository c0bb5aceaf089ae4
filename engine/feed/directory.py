"""Records as the request path needs them: found in memory, forgotten when the log says that they changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from engine.data.schema import Schema as DatasetSchema, numeric_column, parse_schema, property_name
from engine.errors import InvalidInput, NotFound
from engine.filters import CompiledFilter, Fields, compile_filter, fields_of
from engine.impressions.ids import tag
from engine.question import Diversity
from engine.rank.rule import DiversityRule
from engine.records import (
    CampaignRecord,
    DatasetGroupRecord,
    DatasetRecord,
    EventTrackerRecord,
    FilterRecord,
    RecommenderRecord,
    Record,
    Records,
    SchemaRecord,
)

R = TypeVar("R", bound=Record)
T = TypeVar("T")

TYPED: Mapping[str, type] = {  # a schema's types -> ours
    "string": str,
    "int": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": bool,
}


class ItemField(NamedTuple):
    """An item column as answers show it."""

    name: str  # in the schema
    key: str  # in the answer: camel case
    typed: type  # what its values are; a column may keep booleans, and whole numbers where some are missing, as floats


def unknown_tracker(tracking_id: str) -> InvalidInput:
    return InvalidInput(f"The tracking ID {tracking_id!r} does not exist.")


class Directory:
    def __init__(self, records: Records) -> None:
        self._records = records
        self._derived: dict[tuple[str, str], Any] = {}

    def forget(self) -> None:
        """A record changed; what was derived from any record goes with it, since changes are rare."""
        self._derived = {}

    def get(self, arn: str, kind: type[R], account: str | None = None) -> R:
        """Raises `NotFound` where there is no such record, or another account has it; a miss is not remembered."""
        record = self.once((kind.kind, arn), lambda: self._living(arn, kind))
        if account is not None and record.account != account:
            raise NotFound(f"Resource Arn {arn} does not exist.")
        return record

    def tracker(self, tracking_id: str) -> EventTrackerRecord:
        """Raises `InvalidInput` for an unknown id: PutEvents declares nothing else (specification §5.4)."""
        return self.once(("tracking-id", tracking_id), lambda: self._tracker(tracking_id))

    def group_of(self, record: DatasetRecord | EventTrackerRecord) -> DatasetGroupRecord:
        return self.get(record.dataset_group_arn, DatasetGroupRecord)

    def schema(self, dataset: DatasetRecord) -> DatasetSchema:
        return self.once(("parsed-schema", dataset.schema_arn), lambda: self._schema(dataset.schema_arn))

    def datasets(self, group_arn: str) -> dict[str, DatasetRecord]:
        """The group's datasets by type."""
        return self.once(("datasets", group_arn), lambda: self._datasets(group_arn))

    def item_fields(self, group_arn: str, wanted: tuple[str, ...]) -> tuple[ItemField, ...]:
        """The item columns named (in upper case), all of them where none is; of those that there are."""
        fields = self.once(("item-fields", group_arn), lambda: self._item_fields(group_arn))
        return tuple(field for field in fields if field.name.upper() in wanted) if wanted else fields

    def numeric_column(self, group_arn: str, name: str) -> str:
        """The numeric column of Items as the schema spells it. Raises `InvalidInput` where there is none."""
        return self.once(("numeric-column", f"{group_arn} {name}"), lambda: self._numeric_column(group_arn, name))

    def check_item_fields(self, group_arn: str, columns: Iterable[str]) -> None:
        """Raises `InvalidInput` naming those that there are none of."""
        names = [field.name for field in self.item_fields(group_arn, ())]
        unknown = {name.upper() for name in columns} - {name.upper() for name in names}
        if unknown:
            lacks, has = ", ".join(sorted(unknown)), ", ".join(names) or "none"
            raise InvalidInput(f"metadataColumns: the Items dataset has no column {lacks}; it has {has}.")

    def filter(self, name: str, group_arn: str, rules: str) -> CompiledFilter:
        """A filter by ARN, ready for its group, which must be this one (specification §4.3)."""
        record = self.get(name, FilterRecord)
        if record.dataset_group_arn != group_arn:
            raise InvalidInput(f"filterArn: {record.arn} is of another dataset group than the campaign.")
        return self.once(("compiled-filter", name), lambda: self._compiled(record.filter_expression, group_arn, rules))

    def expression(self, text: str, group_arn: str, rules: str) -> CompiledFilter:
        """A filter written in place, checked now since nobody has before."""
        return self.once(("checked-expression", f"{group_arn} {text}"), lambda: self._checked(text, group_arn, rules))

    def diversity(self, setting: Diversity, group_arn: str) -> DiversityRule | None:
        """A diversity setting in the group's terms; None where it changes nothing. Raises `InvalidInput`."""
        key = f"{group_arn} {msgspec.json.encode(setting).decode()}"
        return self.once(("diversity", key), lambda: DiversityRule.of(setting, self._items(group_arn)))

    def sources(self) -> dict[str, str]:
        """The ARN of every campaign and recommender by the tag that its answers' names carry."""
        return self.once(("sources", ""), self._sources)

    def once(self, key: tuple[str, str], find: Callable[[], T]) -> T:
        """The value that `find` derives from records, remembered until any record changes; `key` says what it is."""
        derived = self._derived  # who reads while a record changes fills the dictionary that is thrown away then
        if key not in derived:
            derived[key] = find()
        value: T = derived[key]
        return value

    def has(self, key: tuple[str, str]) -> bool:
        """True where `once` has the value at hand."""
        return key in self._derived

    # ---- inside

    def _compiled(self, text: str, group_arn: str, rules: str) -> CompiledFilter:
        fields = self.once(("fields", group_arn), lambda: self._fields(group_arn))
        return compile_filter(text, rules).within(fields)

    def _checked(self, text: str, group_arn: str, rules: str) -> CompiledFilter:
        compiled = self._compiled(text, group_arn, rules)
        compiled.check(compiled.fields)
        return compiled

    def _fields(self, group_arn: str) -> Fields:
        return fields_of(map(self.schema, self.datasets(group_arn).values()))

    def _living(self, arn: str, kind: type[R]) -> R:
        record = self._records.get(arn, kind)
        if record.deleted_at is not None:
            raise NotFound(f"Resource Arn {arn} does not exist.")
        return record

    def _tracker(self, tracking_id: str) -> EventTrackerRecord:
        for tracker in self._records.list(EventTrackerRecord):
            if tracker.tracking_id == tracking_id and tracker.deleted_at is None:
                return tracker
        raise unknown_tracker(tracking_id)

    def _schema(self, arn: str) -> DatasetSchema:
        record = self.get(arn, SchemaRecord)
        return parse_schema(record.schema, record.domain)

    def _sources(self) -> dict[str, str]:
        answering = (*self._records.list(CampaignRecord), *self._records.list(RecommenderRecord))
        return {tag(each.arn): each.arn for each in answering}

    def _datasets(self, group_arn: str) -> dict[str, DatasetRecord]:
        datasets = self._records.list(DatasetRecord, parent=group_arn)
        return {each.dataset_type: each for each in datasets if each.deleted_at is None}

    def _numeric_column(self, group_arn: str, name: str) -> str:
        return numeric_column(name, self._items(group_arn), "objective")

    def _items(self, group_arn: str) -> DatasetSchema | None:
        dataset = self.datasets(group_arn).get("ITEMS")
        return None if dataset is None else self.schema(dataset)

    def _item_fields(self, group_arn: str) -> tuple[ItemField, ...]:
        schema = self._items(group_arn)
        if schema is None:
            return ()
        fields = (field for field in schema.fields if field.name != schema.key)
        return tuple(ItemField(field.name, property_name(field.name), TYPED[field.type]) for field in fields)
