"""Kinds of single values, by which a wrong one is told what it should be, and what all maps have in common."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, ClassVar, Literal, get_args

import msgspec
from msgspec import Meta


def spelled(pattern: str, description: str) -> Meta:
    return Meta(pattern=pattern, description=description)


Key = Annotated[str, spelled("^[A-Za-z0-9_-]*$", "Letters, digits, - and _.")]
Label = Annotated[str, spelled("^[A-Za-z0-9._-]*$", "Letters, digits, ., - and _.")]
FieldName = Annotated[str, spelled("^[A-Za-z0-9]+$", "Letters and digits: the dataset's column in camelCase.")]
MetadataField = Annotated[
    str, spelled("^[A-Za-z0-9_]+$", "Letters, digits and _: a field of metadata as answers have it.")
]
Placeholder = Annotated[str, spelled("^[A-Za-z0-9_-]+$", "A placeholder's name, without the $.")]
PromotionName = Annotated[
    str,
    spelled(
        r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$",
        "Letters, digits, - and _, at most 63 of them, the first a letter or digit.",
    ),
]
Percent = Annotated[int, Meta(ge=1, le=100, description="A whole number from 1 to 100.")]
Column = Annotated[str, spelled("^[A-Za-z_][A-Za-z0-9_]{0,149}$", "A column of Items, as its schema spells it.")]
Shift = Annotated[float, Meta(ge=-10, le=10, description="A number from -10 to 10.")]
FilterValue = Annotated[
    str, Meta(max_length=1000, description="A text of at most 1000 characters, such as '\"Drama\"'.")
]
Place = Annotated[int, Meta(ge=1, le=500, description="A place in a list, from 1 to 500.")]
PinnedCount = Annotated[int, Meta(ge=1, le=100, description="A whole number from 1 to 100.")]
Factor = Annotated[float, Meta(gt=1, le=1_000_000, description="A number above 1, such as 3 for three times.")]
ItemId = Annotated[str, Meta(min_length=1, max_length=256, description="An item's id.")]
LocalTime = Annotated[
    str,
    spelled(
        r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d)?$",
        "A time such as 2026-11-27T00:00 (in the time zone) or 2026-11-27T00:00Z.",
    ),
]
Hours = Annotated[str, spelled(r"^\d\d:\d\d-\d\d:\d\d$", "Hours such as 09:00-17:30.")]
AliasPath = Annotated[
    str, spelled(r"^(/[A-Za-z0-9._~-]*[A-Za-z0-9_~-]){1,8}$", "A path such as /recommendations, without its query.")
]
AliasName = Literal[
    "userId",
    "itemId",
    "itemIds",
    "numResults",
    "sessionId",
    "filter",
    "filterValues",
    "context",
    "exclude",
    "decorateItems",
    "fields",
    "history",
    "promotions",
    "locale",
    "feature",
    "syntheticUser",
    "pageSize",
    "next",
]
JmesPath = Annotated[str, Meta(min_length=1, description="A JMESPath expression.")]
Text = Annotated[str, Meta(min_length=1, description="A text that is not empty.")]
Line = Annotated[str, spelled(r"^(?![\s\S]*[\x00-\x1f\x7f])", "A text of one line.")]
Seconds = Annotated[int, Meta(ge=0, description="Whole seconds, 0 or more.")]
Weight = Annotated[float, Meta(ge=0, description="A number, 0 or more.")]
AccountId = Annotated[str, spelled("^[0-9]{12}$", "Twelve digits.")]
Region = Annotated[str, spelled("^[a-z0-9-]+$", "A region's name, such as eu-west-1.")]
Secret = Annotated[str, Meta(min_length=1, description="A text that is not empty.", extra={"secret": True})]
KeyId = Annotated[str, spelled("^[A-Za-z0-9_]{3,128}$", "Letters, digits and _, 3 to 128 of them.")]
Network = Annotated[str, Meta(description="An address or a network, such as 10.0.0.0/8.")]
Time = Annotated[
    str,
    spelled(
        r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$", "A time with its zone, such as 2030-01-31T12:00:00Z."
    ),
]
Digest = Annotated[str, spelled("^[0-9a-fA-F]{64}$", "A SHA-256 in 64 hexadecimal digits.")]
Url = Annotated[str, spelled("^https?://[^/]+", "An http or https URL.")]
WebOrigin = Annotated[
    str,
    spelled(
        r"^https?://[a-z0-9.:\[\]-]+$",
        "A page's origin as browsers send it, in small letters, such as https://shop.example.",
    ),
]
Rate = Annotated[
    str,
    spelled(
        r"^[1-9]\d{0,8} ?(/|per) ?([1-9]\d{0,4} ?)?(second|minute|hour|day)s?$",
        "A number and a time, such as 100/second or 1000/5 minutes.",
    ),
]
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
KeyAction = Literal["recommend-items", "related-items", "rerank-items", "events"]
Period = Annotated[int, Meta(ge=1, le=300, description="Whole seconds, 1 to 300.")]
Duration = Annotated[float, Meta(gt=0, le=900, description="Seconds, above 0 and at most 900.")]
Count = Annotated[int, Meta(ge=1, description="A whole number, 1 or more.")]
Retries = Annotated[int, Meta(ge=0, le=10, description="A whole number from 0 to 10.")]
AtLeastOne = Annotated[float, Meta(ge=1, description="A number, 1 or more.")]
TrackingId = Annotated[str, spelled("[A-Za-z0-9-]", "A tracking id: letters, digits and -.")]
Fraction = Annotated[float, Meta(ge=0, le=1, description="A number from 0 to 1.")]
TimesShown = Annotated[int, Meta(ge=0, le=100, description="A whole number from 0 to 100.")]
BelowOne = Annotated[float, Meta(ge=0, lt=1, description="A number from 0 to below 1.")]
Window = Annotated[str, spelled("^[1-9][0-9]{0,5}[smhd]$", "A time such as 30m, 12h or 7d.")]
MetricName = Annotated[str, spelled(r"^\S+$", "A name without spaces.")]
HeaderText = Annotated[str, Meta(description="A text.", extra={"secret": True})]
Locale = Annotated[str, spelled("^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8}){0,3}$", "A language, such as de or de-AT.")]
Remember = Annotated[int, Meta(ge=1, le=3600, description="Whole seconds, 1 to 3600.")]
TableName = Annotated[str, spelled("^[A-Za-z0-9_.-]{3,255}$", "A table's name: letters, digits, _, . and -, 3 to 255.")]
SyncInterval = Annotated[int, Meta(ge=5, le=3600, description="Whole seconds, 5 to 3600.")]
StreamName = Annotated[str, spelled("[A-Za-z0-9_.-]", "A stream's name: letters, digits, _, . and -.")]
Topic = Annotated[str, spelled(r"^[A-Za-z0-9_.-]{1,249}$", "Letters, digits, _, . and -, at most 249 of them.")]
BatchSize = Annotated[int, Meta(ge=1, le=500, description="A whole number from 1 to 500.")]
RedisUrl = Annotated[
    str,
    spelled(
        r"^(rediss?(\+sentinel|\+cluster)?|unix)://", "A URL of Redis, its Sentinels or its cluster, or a unix URL."
    ),
]
Bytes = Annotated[int, Meta(ge=65_536, description="A number of bytes, 65536 or more.")]
Value = str | int | float
FlagKey = Annotated[
    str, spelled(r"^[^\s/]{1,200}$", "A flag's key as its clients know it: no spaces and no /, at most 200 characters.")
]
FlagValue = Annotated[
    str | bool | int | float | dict[str, Any], Meta(description="A text, a number, true or false, or an object.")
]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """One map of the document."""

    extra: ClassVar[bool] = False  # whether unknown keys are let in, with a warning


def is_secret(form: Any) -> bool:
    """Tell whether the form, or a part of it, is marked as secret: nothing may show its value."""
    marked = any((meta.extra or {}).get("secret") for meta in getattr(form, "__metadata__", ()))
    return marked or any(is_secret(part) for part in get_args(form) if not isinstance(part, str))


@cache
def fields_of(part: type[Part]) -> dict[str, msgspec.structs.FieldInfo]:
    """The fields of a part by their names in a document. msgspec works out every type hint anew each time."""
    return {field.encode_name: field for field in msgspec.structs.fields(part)}


def plain(part: Part) -> dict[str, Any]:
    """The part as the plain data that it was: nothing inherited, nothing that was not said, no secret."""
    tag = part.__struct_config__.tag
    result: dict[str, Any] = {} if tag is None else {str(part.__struct_config__.tag_field): tag}
    for name, field in fields_of(type(part)).items():
        value = getattr(part, field.name)
        if value != field.default and (data := _plain(value, is_secret(field.type))) not in (None, [], {}):
            result[name] = data
    return result


def _plain(value: Any, hidden: bool = False) -> Any:
    if hidden and isinstance(value, str):
        return "***"
    if isinstance(value, Part):
        return plain(value)
    if isinstance(value, dict):
        return {key: _plain(each, hidden) for key, each in value.items()}
    return [_plain(each, hidden) for each in value] if isinstance(value, tuple) else value
