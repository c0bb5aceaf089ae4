"""What CreateFilter refuses (specification §4.2): a row is an expression and a part of what is said of it."""

from __future__ import annotations

import pytest

from engine import InvalidInput
from engine.filters import compile_filter
from tests.engine.filter_world import FIELDS

I, E = "INCLUDE ItemID WHERE ", "EXCLUDE ItemID WHERE "  # noqa: E741
A = f'{I}Items.GENRE IN ("a")'

GRAMMAR = [
    ("", "has 0 characters"),
    (f'{I}Items.GENRE IN ("{"x" * 2500}")', "1 to 2500 are allowed"),
    ('ItemID WHERE Items.GENRE IN ("a")', "column 1:.*expected INCLUDE or EXCLUDE"),  # 32
    ("INCLUDE", "column 8:.*expected ItemID, UserID or ActionID"),
    ('INCLUDE Item WHERE Items.GENRE IN ("a")', "column 9:"),
    ('INCLUDE ItemID WERE Items.GENRE IN ("a")', "column 16:.*expected WHERE"),
    (I, "expected .*a field such as Items.PRICE"),
    (f'{I}GENRE IN ("a")', "column 22:"),
    (f"{I}Items.GENRE", "expected one of:.*NOT IN"),
    (f"{I}Items.GENRE IN", r"expected one of: \("),
    (f"{I}Items.GENRE IN ()", "column 38:.*a text in quotes"),
    (f'{I}Items.GENRE IN ("a"', r"expected one of: \)  ,"),
    (f'{I}Items.GENRE IN ("a",)', "column 42:"),
    (f'{I}Items.GENRE IN "a"', "column 37:"),
    (f'{I}Items.GENRE IN ("a)', "column 38:"),
    (f"{I}Items.GENRE IN (a)", "column 38:"),
    (f'{I}Items.GENRE == "a"', "column 35:"),
    (f'{I}Items.GENRE LIKE "a"', "column 34:"),
    (f"{I}Items.PRICE < 5 6", "column 38:"),
    (f"{I}Items.PRICE < 5.", "column 37:"),
    (f"{I}Items.PRICE BETWEEN 1 AND 2", "column 34:"),
    (f"{A} AND", "expected .*a field"),
    (f"{A} AND OR Items.PRICE < 5", "expected .*a field"),
    (f"{A} |", "expected INCLUDE or EXCLUDE"),
    (f"{A} {A}", "expected .*AND  IF  OR"),
    (f"{A} IF", "expected a field"),
    (f"{A} IF CurrentUser.AGE > 3 IF CurrentUser.AGE > 4", r"expected one of: AND  the end  \|"),
    (f"{A} IF CurrentUser.AGE > 3 OR CurrentUser.AGE < 1", r"expected one of: AND  the end  \|"),  # 47
    (f"{A} IF CurrentUser.AGE > 3 AND (CurrentUser.AGE < 9)", "expected a field"),
    (f"{A};", "column 42:"),
    (f"{I}Items.PRICE < (5", r"expected \)"),
    (f"{I}Items.PRICE < $", "column 36:"),
    (f"{I}NOT Items.PRICE < 5", "column 22:"),
]
LANGUAGE = [
    (f"{A} | EXCLUDE UserID WHERE Users.AGE > 3", "same target"),  # 51
    (
        f'{I}Items.GENRE IN ("a") AND Interactions.EVENT_TYPE IN ("click")',
        "can't use both Items and Interactions",
    ),  # 42
    (f'{I}Interactions.EVENT_TYPE = "a" OR Items.PRICE > 3', "can't use both Interactions and Items"),
    (f"{I}Users.AGE > 3", "ItemID is filtered by fields of Items or Interactions"),
    ("INCLUDE UserID WHERE Items.PRICE > 3", "UserID is filtered by fields of Users or Interactions"),
    ("INCLUDE ActionID WHERE Items.PRICE > 3", "ActionID is filtered by fields of Actions or Action_Interactions"),
    (f'{I}Interactions.DEVICE IN ("a")', "only EVENT_TYPE can be filtered by"),
    (f'{I}Interactions.EVENT_TYPE > "a"', "EVENT_TYPE is a text"),
    (f"{I}Items.GENRE IN (*)", r"\* can be used with EVENT_TYPE only"),
    (f'{I}Items.GENRE IN ("*")', r"\* can be used with EVENT_TYPE only"),
    (f"{I}CurrentUser.AGE > 3", "CurrentUser may be used .*in an IF condition only"),
    (f"{A} IF Items.PRICE > 3", "an IF condition is on fields of CurrentUser only"),
    (f"{A} IF CurrentItem.PRICE > 3", "an IF condition is on fields of CurrentUser only"),
    (f"{A} IF CurrentUser.AGE > CurrentItem.PRICE", "CurrentItem is compared with fields of Items only"),
    (f"{I}CurrentItem.PRICE > 3", "CurrentItem may be used on the right-hand side only"),
    (f"{I}Items.PRICE > Items.YEAR", "a value, a placeholder or CurrentItem.NAME"),
    (f"{A} IF CurrentUser.AGE > CurrentUser.SIZE", "what is compared with is|CurrentUser is compared with fields of"),
    (
        "INCLUDE UserID WHERE Users.AGE > CurrentUser.AGE",
        "what is compared with|compared with fields of Items or Actions",
    ),
    (f"{I}Interactions.EVENT_TYPE IN CurrentItem.GENRE", "CurrentItem is compared with fields of Items only"),
    (f'{I}Items.GENRE IN ($G, "a")', "either one placeholder or values"),
    (f"{I}Items.GENRE IN ($G, $H)", "either one placeholder or values"),
    (f"{I}Itms.PRICE > 3", "no dataset of that name; one of Items, .*; did you mean Items"),
]
SCHEMAS = [
    (f'{I}Items.DESCRIPTION IN ("a")', "textual"),  # 38
    (f'{I}Items.COLOUR IN ("a")', "Items.COLOUR: no such field; one of .*GENRE"),
    (f"{I}Items.PRISE > 3", "did you mean PRICE"),
    (f"{A} IF CurrentUser.GENDER = 'f'", "CurrentUser.GENDER: no such field"),
    (f"{I}Items.PRICE > CurrentItem.COST", "CurrentItem.COST: no such field"),
    (f'{I}Items.GENRE > "a"', "Items.GENRE is no number: > needs one"),
    (f"{I}Items.GENRE > 5", "is no number"),
    (f"{I}Items.GENRE <= $G", "is no number"),
    (f"{I}Items.IN_STOCK > 0", "is no number"),
    (f'{I}Items.PRICE > "cheap"', "compare it with numbers, without quotes"),
    (f'{I}Items.PRICE IN (1, "2")', "compare it with numbers, without quotes"),
    (f"{I}Items.PRICE = true", "compare it with numbers"),
    (f'{I}Items.IN_STOCK = "maybe"', "is true or false"),
    (f"{I}Items.PRICE > CurrentItem.GENRE", "of different types"),
    (f"{I}Items.GENRE IN CurrentItem.PRICE", "of different types"),
    (f"{I}Items.GENRE IN CurrentUser.AGE", "CurrentUser.AGE and Items.GENRE are of different types"),
    (f"{I}Items.PRICE > CurrentUser.COUNTRY", "of different types"),
    (f"{I}Items.PRICE > CurrentUser.ID", "CurrentUser.ID and Items.PRICE are of different types"),
    (f"{I}Items.OWNER < CurrentUser.ID", "Items.OWNER is no number: < needs one"),
    (f"{I}Items.IN_STOCK = CurrentUser.AGE", "of different types"),
    (f"{I}Items.OWNER = CurrentUser.COUNTRI", "CurrentUser.COUNTRI: no such field; .*did you mean COUNTRY"),
    (f"{I}Items.OWNER = CurrentUser.IDD", "CurrentUser.IDD: no such field"),
    (f"{I}Items.DESCRIPTION = CurrentUser.COUNTRY", "textual"),
    ("INCLUDE ActionID WHERE Actions.REPEAT_FREQUENCY > 3", "can't be filtered by"),
]
AWS = [
    (
        f"{I}Items.GENRE NOT IN ($G)",
        r"Invalid input symbol: \$G. Placeholders are not allowed with NOT_IN operator.",
    ),  # 39
    (
        f'{I}Items.GENRE NOT_IN ("$G")',
        r"Invalid input symbol: \$G\. Placeholders are not allowed with NOT_IN operator\.$",
    ),
    (f"{I}(Items.PRICE > 3)", "column 22:.*expected a field"),
    (f"{I}Items.PRICE > 3 AND (Items.PRICE < 5 OR Items.YEAR > 3)", "column 42:"),
    (f'{I}Items.IN_STOCK = "true"', "is boolean: it can't be filtered by"),
    (f"{I}Items.IN_STOCK = true", "column 39:"),
    (f"{A} IF CurrentUser.ADULT = 'true'", "is boolean"),
    (f"{A} IF CurrentUser.ID = 'u'", "CurrentUser.ID: no such field"),
    (
        f"{I}Items.OWNER != CurrentUser.ID",
        "column 37:.*what is compared with is a value, a placeholder or CurrentItem.NAME",
    ),
    (f"{I}Items.GENRE IN CurrentUser.MEMBERSHIP_STATUS", "column 37:.*a value, a placeholder or CurrentItem.NAME"),
    (f"{I}Items.GENRE IN (CurrentUser.MEMBERSHIP_STATUS)", r"column 38:.*expected"),
    (I + " OR ".join(f"Items.A{n} = 1" for n in range(11)), "it uses 11 fields; 10 are allowed"),
]
VALID_AT_AWS = [
    A,
    f"{I}Items.PRICE > ($P)",
    f'{I}Items.GENRE IN ("$G")',
    f"{I}Items.GENRE IN CurrentItem.GENRE AND Items.PRICE < CurrentItem.PRICE",
    f"{E}Interactions.EVENT_TYPE IN (*) | {I}Items.PRICE > $P IF CurrentUser.AGE > 3 AND CurrentUser.COUNTRY = 'DE'",
    "exclude UserId where users.country in ('yes')",
    "INCLUDE ActionID WHERE Actions.KIND = 'x' | EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ('Taken')",
]


@pytest.mark.parametrize("rules", ["open", "aws"])
@pytest.mark.parametrize(("expression", "reason"), [*GRAMMAR, *LANGUAGE])
def test_what_the_language_does_not_allow(expression: str, reason: str, rules: str):
    with pytest.raises(InvalidInput, match=f"(?s)^Could not create filter.*{reason}"):
        compile_filter(expression, rules)


@pytest.mark.parametrize(("expression", "reason"), SCHEMAS)
def test_what_the_schemas_do_not_allow(expression: str, reason: str):
    made = compile_filter(expression)
    with pytest.raises(InvalidInput, match=f"(?s)^Could not create filter. Invalid Expression at line 1, .*{reason}"):
        made.check(FIELDS)


@pytest.mark.parametrize(("expression", "reason"), AWS)
def test_what_only_aws_does_not_allow(expression: str, reason: str):
    compile_filter(expression, "open")
    with pytest.raises(InvalidInput, match=f"(?s)^Could not create filter.*{reason}"):
        compile_filter(expression, "aws").check(FIELDS)


@pytest.mark.parametrize("expression", VALID_AT_AWS)
def test_what_aws_allows(expression: str):
    compile_filter(expression, "aws").check(FIELDS)


def test_a_dataset_that_the_group_does_not_have():
    with pytest.raises(InvalidInput, match="the dataset group has no Items dataset"):
        compile_filter(A).check({})
    compile_filter(f"{E}Interactions.EVENT_TYPE = 'x'").check({})  # every event has a type
    items = {key: field for key, field in FIELDS.items() if key[0] == "ITEMS"}
    compile_filter(f"{E}Items.OWNER = CurrentUser.ID").check(items)  # and every user an id
    with pytest.raises(InvalidInput, match="the dataset group has no Users dataset"):
        compile_filter(f"{E}Items.OWNER = CurrentUser.COUNTRY").check(items)


def test_a_refusal_points_at_the_place():
    with pytest.raises(InvalidInput) as refused:
        compile_filter('INCLUDE ItemID\nWHERE Items.GENRE IN ("a")\n AND Itms.PRICE > 3')
    _, line, caret, reason = refused.value.message.split("\n")
    assert "line 3, column 6" in refused.value.message
    assert (line, caret, reason.partition(":")[0]) == (" AND Itms.PRICE > 3", "     ^", "Itms.PRICE")


def test_parentheses_may_be_many():
    compile_filter(f"{I}{'(' * 1200}Items.A=1{')' * 1200}")
