"""Jobs: what they are at, why one failed, taking one back and doing one again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.engine.shop import Shop
from tests.gateway.admin.world import CONFIG, AdminWorld, admin_of

PATH = "/admin/jobs"
HEADER = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,DEVICE,SHELF\n"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[AdminWorld]:
    with closing(Shop(tmp_path)) as shop:
        shop.furnish()
        yield AdminWorld(tmp_path, CONFIG + admin_of(), shop, clock=shop.clock)


def import_of(world: AdminWorld, text: str, name: str) -> str:
    """The ARN of an import job of interactions that waits."""
    path = world.shop.folder / f"{name}.csv"
    path.write_text(text)
    made = world.shop.do(
        "CreateDatasetImportJob",
        jobName=name,
        datasetArn=world.shop.dataset("INTERACTIONS"),
        dataSource={"dataLocation": path.as_uri()},
        roleArn="arn:aws:iam::000000000000:role/any",
    )
    return str(made["datasetImportJobArn"])


def newest(world: AdminWorld, **query: Any) -> dict[str, Any]:
    asked = "&".join(f"{name}={value}" for name, value in query.items())
    row: dict[str, Any] = world.get(f"{PATH}?{asked}", "operate").json()["jobs"][0]
    return row


def test_an_import_with_bad_rows_says_why_it_failed_and_is_done_again(world: AdminWorld) -> None:
    import_of(world, HEADER + "u1,i1,yesterday,,,,\nu2,i1,7,,,,\n", "first")
    waiting = newest(world)
    assert (waiting["state"], waiting["group"], waiting["canCancel"], waiting["canRetry"]) == (
        "queued",
        "shop",
        True,
        False,
    )
    world.shop.work()
    failed = newest(world)
    assert (failed["state"], failed["canCancel"], failed["canRetry"]) == ("failed", False, True)
    assert "bad" in failed["why"]
    detail = world.get(f"{PATH}/{failed['id']}", "read").json()
    assert detail["report"]["flaws"][0]["lines"] == ["first.csv:2"]
    assert detail["failureReason"] == failed["why"]
    wrong = world.get("/admin/overview", "read").json()["wrong"]
    assert [each["code"] for each in wrong if each["view"] == "jobs"] == ["JobFailed"]

    (world.shop.folder / "first.csv").write_text(HEADER + "u1,i1,6,,,,\nu2,i1,7,,,,\n")
    answer = world.post(f"{PATH}/{failed['id']}/retry", {}, "operate")
    assert (answer.status_code, answer.json()["job"]["state"]) == (202, "queued")
    world.shop.work()
    done = newest(world)
    assert (done["state"], done["id"], done["arn"]) == ("done", answer.json()["job"]["id"], failed["arn"])
    described = world.shop.do("DescribeDatasetImportJob", datasetImportJobArn=done["arn"])["datasetImportJob"]
    assert described["status"] == "ACTIVE" and "failureReason" not in described
    again = world.post(f"{PATH}/{failed['id']}/retry", {}, "operate")
    assert (again.status_code, again.json()["code"]) == (409, "NotRetryable")
    assert f"Job {done['id']}" in again.json()["message"]
    wrong = world.get("/admin/overview", "read").json()["wrong"]
    assert [each for each in wrong if each["view"] == "jobs"] == []


def test_a_job_that_waits_is_taken_back(world: AdminWorld) -> None:
    import_of(world, HEADER + "u1,i1,6,,,,\n", "first")
    number = newest(world)["id"]
    answer = world.post(f"{PATH}/{number}/cancel", {}, "operate")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    again = world.post(f"{PATH}/{number}/cancel", {}, "operate")
    assert (again.status_code, again.json()["code"]) == (409, "JobEnded")
    assert [
        each["code"] for each in world.get("/admin/overview", "read").json()["wrong"] if each["view"] == "jobs"
    ] == []


def test_jobs_are_chosen_by_state_and_kind(world: AdminWorld) -> None:
    import_of(world, HEADER + "u1,i1,6,,,,\n", "first")
    world.shop.work()
    import_of(world, HEADER + "u1,i1,6,,,,\n", "second")
    assert newest(world, state="done")["arn"].endswith("/first")
    assert newest(world, kind="importing", limit=1)["arn"].endswith("/second")
    assert world.get(f"{PATH}?kind=training", "read").json()["jobs"] == []


@pytest.mark.parametrize("path", ["?limit=0", "?limit=x", "?stat=done"])
def test_a_wrong_choice(path: str, world: AdminWorld) -> None:
    assert world.get(f"{PATH}{path}", "read").status_code == 400


def test_a_job_that_is_not_there(world: AdminWorld) -> None:
    for answer in (world.get(f"{PATH}/99", "read"), world.post(f"{PATH}/99/retry", {}, "operate")):
        assert (answer.status_code, answer.json()["code"]) == (404, "JobNotFound")


def test_a_tenant_sees_the_jobs_of_its_own_data(world: AdminWorld) -> None:
    import_of(world, HEADER + "u1,i1,6,,,,\n", "first")
    assert world.get(PATH, "tenant").json()["jobs"] == []
    number = newest(world)["id"]
    assert world.post(f"{PATH}/{number}/cancel", {}, "tenant").status_code == 404
