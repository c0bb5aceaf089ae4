"""Merchandising rules as a tag: what is read, and what is refused in which words."""

from __future__ import annotations

import pytest

from engine import InvalidInput, Pin, RuleSchedule
from engine.control.tag_settings import refuse_settings, rules_in

PIN = '{"type": "pin", "name": "p", "place": 1, "items": ["a"], "schedule": {"days": ["friday"], "timeZone": "UTC"}}'

OTHER = PIN.replace('"p"', '"q"')


def test_rules_are_read_from_their_tag():
    assert rules_in({"recgate:rules": f"[{PIN}]", "team": "shop"}) == (
        Pin(name="p", place=1, items=("a",), schedule=RuleSchedule(days=("friday",))),
    )
    assert rules_in({"team": "shop"}) is None and rules_in({"recgate:rules": "[]"}) == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("pin", "recgate:rules is a setting as a JSON list: "),
        ('{"type": "pin"}', "recgate:rules is a setting as a JSON list: expected a list, not an object"),
        ('[{"type": "pim", "name": "p"}]', r"Invalid value 'pim' - at `\$\[0\]\.type`"),
        ('[{"type": "pin", "name": "p", "items": ["a"]}]', r"missing required field `place`"),
        ('[{"type": "boost", "name": "b", "times": 1, "filterArn": "f"}]', r"> 1.0 - at `\$\[0\]\.times`"),
        ('[{"type": "boost", "name": "b", "times": 2}]', r"tags: recgate:rules\[0\]: needs 'filterArn' or"),
        (f"[{PIN}, {PIN}]", r"rules\[1\]\.name: has the name of rule 0"),
        (
            f"[{PIN}, {OTHER}]",
            r"rules\[1\]\.place: wants place 1, where the rule p pins another, and both may hold at the same time",
        ),
        (f"[{PIN.replace('UTC', 'Nowhere')}]", r"schedule\.timeZone: 'Nowhere' is no time zone"),
    ],
)
def test_wrong_rules_are_refused_with_their_place(text: str, says: str):
    with pytest.raises(InvalidInput, match=says):
        rules_in({"recgate:rules": text})


def test_a_resource_that_would_not_heed_them_has_none():
    with pytest.raises(InvalidInput, match=r"recgate:rules is for campaigns, .*, not for a dataset group"):
        refuse_settings({"recgate:rules": "[]"}, "dataset-group")
    refuse_settings({"team": "shop"}, "dataset-group")
