"""Assignment: the published hash, fair shares, and nobody moves who need not."""

from dataclasses import replace
from math import sqrt

import pytest

from gateway.answer.assign import assign
from gateway.errors import Invalid, Problem
from gateway.plan.experiment import Experiment
from gateway.plan.plan import Function, Plan, PostProcessor, Variation

USERS = [f"user-{number}" for number in range(10_000)]


def plan(*weights: float, recommender: str = "for-you") -> Plan:
    variations = tuple(Variation(f"v{index}", weight, "engine", "m") for index, weight in enumerate(weights))
    return Plan("shop", "recommend-items", recommender, variations)


def arms(of: Plan) -> list[str]:
    return [assign(of, user).name for user in USERS]


@pytest.mark.parametrize("weights", [(1, 1), (80, 20), (0.1, 0.3, 0.6), (1, 0, 1), (5, 5, 5, 5, 80)])
def test_shares_are_within_the_99_percent_interval(weights):
    found = arms(plan(*weights))
    for index, weight in enumerate(weights):
        expected = weight / sum(weights)
        assert abs(found.count(f"v{index}") / len(USERS) - expected) <= 2.576 * sqrt(
            expected * (1 - expected) / len(USERS)
        )


def test_a_user_stays():
    assert arms(plan(1, 1)) == arms(plan(1, 1)) == arms(plan(50, 50))


def test_recommenders_do_not_share_their_draw():
    same = sum(one == two for one, two in zip(arms(plan(1, 1)), arms(plan(1, 1, recommender="other")), strict=True))
    assert abs(same / len(USERS) - 0.5) < 0.02


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [((50, 50), (60, 40), 0.1), ((90, 10), (50, 50), 0.4), ((80, 20, 0), (80, 10, 10), 0.1)],
)
def test_new_weights_move_only_the_share_they_need(before, after, moved):
    pairs = list(zip(arms(plan(*before)), arms(plan(*after)), strict=True))
    changed = [pair for pair in pairs if pair[0] != pair[1]]
    assert abs(len(changed) / len(USERS) - moved) < 0.02
    assert len(set(changed)) == 1  # all of them from the one to the other


def test_without_a_user_the_first_variation_with_a_weight_answers():
    assert assign(plan(1, 99), None).name == "v0"
    assert assign(plan(0, 1), None).name == "v1"


def test_a_variation_without_a_model_answers_404():
    incomplete = Plan("shop", "recommend-items", "for-you", (Variation("main", 1.0, "engine", ""),))
    with pytest.raises(Problem, match="variation 'main' of recommend-items/for-you") as caught:
        assign(incomplete, "u")
    assert caught.value.triple()["type"] == "Personalize"
    assert (caught.value.status, caught.value.code) == (404, "RecommenderArnNotConfigured")


def in_trial(*weights: float) -> Plan:
    return replace(plan(*weights), experiments={"page": Experiment("evidently", feature="page")})


def test_an_unknown_feature_is_refused_where_there_are_experiments_to_be_in():
    with pytest.raises(Invalid, match="has no experiment 'mail'; configured: page") as caught:
        assign(in_trial(1, 1), "u", "mail")
    assert caught.value.code == "InvalidExperimentFeature"


@pytest.mark.parametrize(
    ("of", "unit"),
    [(in_trial(1, 1), None), (in_trial(1), "u"), (plan(1, 1), "u")],
    ids=["nobody", "no choice", "no test"],
)
def test_a_feature_says_nothing_where_nobody_could_be_in_an_experiment(of: Plan, unit: str | None):
    assert assign(of, unit, "mail") == assign(of, unit)


def test_a_post_processor_without_an_arn_answers_404():
    of = replace(plan(1), post_processor=PostProcessor(Function("", "eu-west-1")))
    with pytest.raises(Problem, match="the responsePostProcessor of recommend-items/for-you") as caught:
        assign(of, "u")
    assert (caught.value.status, caught.value.triple()["type"], caught.value.code) == (
        *(404, "Function", "FunctionArnNotConfigured"),
    )
