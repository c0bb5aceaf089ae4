"""A diversity setting in the terms of one dataset group: its columns, and the limits that caps set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.data.schema import Field, Schema
from engine.errors import InvalidInput
from engine.question import Diversity, Similarity
from engine.rank.diversify import ALL, Limit


@dataclass(frozen=True)
class DiversityRule:
    strength: float
    similarity: Similarity
    alike: tuple[Field, ...]  # the columns that similarity is by: textual ones, or those with terms
    limits: tuple[Limit, ...]
    capped: tuple[Field, ...]  # a column for each limit

    @classmethod
    def of(cls, setting: Diversity, items: Schema | None) -> DiversityRule | None:
        """None for a setting that changes nothing. Raises `InvalidInput`, with the member and the choices, where the
        Items dataset lacks a column."""
        if setting.strength == 0 and not setting.caps:
            return None
        fields = () if items is None else tuple(each for each in items.fields if each.name != items.key)
        return cls(
            setting.strength,
            setting.similarity,
            _alike(setting, fields) if setting.strength else (),
            tuple(Limit(cap.most, cap.first or ALL) for cap in setting.caps),
            tuple(column_with_terms(cap.column, f"caps[{at}].column", fields) for at, cap in enumerate(setting.caps)),
        )

    @property
    def on_whole_lists(self) -> DiversityRule:
        """Without the caps of a list's first places, for items whose places are still to be drawn."""
        whole = [place for place, limit in enumerate(self.limits) if limit.first == ALL]
        limits, capped = tuple(self.limits[at] for at in whole), tuple(self.capped[at] for at in whole)
        return replace(self, limits=limits, capped=capped)


def _alike(setting: Diversity, fields: Sequence[Field]) -> tuple[Field, ...]:
    if setting.columns and setting.similarity != "columns":
        raise InvalidInput(f"diversity.columns: they go with similarity columns, not with {setting.similarity}.")
    if setting.similarity == "texts":
        texts = tuple(field for field in fields if field.textual)
        if not texts:
            raise InvalidInput('diversity.similarity: texts are fields with "textual": true, and Items has none.')
        return texts
    if setting.columns:
        return tuple(column_with_terms(name, f"columns[{at}]", fields) for at, name in enumerate(setting.columns))
    terms = tuple(field for field in fields if field.categorical)
    if not terms and setting.similarity == "columns":
        raise InvalidInput(
            'diversity.similarity: columns are fields with "categorical": true, and Items has none; use model or texts.'
        )
    return terms


def column_with_terms(name: str, place: str, fields: Sequence[Field]) -> Field:
    """The column of a name in any case, whose values can be counted. Raises `InvalidInput`, naming the setting's place
    and the choices."""
    having = {field.name.upper(): field for field in fields if field.type == "string" and not field.textual}
    if name.upper() not in having:
        choices = ", ".join(field.name for field in having.values()) or "none"
        raise InvalidInput(f"diversity.{place}: Items has no column {name} of words; it has {choices}.")
    return having[name.upper()]
