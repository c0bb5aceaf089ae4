from __future__ import annotations

import json
from typing import Any

import pytest

from engine.data.guess import infer_schema
from engine.data.reserved import DATASET_TYPES
from engine.data.schema import Schema, check, dataset_type_of, parse_schema, property_name
from engine.data.values import check_properties, check_seconds
from engine.errors import InvalidInput

STRING = "string"
NULL_STRING = ["null", "string"]


def f(name: str, type_: Any = STRING, **flags: Any) -> dict[str, Any]:
    return {"name": name, "type": type_, **flags}


USER, ITEM, TIME = f("USER_ID"), f("ITEM_ID"), f("TIMESTAMP", "long")
GENRES = f("GENRES", NULL_STRING, categorical=True)
EVENT = f("EVENT_TYPE")


def text(name: str, *fields: Any, **more: Any) -> str:
    return json.dumps({"type": "record", "name": name, "fields": list(fields), "version": "1.0", **more})


GOOD = [
    ("Interactions", None, [USER, ITEM, TIME]),
    ("Interactions", None, [USER, ITEM, TIME, f("EVENT_TYPE", ["string"]), f("EVENT_VALUE", ["float", "null"])]),
    ("Interactions", None, [USER, ITEM, TIME, f("EVENT_VALUE", "float", optional=True, default=None)]),
    ("Interactions", None, [USER, ITEM, TIME, f("IMPRESSION", NULL_STRING), f("RECOMMENDATION_ID", NULL_STRING)]),
    ("Interactions", None, [USER, ITEM, TIME, *(f(f"M{i}") for i in range(5)), EVENT]),
    ("Interactions", "ECOMMERCE", [USER, ITEM, TIME, EVENT]),
    ("Items", None, [ITEM, GENRES]),
    ("Items", None, [ITEM, f("TITLE", NULL_STRING, itemName=True), f("TEXT", NULL_STRING, textual=True)]),
    ("Items", None, [ITEM, f("CREATION_TIMESTAMP", "long")]),
    ("Items", "ECOMMERCE", [ITEM, f("PRICE", "float"), f("CATEGORY_L1", ["string"], categorical=True)]),
    ("Items", "VIDEO_ON_DEMAND", [ITEM, GENRES, f("CREATION_TIMESTAMP", "long")]),
    ("Users", None, [USER, f("AGE", "int")]),
    ("Users", "VIDEO_ON_DEMAND", [USER, f("SUBSCRIPTION_MODEL", categorical=True)]),
    ("Actions", None, [f("ACTION_ID"), f("VALUE", ["null", "long"]), f("EXPIRATION_TIMESTAMP", ["long", "null"])]),
    ("ActionInteractions", None, [USER, f("ACTION_ID"), EVENT, TIME]),
]


@pytest.mark.parametrize(("name", "domain", "fields"), GOOD)
def test_accepts(name: str, domain: str | None, fields: list[Any]) -> None:
    schema = parse_schema(text(name, *fields), domain)
    assert [field.name for field in schema.fields] == [row["name"] for row in fields]
    assert DATASET_TYPES[schema.dataset_type] == name
    check(schema, name.lower(), domain)


BAD = [  # schema, domain, words of the message
    ("{", None, "not a JSON object"),
    ("[]", None, "not a JSON object"),
    (" " * 20_001, None, "20001 characters"),
    (text("Items", ITEM, GENRES, type="enum"), None, '"type": "record"'),
    (text("Films", ITEM, GENRES), None, "'Films' is no dataset type"),
    (json.dumps({"type": "record", "fields": []}), None, "no name"),
    (text("Items"), None, "no fields"),
    (text("Items", "ITEM_ID"), None, "must be an object"),
    (text("Items", ITEM, {"name": "A"}), None, "Field A: type null"),
    (text("Items", ITEM, f("A", {"type": "array", "items": "string"})), None, "Field A: type"),
    (text("Items", ITEM, f("A", "bytes")), None, "Field A: type"),
    (text("Items", ITEM, f("A", ["null"])), None, "Field A: type"),
    (text("Items", ITEM, f("A", ["int", "long"])), None, "Field A: type"),
    (text("Items", ITEM, f("A", ["null", "null", "int"])), None, "Field A: type"),
    (text("Items", ITEM, f("A", [["int"]])), None, "Field A: type"),
    (text("Items", ITEM, f("1A", "int")), None, "'1A'"),
    (text("Items", ITEM, f("A-B", "int")), None, "'A-B'"),
    (text("Items", ITEM, f("Ä", "int")), None, "letters, digits and underscores"),
    (text("Items", ITEM, f("A" * 151, "int")), None, "at most 150 characters"),
    (text("Items", ITEM, GENRES, GENRES), None, "GENRES and GENRES are the same name"),
    (text("Items", ITEM, f("GENRES_FIELD_1"), f("GENRESFIELD1")), None, "GENRES_FIELD_1 and GENRESFIELD1"),
    (text("Items", ITEM, f("A", "int", categorical=True)), None, "Field A: only a string can be categorical"),
    (text("Items", ITEM, f("A", "int", textual=True)), None, "Field A: only a string can be textual"),
    (text("Items", ITEM, f("A", "int", itemName=True)), None, "Field A: only a string can be itemName"),
    (text("Items", ITEM, f("A", categorical="true")), None, 'Field A: "categorical" must be true or false'),
    (text("Items", ITEM, f("A", categorical=True, textual=True)), None, "both categorical and textual"),
    (text("Users", USER, f("A", textual=True)), None, 'Field A: "textual" is for Items schemas only'),
    (text("Users", USER, f("A", itemName=True)), None, 'Field A: "itemName" is for Items schemas only'),
    (text("Items", ITEM, f("A", textual=True), f("B", textual=True)), None, "A, B: at most one field may be textual"),
    (text("Items", ITEM, f("A", itemName=True), f("B", itemName=True)), None, "A, B: at most one field"),
    (text("Interactions", USER, ITEM), None, "TIMESTAMP (long)"),
    (text("Interactions", USER, ITEM, f("TIMESTAMP", "int")), None, "TIMESTAMP is reserved and must be of type long"),
    (text("Interactions", f("USER_ID", NULL_STRING), ITEM, TIME), None, "USER_ID must have a value in every row"),
    (
        text("Interactions", USER, ITEM, TIME, f("EVENT_TYPE", categorical=True)),
        None,
        "EVENT_TYPE is reserved and can't",
    ),
    (text("Interactions", USER, ITEM, TIME, f("EVENT_VALUE", "long")), None, "EVENT_VALUE is reserved and must be"),
    (
        text("Interactions", USER, ITEM, TIME, f("IMPRESSION", categorical=True)),
        None,
        "IMPRESSION is reserved and can't",
    ),
    (text("Interactions", USER, ITEM, TIME, *(f(f"M{i}") for i in range(6))), None, "may have 5 metadata fields"),
    (text("Items", ITEM, *(f(f"M{i}", "int") for i in range(101))), None, "may have 100 metadata fields"),
    (text("Users", USER, *(f(f"M{i}", "int") for i in range(26))), None, "may have 25 metadata fields"),
    (text("Items", GENRES), None, "ITEM_ID (string)"),
    (text("Items", ITEM), None, "must have a metadata field beside ITEM_ID"),
    (text("Items", ITEM, f("TITLE"), f("NEW", "boolean")), None, "must have a metadata field"),
    (text("Users", USER, f("CITY")), None, "mark a string field categorical"),
    (text("Items", ITEM, f("CREATION_TIMESTAMP", "string"), GENRES), None, "CREATION_TIMESTAMP is reserved"),
    (text("Actions", f("ACTION_ID"), f("VALUE", "int")), None, "VALUE is reserved and must be of type long"),
    (text("ActionInteractions", USER, f("ACTION_ID"), TIME), None, "EVENT_TYPE (string)"),
    (text("Interactions", USER, ITEM, TIME), "ECOMMERCE", "EVENT_TYPE (string)"),
    (text("Items", ITEM, GENRES), "ECOMMERCE", "PRICE (float), CATEGORY_L1 (categorical string)"),
    (
        text("Items", ITEM, f("PRICE", "float"), f("CATEGORY_L1")),
        "ECOMMERCE",
        "CATEGORY_L1 is reserved and must be cat",
    ),
    (text("Items", ITEM, f("PRICE", "int"), f("CATEGORY_L1", categorical=True)), "ECOMMERCE", "PRICE is reserved"),
    (text("Items", ITEM, GENRES), "VIDEO_ON_DEMAND", "CREATION_TIMESTAMP (long)"),
    (text("Users", USER, f("A", "int"), f("SUBSCRIPTION_MODEL")), "VIDEO_ON_DEMAND", "SUBSCRIPTION_MODEL is reserved"),
    (text("Actions", f("ACTION_ID"), f("VALUE", "long")), "ECOMMERCE", "can't hold Actions"),
    (text("Items", ITEM, GENRES), "RETAIL", "'RETAIL' is no domain"),
]


@pytest.mark.parametrize(("schema", "domain", "words"), BAD)
def test_refuses(schema: str, domain: str | None, words: str) -> None:
    with pytest.raises(InvalidInput) as error:
        parse_schema(schema, domain)
    assert words in error.value.message


def test_the_name_must_match_the_dataset() -> None:
    schema = parse_schema(text("Items", ITEM, GENRES))
    with pytest.raises(InvalidInput, match="name the schema Users"):
        check(schema, "USERS")


@pytest.mark.parametrize(
    ("name", "dataset_type"),
    [("items", "ITEMS"), ("Action_Interactions", "ACTION_INTERACTIONS"), ("ActionInteractions", "ACTION_INTERACTIONS")],
)
def test_dataset_type(name: str, dataset_type: str) -> None:
    assert dataset_type_of(name) == dataset_type


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("CREATION_TIMESTAMP", "creationTimestamp"),
        ("GENRES", "genres"),
        ("CATEGORY_L2", "categoryL2"),
        ("_A__B_", "aB"),
        ("_", "_"),
    ],
)
def test_property_name(field: str, expected: str) -> None:
    assert property_name(field) == expected


@pytest.mark.parametrize("name", ["CATEGORY_L2", "categoryL2", "categoryl2", "Category_L2"])
def test_field_for(name: str) -> None:
    field = SHOP.field_for(name)
    assert field is not None and field.name == "CATEGORY_L2"


SHOP: Schema = parse_schema(
    text(
        "Items",
        ITEM,
        f("CATEGORY_L2", NULL_STRING, categorical=True),
        f("PRICE", ["null", "float"]),
        f("STOCK", "int"),
        f("TITLE"),
        f("TEXT", NULL_STRING, textual=True),
        f("IS_NEW", ["null", "boolean"]),
        f("CREATION_TIMESTAMP", ["null", "long"]),
    )
)


@pytest.mark.parametrize(
    ("properties", "values"),
    [
        ({}, {}),
        ({"categoryL2": "a|b"}, {"CATEGORY_L2": "a|b"}),
        ({"CATEGORY_L2": ["a", "b"]}, {"CATEGORY_L2": "a|b"}),
        ({"categoryl2": []}, {"CATEGORY_L2": None}),
        ({"categoryl2": None}, {"CATEGORY_L2": None}),
        ({"price": 5}, {"PRICE": 5}),
        ({"price": 5.25}, {"PRICE": 5.25}),
        ({"stock": 5.0}, {"STOCK": 5}),
        ({"text": "x" * 20_001}, {"TEXT": "x" * 20_000}),
        ({"text": ""}, {"TEXT": None}),
        ({"isNew": True}, {"IS_NEW": True}),
        ({"isNew": "False"}, {"IS_NEW": False}),
        ({"isNew": 1}, {"IS_NEW": True}),
        ({"creationTimestamp": 1_700_000_000}, {"CREATION_TIMESTAMP": 1_700_000_000}),
    ],
)
def test_properties(properties: dict[str, object], values: dict[str, object]) -> None:
    assert check_properties(SHOP, properties) == values


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"colour": "red"}, "'colour' is not in the Items schema, which has categoryL2, price"),
        ({"itemId": "a"}, "names the record itself"),
        ({"categoryL2": "a", "CATEGORY_L2": "b"}, "given twice"),
        ({"categoryL2": 3}, "'categoryL2' must be a string or a list of strings, not 3"),
        ({"categoryL2": ["a", 3]}, "must be a string or a list"),
        ({"categoryL2": "x" * 1001}, "Length cannot be more than 1000 characters for CATEGORY_L2."),
        ({"title": ["a"]}, "'title' must be a string, not"),
        ({"title": None}, "'title' must have a value"),
        ({"title": ""}, "'title' must have a value"),
        ({"price": "5"}, "'price' must be a number, not \"5\""),
        ({"price": True}, "'price' must be a number"),
        ({"price": float("nan")}, "'price' must be a number"),
        ({"stock": 5.5}, "'stock': 5.5 is not a whole number"),
        ({"stock": 2**31}, "is not between"),
        ({"isNew": "maybe"}, "'isNew' must be true or false"),
        ({"isNew": {}}, "'isNew' must be true or false"),
        ({"creationTimestamp": 1_700_000_000_000}, "millisecond"),
        ({"creationTimestamp": -1}, "is negative"),
    ],
)
def test_bad_properties(properties: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidInput) as error:
        check_properties(SHOP, properties)
    assert words in error.value.message


def test_old_clients_give_the_item_among_the_event_properties() -> None:
    schema = parse_schema(text("Interactions", USER, ITEM, TIME, f("EVENT_VALUE", ["null", "float"])))
    assert check_properties(schema, {"itemId": "a", "eventValue": 3}) == {"ITEM_ID": "a", "EVENT_VALUE": 3}


@pytest.mark.parametrize("word", ["userId", "SESSIONID", "eventType", "timestamp", "recommendationId", "impression"])
def test_reserved_words_are_no_event_properties(word: str) -> None:
    schema = parse_schema(text("Interactions", USER, ITEM, TIME, EVENT, f("IMPRESSION", NULL_STRING)))
    with pytest.raises(InvalidInput, match="reserved word"):
        check_properties(schema, {word: "x"})


def test_check_seconds() -> None:
    check_seconds("sentAt", 1_700_000_000.5)
    with pytest.raises(InvalidInput, match="sentAt 1700000000000 looks like milliseconds"):
        check_seconds("sentAt", 1_700_000_000_000)


# ---- guessing

LONG = "A tale of two people who meet on a train and talk until the morning comes"


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        (["1", "2"], f("X", "long")),
        (["1", ""], f("X", ["null", "long"])),
        (["1.5", "-2e3"], f("X", "double")),
        (["001", "002"], f("X", categorical=True)),
        (["a|b", "b"], f("X", categorical=True)),
        (["a", ""], f("X", NULL_STRING, categorical=True)),
        (["True", "false"], f("X", "boolean")),
        (["", ""], f("X", NULL_STRING)),
        ([f"name {i}" for i in range(50)], f("X")),
        ([f"{LONG} {i}" for i in range(50)], f("X", textual=True)),
    ],
)
def test_inference(cells: list[str], field: dict[str, Any]) -> None:
    rows = [[str(i), "1", cell] for i, cell in enumerate(cells)]
    fields = json.loads(infer_schema("Items", ["ITEM_ID", "N", "X"], rows))["fields"]
    assert fields[2] == field


def test_inference_knows_reserved_names_and_leaves_out_an_index() -> None:
    header = ["", "user_id", "Item_Id", "timestamp", "EVENT_TYPE", "EVENT_VALUE"]
    text = infer_schema("interactions", header, [["0", "1", "2", "3", "View", ""]])
    assert json.loads(text)["fields"] == [USER, ITEM, TIME, EVENT, f("EVENT_VALUE", ["null", "float"])]


def test_inference_takes_at_most_one_text_and_finds_something_to_learn_from() -> None:
    rows = [[str(i), f"{LONG} {i}", f"{LONG} {LONG} {i}"] for i in range(50)]
    fields = json.loads(infer_schema("ITEMS", ["ITEM_ID", "A", "B"], rows))["fields"]
    assert [row.get("textual", False) for row in fields] == [False, False, True]
    users = json.loads(infer_schema("USERS", ["USER_ID", "NAME"], [[str(i), f"n{i}"] for i in range(50)]))["fields"]
    assert users[1] == f("NAME", categorical=True)


def test_inference_for_a_domain() -> None:
    rows = [["a", "1", "x"], ["b", "2.5", "y"]]
    fields = json.loads(infer_schema("Items", ["ITEM_ID", "PRICE", "CATEGORY_L1"], rows, "ECOMMERCE"))["fields"]
    assert fields[1:] == [f("PRICE", "float"), f("CATEGORY_L1", categorical=True)]


@pytest.mark.parametrize("header", [["ITEM_ID", "Price (EUR)"], ["NAME", "PRICE"]])
def test_inference_refuses_what_no_schema_fits(header: list[str]) -> None:
    with pytest.raises(InvalidInput):
        infer_schema("Items", header, [["a", "1"]])
