"""Conversions belong to a recommender's experiment and metric, or are refused (specification §4.4)."""

from __future__ import annotations

import pytest

from gateway.ask import Action
from gateway.errors import Invalid
from gateway.experiments.outcomes import Conversion, resolved
from gateway.plan.experiment import Experiment, ExperimentMetric
from gateway.plan.plan import Namespace, Plan

ONE = {"page": Experiment("evidently", {"clicks": ExperimentMetric()})}
TWO = {
    "page": Experiment("evidently", {"clicks": ExperimentMetric(), "sales": ExperimentMetric()}),
    "mail": Experiment("builtin", {"clicks": ExperimentMetric()}),
}


def plan(action: Action, name: str, experiments: dict[str, Experiment]) -> Plan:
    return Plan("shop", action, name, (), experiments=experiments)


PLANS = [
    plan("recommend-items", "one", ONE),
    plan("recommend-items", "two", TWO),
    plan("recommend-items", "plain", {}),
    plan("recommend-items", "bare", {"page": Experiment("builtin")}),
    plan("recommend-items", "same", {"page": Experiment("evidently", {"clicks": ExperimentMetric()})}),
    plan("related-items", "same", {"mail": Experiment("evidently", {"sales": ExperimentMetric()})}),
    plan("rerank-items", "same", {}),
]
SHOP = Namespace("shop", "Shop", {(each.action, each.recommender): each for each in PLANS}, (), ())


@pytest.mark.parametrize(
    ("told", "path", "feature", "metric"),
    [
        (Conversion("one"), "recommend-items/one", "page", "clicks"),
        (Conversion("one", "page", "clicks", 0.0), "recommend-items/one", "page", "clicks"),
        (Conversion("two", "mail"), "recommend-items/two", "mail", "clicks"),
        (Conversion("two", "page", "sales"), "recommend-items/two", "page", "sales"),
        (Conversion("same", "mail"), "related-items/same", "mail", "sales"),
        (Conversion("related-items/same"), "related-items/same", "mail", "sales"),
    ],
)
def test_what_is_not_said_is_the_only_one(told: Conversion, path: str, feature: str, metric: str) -> None:
    assert resolved(SHOP, [told]) == [Conversion(path, feature, metric, told.value)]


@pytest.mark.parametrize(
    ("told", "code", "says"),
    [
        (Conversion("none"), "InvalidRecommender", "no recommender 'none' in 'shop'"),
        (Conversion("plain"), "InvalidExperimentFeature", "'plain' has no experiments"),
        (Conversion("one", "mail"), "InvalidExperimentFeature", "has experiments: page; not 'mail'"),
        (Conversion("two"), "InvalidExperimentFeature", "has experiments: page, mail; none was named"),
        (Conversion("two", "page"), "InvalidExperimentMetric", "has metrics: clicks, sales; none was named"),
        (
            Conversion("one", "page", "x"),
            "InvalidExperimentMetric",
            "'page' of recommend-items/one has metrics: clicks",
        ),
        (Conversion("bare"), "InvalidExperimentMetric", "has metrics: none"),
        (Conversion("same"), "InvalidRecommender", "write recommend-items/same or related-items/same"),
    ],
)
def test_what_belongs_to_nothing_is_refused(told: Conversion, code: str, says: str) -> None:
    with pytest.raises(Invalid, match="experimentConversions: ") as caught:
        resolved(SHOP, [Conversion("one"), told])
    assert caught.value.code == code
    assert says in caught.value.message


def test_a_conversion_counts_a_little_more_than_one() -> None:
    assert Conversion("one").value == 1.0000001
