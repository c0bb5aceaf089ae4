"""Two accounts side by side on the whole gateway and engine: neither sees, asks or feeds what is the other's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import engine
from gateway.app import AppOptions, create_app
from gateway.config import parse
from tests.apart import let_in
from tests.aws.flow import Flow
from tests.aws.world import Clients, served
from tests.shared_state import new_state, open_engine

ACCOUNTS = ("111111111111", "222222222222")
CONFIG = f"""
namespaces: {{}}
aws:
  accessKeys:
    - {{accessKeyId: AKIA0, secretAccessKey: secret-0, accountId: "{ACCOUNTS[0]}"}}
    - {{accessKeyId: AKIA1, secretAccessKey: secret-1, accountId: "{ACCOUNTS[1]}"}}
"""
EVENT = {"eventType": "click", "itemId": "i0", "sentAt": 1_700_000_000}


@dataclass
class Tenant:
    aws: Clients
    flow: Flow


@pytest.fixture
def tenants(tmp_path: Path) -> Iterator[list[Tenant]]:
    """Each with everything of the same names; the first has liked i0, the second i1."""
    state = new_state()
    whole = open_engine(tmp_path / "data", state)
    runner = engine.Runner(whole)

    def work(arn: str, **_: Any) -> None:
        while runner.run_one():
            pass

    with served(create_app(parse(let_in(CONFIG)), whole, AppOptions(environ=state))) as url:
        made = []
        for n in range(2):
            rows = [f"u{u},i{n},{1_700_000_000 + u}" for u in range(5)]
            (tmp_path / f"{n}.csv").write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *rows]))
            aws = Clients(url, key=f"AKIA{n}", secret=f"secret-{n}")
            made.append(Tenant(aws, Flow(aws.personalize, work, f"file://{tmp_path / f'{n}.csv'}")))
            assert made[-1].flow.import_job and made[-1].flow.tracker and made[-1].flow.filter
            assert made[-1].flow.campaign
        yield made
        for tenant in made:
            tenant.aws.close()


LISTS = ["dataset_groups", "schemas", "datasets", "dataset_import_jobs", "event_trackers", "filters", "solutions"]


def test_two_accounts(tenants: list[Tenant]):
    for own, other in (tenants, tenants[::-1]):
        check_lists(own)
        check_own_answers(own, f"i{tenants.index(own)}")
        check_foreign_resources(own, other)
        check_foreign_intake(own, other)


def check_lists(own: Tenant) -> None:
    p = own.aws.personalize
    for name in (*LISTS, "solution_versions", "campaigns"):
        body = getattr(p, f"list_{name}")()
        (found,) = next(value for value in body.values() if isinstance(value, list))
        assert own.flow.campaign.split(":")[4] in next(value for key, value in found.items() if key.endswith("Arn"))


def check_own_answers(own: Tenant, item: str) -> None:
    answer = own.aws.runtime.get_recommendations(campaignArn=own.flow.campaign, userId="u1")
    assert [each["itemId"] for each in answer["itemList"]] == [item]
    own.aws.events.put_events(trackingId=own.flow.tracker["trackingId"], sessionId="s", eventList=[EVENT])


def check_foreign_resources(own: Tenant, other: Tenant) -> None:
    p, runtime = own.aws.personalize, own.aws.runtime
    foreign: list[tuple[Callable[..., object], dict[str, str]]] = [
        (p.describe_campaign, {"campaignArn": other.flow.campaign}),
        (p.delete_campaign, {"campaignArn": other.flow.campaign}),
        (p.describe_event_tracker, {"eventTrackerArn": other.flow.tracker["eventTrackerArn"]}),
        (p.create_solution_version, {"solutionArn": other.flow.solution}),
        (p.create_campaign, {"name": "stolen", "solutionVersionArn": other.flow.version}),
        (p.get_solution_metrics, {"solutionVersionArn": other.flow.version}),
    ]
    for call, params in foreign:
        with pytest.raises(p.exceptions.ResourceNotFoundException):
            call(**params)
    asked = [
        {"campaignArn": other.flow.campaign},
        {"campaignArn": other.flow.campaign, "metadataColumns": {"ITEMS": ["PRICE"]}},
        {"campaignArn": own.flow.campaign, "filterArn": other.flow.filter},
        {"campaignArn": f"{other.flow.campaign}-none"},
    ]
    for question in asked:
        with pytest.raises(runtime.exceptions.ResourceNotFoundException) as refused:
            runtime.get_recommendations(userId="u1", **question)
        assert "Deployed campaigns: home." in str(refused.value) or "filterArn" in question


def check_foreign_intake(own: Tenant, other: Tenant) -> None:
    events = own.aws.events
    ids = (other.flow.tracker["trackingId"], "00000000-0000-4000-8000-000000000000")
    told = []
    for tracking in ids:
        with pytest.raises(events.exceptions.InvalidInputException) as refused:
            events.put_events(trackingId=tracking, userId="u1", sessionId="s", eventList=[EVENT])
        told.append(refused.value.response["Error"]["Message"].replace(tracking, "ID"))
    assert told[0] == told[1]
    for put, what in (
        (events.put_items, {"items": [{"itemId": "i"}]}),
        (events.put_users, {"users": [{"userId": "u"}]}),
    ):
        with pytest.raises(events.exceptions.ResourceNotFoundException):
            put(datasetArn=other.flow.dataset, **what)
