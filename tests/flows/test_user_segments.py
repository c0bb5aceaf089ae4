"""User segments by the official boto3: whom to tell of an item, or of items of a kind."""

from __future__ import annotations

import pytest

from tests.flows.cloud import BUCKET, ROLE, START, Cloud, wait

INTERACTIONS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
]
ITEMS = [{"name": "ITEM_ID", "type": "string"}, {"name": "GENRES", "type": ["null", "string"], "categorical": True}]
USERS = [{"name": "USER_ID", "type": "string"}, {"name": "COUNTRY", "type": "string", "categorical": True}]


@pytest.fixture(scope="module")
def group(account: Cloud) -> str:
    """Users like the films of their half: comedies, or dramas."""
    group = account.group("audience")
    clicks = [
        f"u{user},f{2 * ((user + step) % 6) + user % 2},{START + 50 * user + step}"
        for user in range(20)
        for step in range(4)
    ]
    account.load(group, "Interactions", INTERACTIONS, clicks)
    account.load(group, "Items", ITEMS, [f"f{n},{('Comedy', 'Drama')[n % 2]}|Film" for n in range(12)])
    account.load(group, "Users", USERS, [f"u{n},{'Japan' if n < 10 else 'Kenya'}" for n in range(20)])
    return group


def test_users_for_items(account: Cloud, group: str):
    job = account.personalize.create_batch_segment_job(
        jobName="tell-of-items",
        solutionVersionArn=account.train(group, "aws-item-affinity"),
        numResults=10,
        jobInput={"s3DataSource": {"path": account.put_json("items.json", {"itemId": "f2"}, {"itemId": "f3"})}},
        jobOutput={"s3DataDestination": {"path": f"s3://{BUCKET}/items/"}},
        roleArn=ROLE,
    )["batchSegmentJobArn"]
    wait(lambda: account.personalize.describe_batch_segment_job(batchSegmentJobArn=job)["batchSegmentJob"])
    comedy, drama = account.get_json("items/items.json.out")
    assert comedy["input"] == {"itemId": "f2"}
    assert set(comedy["output"]["recommendedUsers"]) == {f"u{n}" for n in range(0, 20, 2)}
    assert set(drama["output"]["recommendedUsers"]) == {f"u{n}" for n in range(1, 20, 2)}


def test_users_for_items_of_a_kind_in_one_country(account: Cloud, group: str):
    country = account.personalize.create_filter(
        name="country", datasetGroupArn=group, filterExpression="INCLUDE UserID WHERE Users.COUNTRY IN ($COUNTRY)"
    )["filterArn"]
    wait(lambda: account.personalize.describe_filter(filterArn=country)["filter"])
    dramas = 'ITEMS.genres = "Drama" AND ITEMS.genres = "Film"'
    questions = account.put_json(
        "kinds.json",
        {"itemAttributes": dramas, "filterValues": {"COUNTRY": '"Japan"'}},
        {"itemAttributes": "ITEMS.genres > 5", "filterValues": {"COUNTRY": '"Japan"'}},
    )
    job = account.personalize.create_batch_segment_job(
        jobName="tell-of-dramas",
        solutionVersionArn=account.train(group, "aws-item-attribute-affinity"),
        filterArn=country,
        numResults=5,
        jobInput={"s3DataSource": {"path": questions}},
        jobOutput={"s3DataDestination": {"path": f"s3://{BUCKET}/kinds/"}},
        roleArn=ROLE,
    )["batchSegmentJobArn"]
    wait(lambda: account.personalize.describe_batch_segment_job(batchSegmentJobArn=job)["batchSegmentJob"])
    answer, bad = account.get_json("kinds/kinds.json.out")
    assert answer["itemAttributes"] == dramas
    assert set(answer["output"]["recommendedUsers"]) == {f"u{n}" for n in range(1, 10, 2)}
    assert answer["input"]["itemAttributes"] == dramas and answer["output"]["usersList"]
    assert list(bad) == ["input", "itemAttributes", "error"]
    assert "itemAttributes: invalid expression" in bad["error"]
    (listed,) = account.personalize.list_batch_segment_jobs()["batchSegmentJobs"][1:]
    assert (listed["jobName"], listed["status"]) == ("tell-of-dramas", "ACTIVE")
