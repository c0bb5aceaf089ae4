"""Promotions that callers ask for, as Personalize spells them (specification §9.1); `filterArn` is an ARN or a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from engine import Promotion, in_words
from gateway.errors import Invalid

CODE = "InvalidPromotionsParameter"


class PromotionBody(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, Meta(max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*\Z")]
    percent_promoted_items: Annotated[int, Meta(ge=1, le=100)]
    filter_arn: Annotated[str, Meta(min_length=1, max_length=256)]
    filter_values: Annotated[dict[str, str], Meta(max_length=25)] = {}


Promotions = Annotated[tuple[PromotionBody, ...], Meta(max_length=1)]
_promotions = msgspec.json.Decoder(Promotions)


def promotion_of(text: str | None) -> Promotion | None:
    """Read the promotion of a query string. Raises `Invalid`, naming the member."""
    if text is None:
        return None
    try:
        return the_one(_promotions.decode(text))
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(CODE, f"promotions is a JSON list of one promotion at most: {in_words(error)}") from error


def the_one(promotions: Sequence[PromotionBody]) -> Promotion | None:
    for each in promotions:
        return Promotion(
            name=each.name,
            percent=each.percent_promoted_items,
            filter=each.filter_arn,
            filter_values=each.filter_values,
        )
    return None
