"""How an import reads what its schema does not foresee: the options of a dataset import job that are recgate's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.errors import InvalidInput

TAG_PREFIX = "recgate:"  # of the tags that say the same, for clients whose model has no such members
FUTURE_S = 7 * 86_400.0  # how far into the future clocks, time zones and bookings may put an interaction

OddValues = Literal["tolerate", "refuse"]
Timestamps = Literal["seconds", "milliseconds", "decimal", "iso"]


class ImportOptions(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a job is told beside what Amazon Personalize knows.

    `skip_bad_rows`: how many bad rows are left out before the import fails. `odd_values`: whether a value that does
    not fit its column is read as null or makes its row bad; None: the first for Items, Users and Actions, the second
    for interactions. `timestamps`: how times are written. `allow_empty`: whether a FULL import without rows empties the
    dataset.
    """

    skip_bad_rows: Annotated[int, Meta(ge=0)] = 0
    odd_values: OddValues | None = None
    timestamps: Timestamps = "seconds"
    allow_empty: bool = False


NAMES = ImportOptions.__struct_encode_fields__


def options_of(members: ImportOptions, tags: Mapping[str, str]) -> ImportOptions:
    """The options of a request that gives them as members, or as tags named after these (`recgate:skipBadRows`).

    Raises `InvalidInput` for a tag with our prefix that is none, a value that breaks its rule, and an option that the
    members give another value.
    """
    texts = {key.removeprefix(TAG_PREFIX): text for key, text in tags.items() if key.startswith(TAG_PREFIX)}
    if unknown := sorted(texts.keys() - set(NAMES)):
        choices = ", ".join(TAG_PREFIX + name for name in NAMES)
        raise InvalidInput(f"tags: an import has no option {TAG_PREFIX}{unknown[0]}; use one of {choices}.")
    by_members: dict[str, Any] = msgspec.to_builtins(members)
    try:
        by_tags: dict[str, Any] = msgspec.to_builtins(msgspec.convert(texts, ImportOptions, strict=False))
    except msgspec.ValidationError as error:
        raise InvalidInput(f"tags: {error}") from error
    for name in by_members.keys() & by_tags.keys():
        if by_members[name] != by_tags[name]:
            raise InvalidInput(f"{name} is {by_members[name]}, and {by_tags[name]} by the tag {TAG_PREFIX}{name}.")
    return msgspec.convert({**by_tags, **by_members}, ImportOptions)
