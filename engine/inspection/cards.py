"""Cards of items: what people know an item by, beside its columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from engine.data.group import Group
from engine.data.schema import Field
from engine.engine import Engine
from engine.errors import NotFound
from engine.feed.directory import TYPED
from engine.jobs.group_data import schemas_in
from engine.records import DatasetGroupRecord

TITLES = ("TITLE", "NAME", "PRODUCT_NAME", "ITEM_NAME", "PRODUCT_TITLE", "MOVIE_TITLE", "HEADLINE")
PICTURES = (
    *("IMAGE_URL", "IMAGE", "PICTURE_URL", "PICTURE", "IMAGE_LINK", "PHOTO", "PHOTO_URL"),
    *("THUMBNAIL_URL", "THUMBNAIL", "POSTER_URL", "POSTER", "COVER"),
)
SHOWABLE = ("https://", "http://", "/", "data:image/")  # how a picture's address begins


class Inspected(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A part of what an inspection shows."""


class ItemCard(Inspected, frozen=True, kw_only=True, omit_defaults=True):
    item_id: str
    title: str | None = None
    picture: str | None = None
    columns: dict[str, Any] = {}  # by schema name


@dataclass(frozen=True)
class Cards:
    """The cards of one group's items, by the columns of their schema."""

    group: Group
    fields: tuple[Field, ...] = ()

    @classmethod
    def of(cls, engine: Engine, group_arn: str) -> Cards:
        """Raises `NotFound`."""
        schema = schemas_in(engine.directory, group_arn).get("ITEMS")
        fields = () if schema is None else tuple(each for each in schema.fields if each.name != schema.key)
        return cls(live_group(engine, group_arn), fields)

    def card(self, item: str) -> ItemCard:
        columns = self.columns(item)
        picture = columns.get(self._picture) if self._picture else None
        title = columns.get(self._title) if self._title else None
        return ItemCard(
            item_id=item,
            title=None if title is None else str(title),
            picture=picture if isinstance(picture, str) and picture.startswith(SHOWABLE) else None,
            columns=columns,
        )

    def cards(self, items: Iterable[str]) -> list[ItemCard]:
        return [self.card(item) for item in items]

    def columns(self, item: str) -> dict[str, Any]:
        """The item's columns of the schema that have a value."""
        row = self.group.item_table.row(self.group.items.find(item)) or {}
        return {each.name: TYPED[each.type](row[each.name]) for each in self.fields if row.get(each.name) is not None}

    @cached_property
    def _title(self) -> str | None:
        named = next((each.name for each in self.fields if each.item_name), None)
        return named or _first(TITLES, [each.name for each in self.fields if each.type == "string"])

    @cached_property
    def _picture(self) -> str | None:
        return _first(PICTURES, [each.name for each in self.fields if each.type == "string"])


def _first(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    """The column of the first of these names that there is."""
    upper = {name.upper(): name for name in names}
    return next((upper[each] for each in wanted if each in upper), None)


def live_group(engine: Engine, group_arn: str) -> Group:
    """The live state of a group, with all that is committed. Raises `NotFound`."""
    uid = engine.directory.get(group_arn, DatasetGroupRecord).uid
    if engine.follower.is_following or engine.follower.snapshot_seq(uid) is not None:
        engine.follower.catch_up()
    else:  # a command's engine
        engine.follower.load([uid])
    return engine.follower.group(uid)


def group_arn_of(engine: Engine, name: str) -> str:
    """The ARN of a dataset group of the settings' account, by its name or ARN. Raises `NotFound`."""
    every = engine.records.list(DatasetGroupRecord, account=engine.settings.account_id)
    living = [each for each in every if each.deleted_at is None]
    for each in living:
        if name in (each.name, each.arn):
            return each.arn
    names = ", ".join(each.name for each in living) or "none"
    raise NotFound(f"There is no dataset group {name}; there are: {names}.")
