"""Experiments started, ramped and stopped: the edits that follow from what a configuration says of them."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config import parse
from gateway.config.launching import ExperimentPlace, changed, created, ramp, start, stop
from gateway.errors import Conflict, NotConfigured

NOW = 1_796_000_000.0  # 2026-11-30T00:53:20Z
AT = "2026-11-30T00:53:20Z"
LATER = "2026-12-24T00:00:00Z"
LATER_S = 1_798_070_400.0


def edits(made: list[Any]) -> dict[str, Any]:
    return {".".join(each.path): each.value for each in made}


STARTS = [
    ({}, {"schedule.start": AT}),
    ({"schedule": {"end": "2026-01-01T00:00:00Z"}}, {"schedule.start": AT, "schedule.end": None}),
    ({"schedule": {"end": LATER}}, {"schedule.start": AT}),
    ({"traffic": 0}, {"schedule.start": AT, "traffic": 1}),
]
STOPS = [
    ({}, {"schedule.end": AT}),
    ({"schedule": {"start": "2026-01-01T00:00:00Z", "end": LATER}}, {"schedule.end": AT}),
    ({"schedule": {"start": LATER}}, {"schedule.start": None, "schedule.end": AT}),
]
RAMPS = [
    ({}, (None, 0.5, None), {"traffic": 0.5}),
    ({}, (None, None, {"a": 9, "b": 1}), {"weights": {"a": 9, "b": 1}}),
    ({}, (LATER_S, 0.5, None), {"ramp": [{"at": LATER, "traffic": 0.5}], "traffic": 1}),
    ({"traffic": 0.1}, (LATER_S, 0.5, None), {"ramp": [{"at": LATER, "traffic": 0.5}]}),
    (
        {"ramp": [{"at": "2026-01-01T00:00:00Z", "traffic": 0.1}, {"at": LATER, "traffic": 1}]},
        (None, 0.5, None),
        {
            "ramp": [
                {"at": "2026-01-01T00:00:00Z", "traffic": 0.1},
                {"at": AT, "traffic": 0.5},
                {"at": LATER, "traffic": 1},
            ]
        },
    ),
]


@pytest.mark.parametrize(("part", "wanted"), STARTS)
def test_starting(part: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert edits(start(part, NOW)) == wanted


@pytest.mark.parametrize(("part", "wanted"), STOPS)
def test_stopping(part: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert edits(stop(part, NOW)) == wanted


def test_what_was_started_this_second_ends_after_it() -> None:
    assert edits(stop({"schedule": {"start": AT}}, NOW + 0.4)) == {"schedule.end": "2026-11-30T00:53:21Z"}


@pytest.mark.parametrize(("part", "said", "wanted"), RAMPS)
def test_ramping(part: dict[str, Any], said: tuple[Any, ...], wanted: dict[str, Any]) -> None:
    assert edits(ramp(part, NOW, *said)) == wanted


TEXT = """\
namespaces:
  shop:
    recommenders:
      recommend-items:
        home:
          variations: {a: {type: engine, model: m}, b: {type: engine, model: m}}  # both
"""
PLACE = ExperimentPlace("shop", "recommend-items", "home", "layout")


def test_an_experiment_from_its_making_to_its_end() -> None:
    text = created(TEXT, "shop.yaml", PLACE, {"method": "builtin", "metrics": {"click": {"eventType": "Click"}}})
    assert text.startswith(TEXT.rstrip()) and "experiments:\n            layout:\n" in text
    text = changed(text, "shop.yaml", PLACE, lambda part: ramp(part, NOW, None, 0.5, {"a": 3, "b": 1}))
    text = changed(text, "shop.yaml", PLACE, lambda part: stop(part, NOW))
    (experiment,) = parse(text, "shop.yaml", {}).experiments
    assert (experiment.traffic(NOW), experiment.shares, experiment.end) == (0.5, (0.75, 0.25), NOW)
    assert "# both" in text


def test_what_can_not_be() -> None:
    text = created(TEXT, "shop.yaml", PLACE, {"method": "builtin", "metrics": {}})
    with pytest.raises(Conflict, match="already"):
        created(text, "shop.yaml", PLACE, {})
    with pytest.raises(NotConfigured, match="no recommender"):
        created(text, "shop.yaml", PLACE._replace(recommender="nowhere"), {})
    with pytest.raises(NotConfigured, match="no experiment"):
        changed(text, "shop.yaml", PLACE._replace(feature="none"), lambda part: [])
