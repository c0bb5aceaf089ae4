"""The types of request members, each with its rule (specification, Appendix A), and the bases of requests and answers.

A body that breaks a rule fails in decoding, with a message that names the member and the rule.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from engine.data.options import TAG_PREFIX
from engine.errors import InvalidInput, TooManyTags
from engine.words import in_words, nul_in

MOST_TAGS = 50
RESERVED = "aws:"  # how no key of a tag may begin
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # what decoding raises for text that is none

Name = Annotated[str, Meta(min_length=1, max_length=63, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*\Z")]
Arn = Annotated[str, Meta(max_length=256, pattern=r"^arn:([a-z0-9-]+):personalize:.*:.*:.+\Z")]
RoleArn = Annotated[
    str, Meta(max_length=256, pattern=r"^arn:([a-z0-9-]+):iam::[0-9]{12}:role/?[a-zA-Z_0-9+=,.@\-/]+\Z")
]
KmsKeyArn = Annotated[str, Meta(max_length=2048, pattern=r"^arn:aws.*:kms:.*:[0-9]{12}:key/.*\Z")]
S3Location = Annotated[str, Meta(max_length=256, pattern=r"^(s3|http|https|file|recgate)://.+\Z")]
Domain = Annotated[str, Meta(pattern=r"^(ECOMMERCE|VIDEO_ON_DEMAND)\Z")]
DatasetType = Annotated[str, Meta(max_length=256, pattern=r"^[A-Za-z_]+\Z")]
ColumnName = Annotated[str, Meta(max_length=150, pattern=r"^[A-Za-z_][A-Za-z0-9_]*\Z")]
Short = Annotated[str, Meta(max_length=256)]
Long = Annotated[str, Meta(max_length=1000)]
ShortMap = Annotated[dict[Short, Long], Meta(max_length=100)]
NextToken = Annotated[str, Meta(max_length=1500, pattern=r"^[\x00-\x7f]*\Z")]
MaxResults = Annotated[int, Meta(ge=1, le=100)]


SPACES = "\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
TAG_TEXT = rf"^[\w {SPACES}.:/=+\-@]*\Z"  # letters, digits and spaces of any script
TagKey = Annotated[str, Meta(min_length=1, max_length=128, pattern=TAG_TEXT)]
TagValue = Annotated[str, Meta(max_length=256, pattern=TAG_TEXT)]
SettingText = Annotated[str, Meta(max_length=20_000)]  # of a setting of ours, which is JSON


class Request(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The members that a caller sends; those that no rule knows are left aside, as AWS does."""


class S3DataConfig(Request, frozen=True):
    path: Short
    kms_key_arn: KmsKeyArn | None = None


class JobOutput(Request, frozen=True):
    s3_data_destination: S3DataConfig = msgspec.field(name="s3DataDestination")


class Tag(Request, frozen=True):
    """The value of a setting of ours is JSON: AWS's rule does not hold for it."""

    tag_key: TagKey
    tag_value: SettingText

    def __post_init__(self) -> None:
        if not self.tag_key.startswith(TAG_PREFIX):
            try:
                msgspec.convert(self.tag_value, TagValue)
            except msgspec.ValidationError as error:
                raise ValueError(f"the tagValue of {self.tag_key}: {in_words(error)}") from None


Tags = Annotated[tuple[Tag, ...], Meta(max_length=200)]


class CreateRequest(Request, frozen=True, kw_only=True):
    name: Name
    tags: Tags = ()


class CreateJob(CreateRequest, frozen=True, kw_only=True):
    name: Name = msgspec.field(name="jobName")


class ListRequest(Request, frozen=True, kw_only=True):
    next_token: NextToken | None = None
    max_results: MaxResults | None = None


T = TypeVar("T")


def decoded(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """A request from its JSON; members that are null count as absent, at any depth.

    Raises `InvalidInput` naming the member and the rule that it breaks, or where the body is no JSON.
    """
    try:
        if fault := nul_in(body):
            raise InvalidInput(f"1 validation error detected: {fault}")
        try:
            return decoder.decode(body or b"{}")
        except msgspec.ValidationError:  # of the part read so far: what follows may not be JSON at all
            if b"null" not in body:
                raise
        return msgspec.convert(_present(msgspec.json.decode(body)), decoder.type)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"1 validation error detected: {in_words(error)}") from error
    except NOT_JSON as error:
        raise InvalidInput(f"The request's body is not JSON: {error}") from error


def _present(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _present(member) for key, member in value.items() if member is not None}
    return [_present(member) for member in value] if isinstance(value, list) else value


def number_in(text: str) -> float:
    """NaN for a text that is no number."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def tag_map(tags: Tags) -> dict[str, str]:
    """Raises `TooManyTags` (specification §1.2), and `InvalidInput` for a key that is given twice or reserved."""
    values = {tag.tag_key: tag.tag_value for tag in tags}
    check_tags([tag.tag_key for tag in tags])
    for key in values:
        check_tag_key(key)
    if len(values) < len(tags):
        raise InvalidInput("A tag key is given more than once.")
    return values


def check_tags(keys: Collection[str]) -> None:
    if len(keys) > MOST_TAGS:
        raise TooManyTags(f"{len(keys)} tags are more than the {MOST_TAGS} that a resource can have.")


def check_tag_key(key: str) -> None:
    if key.lower().startswith(RESERVED):
        raise InvalidInput(f"The tag key {key} is not allowed: {RESERVED} is reserved for AWS.")
