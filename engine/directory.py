"""Records as the request path needs them: found in memory, forgotten when the log says that they changed."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from engine.data.schema import Schema as DatasetSchema
from engine.data.schema import parse_schema, property_name
from engine.errors import InvalidInput, NotFound
from engine.records import Dataset, DatasetGroup, EventTracker, Record, Records, Schema

R = TypeVar("R", bound=Record)


class Shown(NamedTuple):
    """An item column as answers show it."""

    name: str  # in the schema
    key: str  # in the answer: camel case
    whole: bool  # a column with missing values keeps its whole numbers as floats


class Directory:
    def __init__(self, records: Records) -> None:
        self._records = records
        self._found: dict[tuple[str, str], Any] = {}

    def forget(self, arn: str) -> None:
        """A record changed; what was derived from any record goes with it, since changes are rare."""
        self._found.clear()

    def get(self, arn: str, kind: type[R]) -> R:
        """Raises `NotFound` where there is no such record; a miss is not remembered."""
        key = (kind.kind, arn)
        found: R | None = self._found.get(key)
        if found is None:
            found = self._found[key] = self._living(self._records.get(arn, kind))
        return found

    def _living(self, record: R) -> R:
        if record.deleted_at is not None:
            raise NotFound(f"Resource Arn {record.arn} does not exist.")
        return record

    def tracker(self, tracking_id: str) -> EventTracker:
        """Raises `InvalidInput` for an unknown id: PutEvents declares nothing else (specification §5.4)."""
        key = ("tracking-id", tracking_id)
        found: EventTracker | None = self._found.get(key)
        if found is None:
            living = (tracker for tracker in self._records.list(EventTracker) if tracker.deleted_at is None)
            found = next((tracker for tracker in living if tracker.tracking_id == tracking_id), None)
            if found is None:
                raise InvalidInput(f"The tracking ID {tracking_id!r} does not exist.")
            self._found[key] = found
        return found

    def group_of(self, record: Dataset | EventTracker) -> DatasetGroup:
        return self.get(record.dataset_group_arn, DatasetGroup)

    def schema(self, dataset: Dataset) -> DatasetSchema:
        key = ("parsed-schema", dataset.schema_arn)
        found: DatasetSchema | None = self._found.get(key)
        if found is None:
            record = self.get(dataset.schema_arn, Schema)
            found = self._found[key] = parse_schema(record.schema, record.domain)
        return found

    def datasets(self, group_arn: str) -> dict[str, Dataset]:
        """The group's datasets by type."""
        key = ("datasets", group_arn)
        found: dict[str, Dataset] | None = self._found.get(key)
        if found is None:
            datasets = self._records.list(Dataset, parent=group_arn)
            found = self._found[key] = {each.dataset_type: each for each in datasets if each.deleted_at is None}
        return found

    def item_fields(self, group_arn: str, wanted: tuple[str, ...]) -> tuple[Shown, ...]:
        """The item columns named (in upper case), all of them where none is; of those that there are."""
        key = ("item-fields", f"{group_arn} {wanted}")
        found: tuple[Shown, ...] | None = self._found.get(key)
        if found is None:
            dataset = self.datasets(group_arn).get("ITEMS")
            schema = self.schema(dataset) if dataset is not None else None
            fields = [field for field in schema.fields if field.name != schema.key] if schema is not None else []
            found = tuple(
                Shown(field.name, property_name(field.name), field.whole)
                for field in fields
                if not wanted or field.name.upper() in wanted
            )
            self._found[key] = found
        return found
