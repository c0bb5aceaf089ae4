"""Which columns of metadata a model may see."""

import json

import numpy as np

from engine.data.columns import Labels, Numbers, Tags, Texts
from engine.data.schema import parse_schema
from engine.data.snapshot import learnable
from tests.engine.recipes.worlds import START, rows_of

FIELDS = [
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TITLE", "type": "string", "itemName": True},
    {"name": "PLOT", "type": "string", "textual": True},
    {"name": "GENRE", "type": "string", "categorical": True},
    {"name": "PRICE", "type": "float"},
    {"name": "NOTE", "type": "string"},
    {"name": "SOLD", "type": "boolean"},
    {"name": "LATER", "type": ["null", "int"]},
]
COLUMNS = {
    "TITLE": Labels(np.array([0, -1]), ["Alien"]),
    "PLOT": Texts.of(["a ship", None]),
    "GENRE": Tags(np.array([0, 1, 1]), np.array([0]), ["scifi"]),
    "PRICE": Numbers(np.array([1.0, 2.0])),
    "NOTE": Labels(np.array([0, 0]), ["x"]),
    "SOLD": Numbers(np.array([1.0, 0.0])),
}


def test_plain_strings_and_booleans_are_left_out_and_names_are_text():
    schema = parse_schema(json.dumps({"type": "record", "name": "Items", "fields": FIELDS, "version": "1.0"}))
    world = rows_of([(0, 0, START), (0, 1, START)], item_columns=COLUMNS, user_columns={"TIER": COLUMNS["NOTE"]})
    seen = learnable(world, {"ITEMS": schema})
    assert list(seen.item_columns) == ["TITLE", "PLOT", "GENRE", "PRICE"] and not seen.user_columns
    title = seen.item_columns["TITLE"]
    assert isinstance(title, Texts) and [title.get(0), title.get(1)] == ["Alien", None]
    assert seen.item_columns["PLOT"] is COLUMNS["PLOT"]
