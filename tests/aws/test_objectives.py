"""optimizationObjective through boto3: which columns may be optimised, and by which recipes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.aws.flow import PERSONAL, Flow, schema_text
from tests.aws.world import Clients

V1 = "arn:aws:personalize:::recipe/aws-user-personalization"
RANKING = "arn:aws:personalize:::recipe/aws-personalized-ranking"
FIELDS = (("ITEM_ID", "string"), ("PRICE", "float"), ("STOCK", ["null", "int"]), ("NEW", "boolean"), ("NOTE", "string"))


def optimising(flow: Flow, recipe: str = V1, **objective: str) -> dict[str, Any]:
    made = {"name": "worth", "datasetGroupArn": flow.group, "performAutoTraining": False, "recipeArn": recipe}
    return {**made, "solutionConfig": {"optimizationObjective": objective}}


@pytest.fixture
def items(aws: Clients, flow: Flow) -> str:
    schema = aws.personalize.create_schema(name="items", schema=schema_text("Items", *FIELDS))["schemaArn"]
    made = {"name": "items", "datasetGroupArn": flow.group, "datasetType": "Items"}
    return aws.personalize.create_dataset(**made, schemaArn=schema)["datasetArn"]


@pytest.mark.parametrize("recipe", [V1, RANKING])
@pytest.mark.parametrize("level", ["OFF", "LOW", "MEDIUM", "HIGH", None])
def test_a_numeric_column_can_be_optimised(aws: Clients, flow: Flow, items: str, recipe: str, level: str | None):
    objective = {"itemAttribute": "PRICE", **({"objectiveSensitivity": level} if level else {})}
    arn = aws.personalize.create_solution(**optimising(flow, recipe, **objective))["solutionArn"]
    shown = aws.personalize.describe_solution(solutionArn=arn)["solution"]["solutionConfig"]
    assert shown == {"optimizationObjective": objective}


@pytest.mark.parametrize(
    ("objective", "why"),
    [
        ({"objectiveSensitivity": "LOW"}, r"optimizationObjective\.itemAttribute is required"),
        ({"itemAttribute": "COST"}, r"itemAttribute: COST is no column of Items; .*: PRICE\."),
        ({"itemAttribute": "STOCK"}, "STOCK allows null"),
        ({"itemAttribute": "NEW"}, "NEW is a boolean"),
        ({"itemAttribute": "NOTE"}, "NOTE is a string"),
        ({"itemAttribute": "PRICE", "objectiveSensitivity": "SOME"}, r"LOW\|MEDIUM"),
        ({"itemAttribute": "P" * 151}, "length <= 150"),
        ({"itemAttribute": "PRICE", "recipe": PERSONAL}, "optimizationObjective fits only"),
    ],
)
def test_others_are_refused(aws: Clients, flow: Flow, items: str, objective: dict[str, str], why: str):
    p = aws.personalize
    with pytest.raises(p.exceptions.InvalidInputException, match=why):
        p.create_solution(**optimising(flow, **objective))
    assert p.list_solutions(datasetGroupArn=flow.group)["solutions"] == []


def test_without_items_there_is_nothing_to_optimise(aws: Clients, flow: Flow):
    p = aws.personalize
    with pytest.raises(p.exceptions.InvalidInputException, match="no Items dataset with a column PRICE"):
        p.create_solution(**optimising(flow, itemAttribute="PRICE"))
