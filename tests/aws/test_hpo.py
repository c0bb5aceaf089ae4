"""performHPO and performAutoML on the wire: what may be asked, a row a rule, and what comes out of real trials."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.records import SolutionRecord, SolutionVersionRecord
from tests.aws.flow import PERSONAL, POPULAR, Flow
from tests.aws.world import Clients, World

AWS = "arn:aws:personalize:::recipe/"
V1, SIMS = f"{AWS}aws-user-personalization", f"{AWS}aws-sims"
LISTS = ("integerHyperParameterRanges", "continuousHyperParameterRanges", "categoricalHyperParameterRanges")


def ranges(integer: Any = (), continuous: Any = (), categorical: Any = (), **resources: str) -> dict[str, Any]:
    lists = dict(zip(LISTS, map(list, (integer, continuous, categorical)), strict=True))
    config: dict[str, Any] = {"algorithmHyperParameterRanges": lists}
    return {"hpoConfig": {**config, "hpoResourceConfig": resources} if resources else config}


def span(name: str, low: float, high: float) -> dict[str, Any]:
    return {"name": name, "minValue": low, "maxValue": high}


GOOD: list[tuple[str, dict[str, Any]]] = [
    (V1, {}),
    (V1, ranges()),
    (V1, ranges(maxNumberOfTrainingJobs="40", maxParallelTrainingJobs="10")),
    (V1, ranges([span("training.bptt", 2, 22)], (), [{"name": "data.recency_mask", "values": ["true", "false"]}])),
    (V1, ranges([span("bptt", 2, 32), span("hidden_dimension", 32, 256)], (), [])),
    (V1, ranges((), (), [{"name": "recency_mask", "values": ["True"]}])),
    (SIMS, ranges([span("min_cointeraction_count", 0, 10)], [span("popularity_discount_factor", 0, 1)])),
    (f"{AWS}aws-similar-items", ranges([span("item_id_hidden_dim", 30, 200)])),
]


@pytest.mark.parametrize(("recipe", "config"), GOOD)
def test_what_may_be_tuned(aws: Clients, flow: Flow, recipe: str, config: dict[str, Any]):
    made = {"name": "s", "recipeArn": recipe, "datasetGroupArn": flow.group, "performHPO": True}
    arn = aws.personalize.create_solution(**made, solutionConfig=config)["solutionArn"]
    shown = aws.personalize.describe_solution(solutionArn=arn)["solution"]
    assert shown["performHPO"] is True and shown.get("solutionConfig", {}) == config
    version = aws.personalize.create_solution_version(solutionArn=arn)["solutionVersionArn"]
    shown = aws.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
    assert shown["performHPO"] is True and "tunedHPOParams" not in shown


BAD: list[tuple[str, dict[str, Any], str]] = [
    (PERSONAL, {}, "aws-user-personalization-v2 has no hyperparameter that can be tuned"),
    (POPULAR, ranges(), "has no hyperparameter that can be tuned"),
    (V1, ranges(maxNumberOfTrainingJobs="41"), "maxNumberOfTrainingJobs is 41; it is 1 to 40"),
    (V1, ranges(maxNumberOfTrainingJobs="0"), "maxNumberOfTrainingJobs is 0"),
    (V1, ranges(maxParallelTrainingJobs="11"), "maxParallelTrainingJobs is 11; it is 1 to 10"),
    (V1, ranges(maxParallelTrainingJobs="two"), "maxParallelTrainingJobs"),
    (V1, {"hpoConfig": {"hpoObjective": {"metricName": "x"}}}, "hpoObjective can't be set"),
    (V1, {"hpoConfig": {"algorithmHyperParameterRanges": {LISTS[0]: []}}}, "all three lists; they may be empty"),
    (V1, ranges([span("bptt", 1, 32)]), "the range of bptt is 1 to 32; it must be within 2 to 32"),
    (V1, ranges([span("training.hidden_dimension", 32, 257)]), "within 32 to 256"),
    (V1, ranges([span("bptt", 20, 10)]), "minValue first"),
    (V1, ranges((), [span("bptt", 2, 10)]), "bptt belongs in integerHyperParameterRanges, not continuous"),
    (V1, ranges([span("learning_rate", 1, 2)]), "can't tune learning_rate; it tunes bptt, hidden_dimension"),
    (V1, ranges((), [span("training.max_user_history_length_percentile", 0, 1)]), "can't tune max_user_history"),
    (V1, ranges([{"minValue": 1, "maxValue": 2}]), "a range without a name"),
    (V1, ranges([span("bptt", 2, 9), span("training.bptt", 2, 9)]), "names bptt more than once"),
    (V1, ranges((), (), [{"name": "recency_mask", "values": ["maybe"]}]), "are maybe; they are some of True, False"),
    (V1, ranges((), (), [{"name": "recency_mask", "values": []}]), "are none"),
    (SIMS, ranges((), [span("popularity_discount_factor", 0, 1.5)]), "within 0 to 1"),
]


@pytest.mark.parametrize(("recipe", "config", "why"), BAD, ids=[row[2][:40] for row in BAD])
def test_what_may_not(aws: Clients, flow: Flow, recipe: str, config: dict[str, Any], why: str):
    p = aws.personalize
    made = {"name": "s", "recipeArn": recipe, "datasetGroupArn": flow.group, "performHPO": True}
    with pytest.raises(p.exceptions.InvalidInputException, match=why):
        p.create_solution(**made, solutionConfig=config)
    assert p.list_solutions(datasetGroupArn=flow.group)["solutions"] == []


def test_ranges_without_hpo(aws: Clients, flow: Flow):
    p = aws.personalize
    with pytest.raises(p.exceptions.InvalidInputException, match="needs performHPO"):
        p.create_solution(name="s", recipeArn=V1, datasetGroupArn=flow.group, solutionConfig=ranges())


@pytest.mark.parametrize(
    ("hpo", "minutes", "why"),
    [(False, "5", "hpo_minutes needs performHPO"), (True, "soon", "hpo_minutes is a number of minutes above 0, not")],
)
def test_a_budget_of_the_search(aws: Clients, flow: Flow, hpo: bool, minutes: str, why: str):
    p = aws.personalize
    made = {"name": "s", "recipeArn": V1, "datasetGroupArn": flow.group}
    config = {"algorithmHyperParameters": {"hpo_minutes": minutes}}
    with pytest.raises(p.exceptions.InvalidInputException, match=why):
        p.create_solution(**made, performHPO=hpo, solutionConfig=config)
    good = {"algorithmHyperParameters": {"training.hpo_minutes": "5"}}
    arn = p.create_solution(**made, performHPO=True, solutionConfig=good)["solutionArn"]
    assert p.describe_solution(solutionArn=arn)["solution"]["solutionConfig"] == good


NEITHER: list[tuple[dict[str, Any], str]] = [
    ({}, "needs a recipeArn"),
    ({"performAutoML": False}, "needs a recipeArn"),
    ({"performAutoML": True, "recipeArn": PERSONAL}, "not both"),
    ({"performAutoML": True, "performHPO": True}, "Give one of them"),
    (
        {"performAutoML": True, "solutionConfig": {"algorithmHyperParameters": {"bptt": "3"}}},
        "hyperparameters are a recipe's",
    ),
    ({"performAutoML": True, "solutionConfig": {"autoMLConfig": {"metricName": "clicks"}}}, "metricName is clicks"),
    ({"performAutoML": True, "solutionConfig": {"autoMLConfig": {"recipeList": [POPULAR]}}}, "USER_PERSONALIZATION"),
    ({"recipeArn": PERSONAL, "solutionConfig": {"autoMLConfig": {"recipeList": [V1]}}}, "needs performAutoML"),
]


@pytest.mark.parametrize(("members", "why"), NEITHER, ids=[row[1] for row in NEITHER])
def test_auto_ml_or_a_recipe(aws: Clients, flow: Flow, members: dict[str, Any], why: str):
    p = aws.personalize
    with pytest.raises(p.exceptions.InvalidInputException, match=why):
        p.create_solution(name="s", datasetGroupArn=flow.group, **members)


def test_auto_ml_shows_a_recipe_once_it_has_chosen(aws: Clients, flow: Flow, world: World):
    p = aws.personalize
    config = {"autoMLConfig": {"metricName": "precision_at_5", "recipeList": [V1, PERSONAL]}}
    made = {"name": "ml", "performAutoML": True, "datasetGroupArn": flow.group, "solutionConfig": config}
    arn = p.create_solution(**made)["solutionArn"]
    shown = p.describe_solution(solutionArn=arn)["solution"]
    assert shown["performAutoML"] is True and shown["solutionConfig"] == config
    assert "recipeArn" not in shown and not shown.get("autoMLResult")
    version = p.create_solution_version(solutionArn=arn)["solutionVersionArn"]
    assert "recipeArn" not in p.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
    world.finish(version, recipe_arn=V1)
    solution = world.records.get(arn, SolutionRecord)
    world.records.replace(msgspec.structs.replace(solution, recipe_arn=V1))
    shown = p.describe_solution(solutionArn=arn)["solution"]
    assert shown["recipeArn"] == shown["autoMLResult"]["bestRecipeArn"] == V1
    with pytest.raises(p.exceptions.ResourceNotFoundException):
        p.create_solution(**{**made, "solutionConfig": {"autoMLConfig": {"recipeList": [f"{V1}x"]}}})


def test_tuned_parameters_are_shown(aws: Clients, flow: Flow, world: World):
    tuned = {"algorithmHyperParameters": {"bptt": "12"}}
    world.finish(flow.version, tuned_hpo_params=tuned)
    assert world.records.get(flow.version, SolutionVersionRecord).tuned_hpo_params == tuned
    shown = aws.personalize.describe_solution_version(solutionVersionArn=flow.version)["solutionVersion"]
    assert shown["tunedHPOParams"] == tuned
