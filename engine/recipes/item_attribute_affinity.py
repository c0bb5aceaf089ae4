"""Item-attribute affinity: for items of a kind, every user by how likely they are to take to one of them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from engine.recipe import Schemas
from engine.recipes import item_affinity
from engine.recipes.item_affinity import measure, train
from engine.segments.cases import attribute_cases


def lacks(schemas: Schemas) -> str | None:
    columns = schemas["ITEMS"].metadata if "ITEMS" in schemas else ()
    if any(field.type != "boolean" and not field.textual and not field.item_name for field in columns):
        return None
    return "an Items dataset with a column that is neither textual nor reserved"


RECIPE = replace(
    item_affinity.RECIPE,
    name="aws-item-attribute-affinity",
    train=partial(train, attribute_cases),
    description="The users most likely to interact with items of the given attributes",
    by_attributes=True,
    lacks=lacks,
    measure=partial(measure, attribute_cases),
)
