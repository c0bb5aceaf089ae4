"""Filters by boto3: what CreateFilter refuses, and recommendations with parameters and items put a moment ago."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

import engine
from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.apart import let_in
from tests.aws.flow import ITEMS, Flow
from tests.aws.world import Clients, World, served
from tests.shared_state import new_state, open_engine

I = "INCLUDE ItemID WHERE "  # noqa: E741


def add_items(personalize: Any, group: str) -> str:
    schema = personalize.create_schema(name="shop-items", schema=ITEMS)["schemaArn"]
    made = personalize.create_dataset(name="items", schemaArn=schema, datasetGroupArn=group, datasetType="Items")
    return str(made["datasetArn"])


REFUSED = [
    ("ItemID WHERE Items.PRICE < 3", "Invalid Expression at line 1, column 1"),
    (f"{I}Items.PRICE < 3 AND Interactions.EVENT_TYPE = 'click'", "can't use both Items and Interactions"),
    (f"{I}Items.COLOUR = 'red'", "Items.COLOUR: no such field; one of ITEM_ID, PRICE"),
    (f"{I}Items.PRICE < 'cheap'", "compare it with numbers"),
    (f"{I}Items.PRICE < 3 IF CurrentUser.AGE > 3", "the dataset group has no Users dataset"),
    (f"{I}Items.PRICE < 3 | EXCLUDE UserID WHERE Users.AGE > 3", "same target"),
    (f"{I}Items.PRICE IN ($A, $B)", "either one placeholder or values"),
]


@pytest.mark.parametrize(("expression", "reason"), REFUSED)
def test_what_create_filter_refuses_at_once(aws: Clients, flow: Flow, expression: str, reason: str):
    add_items(aws.personalize, flow.group)
    with pytest.raises(aws.personalize.exceptions.InvalidInputException) as refused:
        aws.personalize.create_filter(name="f", datasetGroupArn=flow.group, filterExpression=expression)
    message = refused.value.response["Error"]["Message"]
    assert message.startswith("Could not create filter. Invalid Expression") and reason in message
    assert aws.personalize.list_filters(datasetGroupArn=flow.group)["Filters"] == []


@pytest.mark.parametrize("quotas", ["open", "aws"])
@pytest.mark.parametrize(
    ("condition", "says"),
    [
        (
            "Items.PRICE NOT IN ($P)",
            r"Invalid input symbol: \$P\. Placeholders are not allowed with NOT_IN operator\.",
        ),
        (
            "Items.ITEM_ID != CurrentUser.ID",
            (
                r"Invalid Expression at line 1, column 39:\n.*\n +\^\n"
                r"what is compared with is a value, a placeholder or CurrentItem\.NAME"
            ),
        ),
    ],
)
def test_what_the_open_profile_alone_takes(
    aws: Clients, flow: Flow, world: World, quotas: str, condition: str, says: str
):
    world.settings = msgspec.structs.replace(world.settings, quotas=quotas)
    add_items(aws.personalize, flow.group)
    asked = {"name": "f", "datasetGroupArn": flow.group, "filterExpression": I + condition}
    if quotas == "open":
        assert aws.personalize.create_filter(**asked)["filterArn"]
        return
    with pytest.raises(aws.personalize.exceptions.InvalidInputException) as refused:
        aws.personalize.create_filter(**asked)
    assert re.fullmatch(rf"Could not create filter\. {says}", refused.value.response["Error"]["Message"])


def test_recommendations_with_parameters_over_items_just_put(tmp_path: Path):
    """Users u0 to u9; user n has touched the items 0 to n (at most 3)."""
    state = new_state()
    whole = open_engine(tmp_path / "data", state)
    rows = [f"u{u},i{i},{1_700_000_000 + u * 10 + i}" for u in range(10) for i in range(min(u + 1, 4))]
    (tmp_path / "interactions.csv").write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *rows]))
    runner = engine.Runner(whole)

    def work(arn: str, **_: Any) -> None:
        while runner.run_one():
            pass

    with served(create_app(parse(let_in("namespaces: {}"), "no file"), whole, AppOptions(environ=state))) as url:
        aws = Clients(url)
        _play(aws, Flow(aws.personalize, work, f"file://{tmp_path / 'interactions.csv'}"))
        aws.close()


def _play(aws: Clients, flow: Flow) -> None:
    items = add_items(aws.personalize, flow.group)
    assert flow.import_job
    made = aws.personalize.create_filter(
        name="cheap", datasetGroupArn=flow.group, filterExpression=f"{I}Items.PRICE <= $P"
    )
    asked = {"campaignArn": flow.campaign, "userId": "u1", "filterArn": made["filterArn"]}
    for prices in ((1, 2, 3, 4), (4, 3, 2, 1)):
        put = [{"itemId": f"i{n}", "properties": f'{{"price": {price}}}'} for n, price in enumerate(prices)]
        aws.events.put_items(datasetArn=items, items=put)
        started = time.monotonic()
        for value, most in (("2", 2), ('"3"', 3), ("0", 0)):
            expected = [f"i{n}" for n, price in enumerate(prices) if price <= most]
            while _items(aws, {**asked, "filterValues": {"P": value}}) != expected:
                assert time.monotonic() < started + 1, "a filter sees what was put within a second"
    with pytest.raises(aws.runtime.exceptions.InvalidInputException, match="parameter P has no value"):
        aws.runtime.get_recommendations(**asked)
    with pytest.raises(aws.runtime.exceptions.InvalidInputException, match="P must be a number"):
        aws.runtime.get_recommendations(**asked, filterValues={"P": "dear"})


def _items(aws: Clients, asked: dict[str, Any]) -> list[str]:
    return [item["itemId"] for item in aws.runtime.get_recommendations(**asked)["itemList"]]
