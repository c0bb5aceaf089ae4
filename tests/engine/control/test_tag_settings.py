"""Settings that ride on resources as tags: what is read, and what is refused in which words."""

from __future__ import annotations

import msgspec
import pytest

from engine.control.tag_settings import check_group_tags, fatigue_in, negative_events_in, negative_events_text
from engine.errors import InvalidInput
from engine.question import Fatigue, NegativeEvent, seconds_in
from engine.records import DatasetGroupRecord

GROUP = DatasetGroupRecord(
    arn="arn:group", account="1", name="g", uid="u", creation_date_time=0.0, last_updated_date_time=0.0
)


def test_a_setting_is_read_from_its_tag():
    rule = '{"shown": 5, "within": "7d", "rest": "12h", "weight": 0.5}'
    assert fatigue_in({"recgate:fatigue": rule}) == Fatigue(shown=5, within="7d", rest="12h", weight=0.5)
    assert fatigue_in({"recgate:fatigue": '{"shown": 2}'}) == Fatigue(shown=2)
    assert negative_events_in({"recgate:negativeEvents": '["dislike", "hide"]'}) == (
        NegativeEvent(event_type="dislike"),
        NegativeEvent(event_type="hide"),
    )
    undone = NegativeEvent(event_type="dislike", undone_by=("like",))
    assert negative_events_in({"recgate:negativeEvents": negative_events_text([undone])}) == (undone,)
    assert fatigue_in({"team": "shop"}) is None and negative_events_in({"team": "shop"}) == ()


@pytest.mark.parametrize(("period", "seconds"), [("90s", 90), ("30m", 1800), ("2h", 7200), ("3d", 259_200)])
def test_a_period_is_a_number_and_a_unit(period: str, seconds: int):
    assert seconds_in(period) == seconds


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('{"shown": -1, "within": "7d", "rest": "3d"}', "recgate:fatigue.*>= 0.*shown"),
        ('{"shown": 101}', "<= 100.*shown"),
        ('{"shown": 5, "within": "week"}', "within"),
        ('{"within": "7d"}', "required field `shown`"),
        ('{"shown": 5, "weight": 1}', "< 1.*weight"),
        ('{"shown": 5, "for": "3d"}', "there is no field `for`"),
        ("5 times", "recgate:fatigue is a setting as a JSON object"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_name(rule: str, words: str):
    with pytest.raises(InvalidInput, match=words):
        fatigue_in({"recgate:fatigue": rule})


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"recgate:fatigue": '{"shown": 5}'}, "a dataset group has no setting recgate:fatigue"),
        ({"recgate:negativeEvents": '"dislike"'}, "recgate:negativeEvents is a list.*expected a list"),
        ({"recgate:negativeEvents": '[""]'}, "length >= 1"),
    ],
)
def test_a_dataset_group_has_negative_events_only(tags: dict[str, str], words: str):
    check_group_tags(msgspec.structs.replace(GROUP, tags={"recgate:negativeEvents": "[]", "team": "shop"}))
    with pytest.raises(InvalidInput, match=words):
        check_group_tags(msgspec.structs.replace(GROUP, tags=tags))
