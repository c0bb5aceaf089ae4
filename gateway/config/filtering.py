"""Filters set and removed in the text of a configuration, at a recommender or at one of its variations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.config.editing import Edit, Keys, edited
from gateway.config.launching import part_at
from gateway.config.source import source
from gateway.errors import NotConfigured


class FilterPlace(NamedTuple):
    """The place of filters in the document; `variation` None is the recommender itself."""

    namespace: str
    action: str
    recommender: str
    variation: str | None = None

    @property
    def keys(self) -> Keys:
        recommender = ("namespaces", self.namespace, "recommenders", self.action, self.recommender)
        return recommender if self.variation is None else (*recommender, "variations", self.variation)


class FilterUse(NamedTuple):
    """A filter by its ARN, or as an expression in place."""

    arn: str | None = None
    expression: str | None = None

    def part(self) -> dict[str, str]:
        return {name: value for name, value in self._asdict().items() if value is not None}


def filtered(text: str, name: str, place: FilterPlace, use: FilterUse | None) -> str:
    """The text with this filter, and no other, at the place. None removes all that stand there, so that the place
    inherits again. Raises `NotConfigured` where the text has no such place, or nothing to remove."""
    part = part_at(source(text, name).data, place.keys)
    if not isinstance(part, Mapping):
        raise NotConfigured("RecommenderNotConfigured", f"the configuration's text has no {'/'.join(place.keys[1:])}")
    if use is None:
        own = [key for key in ("filters", "filter") if key in part]
        if not own:
            raise NotConfigured("FilterNotConfigured", f"{'/'.join(place.keys[3:])} has no filter of its own to remove")
        return edited(text, name, [Edit((*place.keys, key), None) for key in own])
    return edited(text, name, [Edit((*place.keys, "filters"), [use.part()])])
