"""Every message that msgspec has for wrong data, without a word of Python."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from engine.words import in_words

LONE = Annotated[str, Meta(min_length=1)]


class Part(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    value: float | None = None
    name: Annotated[str, Meta(min_length=1, max_length=3)] = "a"
    count: Annotated[int, Meta(ge=1, le=5)] = 1
    flag: bool = True
    ids: Annotated[list[LONE], Meta(max_length=2)] = []
    by_name: dict[str, str] = {}
    kind: Literal["one", "two"] = "one"
    code: Annotated[str, Meta(pattern="^[a-z]+$")] = "a"


class Whole(msgspec.Struct):
    parts: list[Part]


AT = " - at `$.parts[0]"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"value": "x"}, f"expected a number, not a text{AT}.value`"),
        ({"value": True}, f"expected a number, not true or false{AT}.value`"),
        ({"name": 5}, f"expected a text, not a whole number{AT}.name`"),
        ({"name": None}, f"expected a text, not null{AT}.name`"),
        ({"name": ""}, f"expected a text of length >= 1{AT}.name`"),
        ({"name": "long"}, f"expected a text of length <= 3{AT}.name`"),
        ({"count": 0}, f"expected a whole number >= 1{AT}.count`"),
        ({"count": 6}, f"expected a whole number <= 5{AT}.count`"),
        ({"count": 1.5}, f"expected a whole number, not a number{AT}.count`"),
        ({"flag": "yes"}, f"expected true or false, not a text{AT}.flag`"),
        ({"ids": "i1"}, f"expected a list, not a text{AT}.ids`"),
        ({"ids": ["a", "b", "c"]}, f"expected a list of length <= 2{AT}.ids`"),
        ({"ids": [{}]}, f"expected a text, not an object{AT}.ids[0]`"),
        ({"byName": []}, f"expected an object, not a list{AT}.byName`"),
        ({"byName": {"a": 1}}, f"expected a text, not a whole number{AT}.byName[...]`"),
        ({"kind": "three"}, f"'three' is none of the values that there are{AT}.kind`"),
        ({"code": "A"}, f"expected a text matching regex '^[a-z]+$'{AT}.code`"),
        ({"vlaue": 1}, f"there is no field `vlaue`{AT}`"),
    ],
)
def test_words(given: dict[str, Any], words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(msgspec.json.encode({"parts": [given]}), type=Whole)
    assert in_words(refused.value) == words


def test_a_member_that_is_missing() -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(b"{}", type=Whole)
    assert in_words(refused.value) == "missing required field `parts`"


def test_what_is_no_fault_of_kinds_is_passed_on() -> None:
    assert in_words(ValueError("as it is - at all")) == "as it is - at all"
