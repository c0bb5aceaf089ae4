"""Somebody asks to be forgotten: a data deletion job, what is left of them, and training anew."""

from __future__ import annotations

from tests.flows.cloud import BUCKET, ROLE, START, Cloud, wait

INTERACTIONS = [
    {"name": "USER_ID", "type": "string"},
    {"name": "ITEM_ID", "type": "string"},
    {"name": "TIMESTAMP", "type": "long"},
]
USERS = [{"name": "USER_ID", "type": "string"}, {"name": "AGE", "type": "int"}]


def test_two_users_are_forgotten(account: Cloud):
    p = account.personalize
    group = account.group("forgetful")
    rows = [f"u{u},i{i},{START + 10 * u + i}" for u in range(8) for i in range(4)]
    interactions = account.load(group, "Interactions", INTERACTIONS, [*rows, f"u7,only-u7,{START}"])
    users = account.load(group, "Users", USERS, [f"u{n},{20 + n}" for n in range(8)])
    tracker = p.create_event_tracker(name="forgetful", datasetGroupArn=group)["trackingId"]
    event = {"eventType": "click", "itemId": "i0", "sentAt": START}
    account.events.put_events(trackingId=tracker, userId="u6", sessionId="s6", eventList=[event])
    assert exported(account, interactions, "before") == {f"u{n}" for n in range(8)}

    # the users' ids, one a line, in as many files as one likes
    account.put("forget/first.csv", ["USER_ID", "u6"])
    account.put("forget/more/second.csv", ["USER_ID", "u7", "nobody"])
    job = p.create_data_deletion_job(
        jobName="forget",
        datasetGroupArn=group,
        dataSource={"dataLocation": f"s3://{BUCKET}/forget/"},
        roleArn=ROLE,
    )["dataDeletionJobArn"]
    wait(lambda: p.describe_data_deletion_job(dataDeletionJobArn=job)["dataDeletionJob"], ends=("COMPLETED",))
    done = p.describe_data_deletion_job(dataDeletionJobArn=job)["dataDeletionJob"]
    assert done["numDeleted"] > 0
    assert [each["status"] for each in p.list_data_deletion_jobs(datasetGroupArn=group)["dataDeletionJobs"]] == [
        "COMPLETED"
    ]

    # nothing of them is left, neither imported nor streamed
    for dataset in (interactions, users):
        left = exported(account, dataset, f"after-{dataset.rpartition('/')[2]}")
        assert "u5" in left and not {"u6", "u7"} & left

    # a model trained now has never heard of them, nor of what only they touched
    version = account.train(group, "aws-popularity-count")
    campaign = p.create_campaign(name="forgetful", solutionVersionArn=version)["campaignArn"]
    wait(lambda: p.describe_campaign(campaignArn=campaign)["campaign"])
    answer = account.runtime.get_recommendations(campaignArn=campaign, userId="u7")
    assert {item["itemId"] for item in answer["itemList"]} == {f"i{n}" for n in range(4)}


def exported(account: Cloud, dataset: str, name: str) -> set[str]:
    """The users that an export of all of the dataset names."""
    p = account.personalize
    job = p.create_dataset_export_job(
        jobName=name.lower().replace("_", "-"),
        datasetArn=dataset,
        ingestionMode="ALL",
        roleArn=ROLE,
        jobOutput={"s3DataDestination": {"path": f"s3://{BUCKET}/{name}/"}},
    )["datasetExportJobArn"]
    wait(lambda: p.describe_dataset_export_job(datasetExportJobArn=job)["datasetExportJob"])
    found = set()
    for key in account.keys(f"{name}/"):
        header, *lines = account.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode().splitlines()
        place = header.split(",").index("USER_ID")
        found |= {line.split(",")[place].strip('"') for line in lines}
    return found
