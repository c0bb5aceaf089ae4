"""Options of a dataset import job that are recgate's own: they say how to read what the schema does not foresee."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.errors import InvalidInput

TAG_PREFIX = "recgate:"  # of the tags that carry them: no member of the operation could
DAY_S = 86_400.0  # clocks and time zones put an interaction so far ahead; what is later is said
FUTURE_S = 366 * DAY_S  # and what is later than this is refused: it would make all else look old

OddValues = Literal["tolerate", "refuse"]
Timestamps = Literal["seconds", "milliseconds", "decimal", "iso"]


class ImportOptions(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Options beside those of Amazon Personalize.

    `skip_bad_rows`: how many bad rows are left out before the import fails. `odd_values`: whether a value that does
    not fit its column is read as null or makes its row bad; None: the first for Items and Users, the second
    for all others. `timestamps`: how times are written. `allow_empty`: whether a FULL import without rows empties the
    dataset. `columns`: names of files' columns by the fields that they fill, as `ITEM_ID=sku/USER_ID=customer`.
    """

    skip_bad_rows: Annotated[int, Meta(ge=0)] = 0
    odd_values: OddValues | None = None
    timestamps: Timestamps = "seconds"
    allow_empty: bool = False
    columns: str = ""

    @property
    def column_of(self) -> dict[str, str]:
        """The files' columns by field."""
        return dict(each.split("=", 1) for each in self.columns.split("/") if each)

    def __post_init__(self) -> None:
        pairs = [each.partition("=") for each in self.columns.split("/") if each]
        if bad := [field + mark + column for field, mark, column in pairs if not field or not column]:
            raise ValueError(f"columns: {bad[0]!r} is not FIELD=COLUMN")
        for names in zip(*((field, column) for field, _, column in pairs), strict=True):
            if twice := sorted({name for name in names if names.count(name) > 1}):
                raise ValueError(f"columns: {twice[0]} is named twice")


NAMES = ImportOptions.__struct_encode_fields__


def options_of(tags: Mapping[str, str]) -> ImportOptions:
    """The options that a job's tags give, each under its name behind the prefix (`recgate:skipBadRows`).

    Raises `InvalidInput` for a tag with the prefix that is no option, and a value that breaks its rule.
    """
    texts = {key.removeprefix(TAG_PREFIX): text for key, text in tags.items() if key.startswith(TAG_PREFIX)}
    if unknown := sorted(texts.keys() - set(NAMES)):
        choices = ", ".join(TAG_PREFIX + name for name in NAMES)
        raise InvalidInput(f"tags: an import has no option {TAG_PREFIX}{unknown[0]}; use one of {choices}.")
    try:
        return msgspec.convert(texts, ImportOptions, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"tags: {error}") from error
