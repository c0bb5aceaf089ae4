"""Request rates of the profile `aws` (specification §8.1), over all workers."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

import engine
from gateway.aws.rates import PER_SECOND, RUNTIME_PER_SECOND, Rates
from tests.aws.world import Clock
from tests.flows.site import site

CAMPAIGN = "arn:aws:personalize:us-east-1:000000000000:campaign/c"


def passed(rates: Rates, operation: str, count: int, account: str = "1", resource: str = "r") -> int:
    """How many of so many requests at once are let through."""
    for number in range(count):
        try:
            rates.take(operation, account, resource)
        except engine.Throttled:
            return number
    return count


@pytest.mark.parametrize("operation", PER_SECOND)
def test_so_many_a_second_and_no_more(tmp_path: Path, operation: str):
    clock, rate = Clock(), PER_SECOND[operation]
    rates = Rates(tmp_path / "rates", clock)
    assert passed(rates, operation, rate + 5) == rate
    assert passed(rates, operation, 5) == 0
    assert passed(rates, operation, rate + 5, resource="another") == rate
    clock.now += 0.5
    assert passed(rates, operation, rate) == rate // 2
    clock.now += 1.5
    assert passed(rates, operation, rate + 5) == rate
    clock.now -= 3600  # a clock set back refuses nobody for an hour
    assert passed(rates, operation, rate + 5) == rate


def test_workers_count_together_and_accounts_apart(tmp_path: Path):
    clock = Clock()
    one, other = (Rates(tmp_path / "rates", clock) for _ in range(2))
    assert passed(one, "PutItems", 6) + passed(other, "PutItems", 6) == 10
    assert passed(other, "PutUsers", 20) == 10 and passed(other, "PutItems", 20, account="2") == 10


def test_an_accounts_runtime_calls_have_a_rate_of_their_own(tmp_path: Path):
    rates = Rates(tmp_path / "rates", Clock())
    counts = [passed(rates, "GetRecommendations", 600, resource=f"campaign/{number}") for number in range(7)]
    assert counts[:5] == [500] * 5 and sum(counts) == RUNTIME_PER_SECOND


@pytest.mark.parametrize("quotas", ["aws", "open"])
def test_boto3_is_throttled_under_the_profile_aws_alone(tmp_path: Path, quotas: str):
    with site(tmp_path, quotas=quotas) as shop:
        group = shop.personalize.create_dataset_group(name="shop")["datasetGroupArn"]
        items = shop.dataset(group, "Items", ("ITEM_ID", "string"), ("KIND", ["null", "string"]))
        refusals = []
        for number in range(60):
            try:
                shop.events.put_items(datasetArn=items, items=[{"itemId": f"i{number}"}])
            except ClientError as error:
                refusals.append((number, error.response["Error"]["Code"]))
        assert bool(refusals) is (quotas == "aws")
        assert all(number >= 10 and code == "ThrottlingException" for number, code in refusals)
