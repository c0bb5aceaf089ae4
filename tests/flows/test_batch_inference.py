"""Batch inference by the official boto3: recommendations for files of users, without a campaign."""

from __future__ import annotations

import pytest

from tests.flows.cloud import BUCKET, ROLE, START, Cloud, wait

INTERACTIONS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
    {"name": "EVENT_TYPE", "type": "string"},
]
ITEMS = [
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TITLE", "type": ["null", "string"]},
    {"name": "GENRES", "type": ["null", "string"], "categorical": True},
]


@pytest.fixture(scope="module")
def group(account: Cloud) -> str:
    """Users like the films of their half: comedies, or dramas."""
    group = account.group("nightly")
    clicks = [
        f"u{user},f{2 * ((user + step) % 10) + user % 2},{START + 50 * user + step},watch"
        for user in range(16)
        for step in range(4)
    ]
    account.load(group, "Interactions", INTERACTIONS, clicks)
    account.load(group, "Items", ITEMS, [f"f{n},Film {n},{('Comedy', 'Drama')[n % 2]}" for n in range(20)])
    return group


def test_recommendations_for_a_file_of_users(account: Cloud, group: str):
    version = account.train(group, "aws-user-personalization-v2", sequence_epochs="0")
    unseen = account.personalize.create_filter(
        name="unseen-of-genre",
        datasetGroupArn=group,
        filterExpression='EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("watch") '
        "| INCLUDE ItemID WHERE Items.GENRES IN ($GENRES)",
    )["filterArn"]
    wait(lambda: account.personalize.describe_filter(filterArn=unseen)["filter"])

    users = account.put_json(
        "batch/in/users.json",
        {"userId": "u4", "filterValues": {"GENRES": '"Comedy"'}},
        {"userId": "u5", "filterValues": {"GENRES": '"Comedy","Drama"'}},
        {"user": "a bad line"},
    )
    job = account.personalize.create_batch_inference_job(
        jobName="nightly",
        solutionVersionArn=version,
        filterArn=unseen,
        numResults=5,
        jobInput={"s3DataSource": {"path": users}},
        jobOutput={"s3DataDestination": {"path": f"s3://{BUCKET}/batch/out/"}},
        roleArn=ROLE,
    )["batchInferenceJobArn"]
    wait(lambda: account.personalize.describe_batch_inference_job(batchInferenceJobArn=job)["batchInferenceJob"])
    assert account.keys("batch/out/") == ["batch/out/users.json.out"]

    comedies, both, bad = account.get_json("batch/out/users.json.out")
    watched = {f"f{2 * ((4 + step) % 10)}" for step in range(4)}
    assert comedies["input"]["userId"] == "u4" and comedies["error"] is None
    assert not watched & set(comedies["output"]["recommendedItems"])
    assert all(int(item[1:]) % 2 == 0 for item in comedies["output"]["recommendedItems"])
    assert len(both["output"]["recommendedItems"]) == len(both["output"]["scores"]) == 5
    assert list(bad) == ["input", "error"] and "userId" in bad["error"]

    account.personalize.delete_filter(filterArn=unseen)  # nothing uses it any more
    (listed,) = account.personalize.list_batch_inference_jobs(solutionVersionArn=version)["batchInferenceJobs"]
    assert (listed["jobName"], listed["status"]) == ("nightly", "ACTIVE")


def test_similar_items_with_a_theme_for_a_folder_of_files(account: Cloud, group: str):
    version = account.train(group, "aws-similar-items")
    for name in ("a", "b"):
        account.put_json(f"themes/in/{name}.json", {"itemId": "f2"}, {"itemId": "f3"})
    job = account.personalize.create_batch_inference_job(
        jobName="themes",
        solutionVersionArn=version,
        numResults=4,
        jobInput={"s3DataSource": {"path": f"s3://{BUCKET}/themes/in/"}},
        jobOutput={"s3DataDestination": {"path": f"s3://{BUCKET}/themes/out/"}},
        roleArn=ROLE,
        batchInferenceJobMode="THEME_GENERATION",
        themeGenerationConfig={"fieldsForThemeGeneration": {"itemName": "TITLE"}},
    )["batchInferenceJobArn"]
    wait(lambda: account.personalize.describe_batch_inference_job(batchInferenceJobArn=job)["batchInferenceJob"])
    assert account.keys("themes/out/") == ["themes/out/a.json.out", "themes/out/b.json.out"]
    comedies, dramas = (line["output"] for line in account.get_json("themes/out/a.json.out"))
    assert "Comedy" in comedies["theme"] and "Drama" in dramas["theme"]
    scores = comedies["itemsThemeRelevanceScores"]
    assert len(comedies["recommendedItems"]) == len(scores) == 4 and scores == sorted(scores, reverse=True)


def test_what_isnt_there_fails_the_job(account: Cloud, group: str):
    version = account.train(group, "aws-popularity-count")
    job = account.personalize.create_batch_inference_job(
        jobName="lost",
        solutionVersionArn=version,
        jobInput={"s3DataSource": {"path": f"s3://{BUCKET}/nothing.json"}},
        jobOutput={"s3DataDestination": {"path": f"s3://{BUCKET}/out/"}},
        roleArn=ROLE,
    )["batchInferenceJobArn"]

    def described() -> dict[str, str]:
        shown: dict[str, str] = account.personalize.describe_batch_inference_job(batchInferenceJobArn=job)[
            "batchInferenceJob"
        ]
        return shown

    wait(described, ends=("CREATE FAILED",))
    assert described()["failureReason"].startswith(f"Invalid S3 input path s3://{BUCKET}/nothing.json")
