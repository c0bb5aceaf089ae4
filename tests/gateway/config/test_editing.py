"""Edits of a configuration's text: the change and nothing else, comments and spelling as they were."""

from __future__ import annotations

import pytest

from gateway.config.editing import Edit, edited
from gateway.errors import Conflict

TEXT = """\
# ours
version: "7"   # of the release
namespaces:
  shop:  # the only one
    recommenders:
      recommend-items:
        home:
          variations:
            a: {type: engine, model: m}  # the control

            b: {type: engine, model: m}
          experiments:
            layout:
              method: builtin
              schedule: {start: 2026-01-01T00:00:00Z}
              weights: {a: 1, b: 1}  # equal

              # what counts
              metrics:
                click: {eventType: Click}

        # the end of the page
        more: {variations: {only: {type: engine, model: m}}}
"""
HOME = ("namespaces", "shop", "recommenders", "recommend-items", "home")
LAYOUT = (*HOME, "experiments", "layout")

EDITS = [
    (Edit((*LAYOUT, "schedule", "end"), "2026-02-01T00:00:00Z"),
     "{start: 2026-01-01T00:00:00Z}", '{start: 2026-01-01T00:00:00Z, end: "2026-02-01T00:00:00Z"}'),
    (Edit((*LAYOUT, "schedule", "start"), None), "schedule: {start: 2026-01-01T00:00:00Z}", "schedule: {}"),
    (Edit((*LAYOUT, "weights"), {"a": 9, "b": 1}), "{a: 1, b: 1}  # equal", '{"a": 9, "b": 1}  # equal'),
    (Edit((*LAYOUT, "weights", "a"), 3), "{a: 1, b: 1}", "{a: 3, b: 1}"),
    (Edit((*LAYOUT, "traffic"), 0.5), "click: {eventType: Click}\n",
     "click: {eventType: Click}\n              traffic: 0.5\n"),
    (Edit(("version",), "8"), '"7"   # of the release', '"8"   # of the release'),
    (Edit((*LAYOUT, "method"), None), "              method: builtin\n", ""),
    (Edit((*HOME, "fallback"), ["more"]), "click: {eventType: Click}\n",
     "click: {eventType: Click}\n          fallback:\n          - more\n"),
    (Edit(("namespaces", "shop", "recommenders", "recommend-items", "more", "experiments", "x"), {"method": "builtin"}),
     "more: {variations: {only: {type: engine, model: m}}}",
     'more: {variations: {only: {type: engine, model: m}}, experiments: {"x": {"method": "builtin"}}}'),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "before", "after"), EDITS, ids=lambda each: str(each)[:60])
def test_an_edit_changes_its_place_alone(edit: Edit, before: str, after: str) -> None:
    assert TEXT.count(before) == 1
    assert edited(TEXT, "shop.yaml", [edit]) == TEXT.replace(before, after)


def test_edits_come_one_after_the_other() -> None:
    text = edited(
        TEXT, "shop.yaml", [Edit((*LAYOUT, "ramp"), [{"at": "2026-03-01T00:00:00Z"}]), Edit((*LAYOUT, "ramp"), None)]
    )
    assert text == TEXT


@pytest.mark.parametrize(
    ("value", "after"),
    [
        ([3], "list:\n- 3\nx: 1\n"),
        ([{"a": 1, "b": 2}, 4], "list:\n- a: 1\n  b: 2\n- 4\nx: 1\n"),
        ([], "list: []\nx: 1\n"),
        ("none", 'list: "none"\nx: 1\n'),
        (None, "x: 1\n"),
    ],
)
def test_a_list_in_lines_of_its_own_is_replaced(value: object, after: str) -> None:
    """Its dashes may stand in the column of its key."""
    assert edited("list:\n- 1\n- 2\nx: 1\n", "shop.yaml", [Edit(("list",), value)]) == after


def test_what_is_not_there_is_not_taken_out() -> None:
    assert edited(TEXT, "shop.yaml", [Edit((*LAYOUT, "guardrails", "none"), None)]) == TEXT


def test_a_part_that_an_alias_writes_is_left_alone() -> None:
    text = "base: &b {x: 1}\nnamespaces:\n  shop: *b\n  other: *b\n"
    with pytest.raises(Conflict, match="by an alias"):
        edited(text, "shop.yaml", [Edit(("namespaces", "shop", "x"), 2)])


def test_json_stays_json() -> None:
    text = '{\n\t"version": "7",\n\t"namespaces": {"shop": {"name": "Shop"}}\n}\n'
    changed = edited(text, "shop.json", [Edit(("version",), "8"), Edit(("namespaces", "shop", "holdout"), 0.1)])
    assert changed == '{\n\t"version": "8",\n\t"namespaces": {"shop": {"name": "Shop", "holdout": 0.1}}\n}\n'
