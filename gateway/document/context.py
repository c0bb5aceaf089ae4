"""Fields that are derived from the request, by the rules of `gateway.context.rules`, and filters."""

from __future__ import annotations

import inspect
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Union, cast, get_type_hints

import msgspec

from gateway.context.operators import OPERATORS
from gateway.context.rules import RULES, FieldType, Rule
from gateway.document.values import (
    Column,
    Count,
    FieldName,
    FilterValue,
    Fraction,
    MetadataField,
    Part,
    Percent,
    Place,
    Placeholder,
    PromotionName,
    Shift,
    Text,
    Value,
)

Similarity = Literal["columns", "texts", "model"]

if TYPE_CHECKING:
    OperatorName = str
else:
    OperatorName = Literal[tuple(OPERATORS)]


class Mapping(Part, frozen=True, forbid_unknown_fields=False):
    """A comparison with the rule's value, and what the field becomes where it holds."""

    extra: ClassVar[bool] = True

    operator: OperatorName
    value: Value
    map_to: Value


class RulePart(Part, frozen=True, tag_field="type"):
    value_mappings: tuple[Mapping, ...] = ()

    def own_keys(self) -> dict[str, str]:
        """The keys of this type alone, by the names of the rule's parameters."""
        common = RulePart.__struct_fields__
        return {name: getattr(self, name) for name in self.__struct_fields__ if name not in common}


def rule_struct(name: str, rule: Rule) -> type[RulePart]:
    hints = get_type_hints(rule.value, include_extras=True)
    parameters = signature(rule.value).parameters
    own: list[Any] = [
        (key, hint) if parameters[key].default is Parameter.empty else (key, hint, parameters[key].default)
        for key, hint in hints.items()
        if key not in ("moment", "return")
    ]
    title = "".join(word.capitalize() for word in name.split("-"))
    more: dict[str, Any] = {"__doc__": inspect.getdoc(rule.value)}
    options: dict[str, Any] = {"tag": name, "frozen": True, "kw_only": True}
    struct: Any = msgspec.defstruct(title, own, bases=(RulePart,), namespace=more, module=__name__, **options)
    return cast("type[RulePart]", struct)


if TYPE_CHECKING:
    AnyRule = RulePart
else:
    AnyRule = Union[tuple(rule_struct(name, rule) for name, rule in RULES.items())]  # noqa: UP007 - made at run time


class AutoField(Part, frozen=True):
    """One field: the first rule that yields gives its value, or all of them with `evaluateAll`."""

    type: FieldType
    rules: tuple[AnyRule, ...]
    description: str = ""
    default: Value | None = None
    evaluate_all: bool = False


AutoContext = dict[FieldName, AutoField]


class Filter(Part, frozen=True):
    """A filter by ARN or written in place; the first one whose condition holds applies."""

    arn: Text | None = None
    expression: Text | None = None
    condition: Literal["user-required"] | None = None
    auto_dynamic_filter_values: dict[Placeholder, AutoField] = {}


class Promotion(Part, frozen=True, kw_only=True):
    """So many percent of a list's places are for items that a filter includes, by ARN or written in place. Its values
    under `filterValues` are fixed; the caller's win over automatic ones."""

    name: PromotionName
    percent_promoted_items: Percent
    filter_arn: Text | None = None
    expression: Text | None = None
    condition: Literal["user-required"] | None = None
    filter_values: dict[Placeholder, FilterValue] = {}
    auto_dynamic_filter_values: dict[Placeholder, AutoField] = {}


class ObjectivePart(Part, frozen=True, kw_only=True):
    """A second goal beside relevance: more of a numeric column of Items, or less with a weight below 0. The item with
    the most moves so many logits away from the one with the least: with 0.7 its odds double. A weight of 0 is none."""

    column: Column
    weight: Shift


class CapPart(Part, frozen=True, kw_only=True):
    """At most `most` items with one value of the `column` among the `first` places of a list; without `first` in all of
    it. No list breaks a cap: where too few items are left, it is shorter."""

    column: Column
    most: Count
    first: Place | None = None


class DiversityPart(Part, frozen=True):
    """Unlike items in one list, by the built-in engine: caps, and maximal marginal relevance. A `strength` of 0 leaves
    the most relevant items, 1 the least alike of the best. Items are alike by their values in `columns` (all of the
    categorical ones where none is named), by their texts, or by the vectors of the model. It overrules the campaign's
    tag `recgate:diversity`, and `{}` what is inherited."""

    strength: Fraction = 0
    similarity: Similarity = "columns"
    columns: tuple[Column, ...] = ()
    caps: tuple[CapPart, ...] = ()


class Hide(Part, frozen=True):
    """Items whose metadata compares so are left out on the way out, from cached answers too; refilled from below."""

    field: MetadataField
    operator: OperatorName
    value: Value
