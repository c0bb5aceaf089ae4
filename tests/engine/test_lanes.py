"""Short jobs beside long ones, and what of a group's data two jobs must not do at the same time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine import Runner
from engine.errors import SnapshotOvertaken
from engine.jobs import claims
from engine.jobs.claims import Lanes, work_of
from engine.jobs.group_data import current
from engine.jobs.work import Work, undisturbed
from engine.queue.queue import Job
from engine.records import DatasetGroupRecord, SolutionVersionRecord
from tests.engine.shop import POPULAR, Shop

V2 = "arn:aws:personalize:::recipe/aws-user-personalization-v2"
CLICKS = [f"u{user} i{(user + step) % 5} {step}" for user in range(8) for step in range(4)]


@pytest.fixture
def busy(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop with clicks, where any training but a quick one is long."""
    monkeypatch.setattr(claims, "LONG_S", 0.001)
    shop.load_clicks(*CLICKS)
    return shop


def asked(shop: Shop, name: str, recipe: str) -> str:
    """The ARN of a version that waits to be trained."""
    config = {"recipeArn": recipe, "datasetGroupArn": shop.group, "performAutoTraining": False}
    solution = shop.do("CreateSolution", name=name, **config)["solutionArn"]
    return str(shop.do("CreateSolutionVersion", solutionArn=solution)["solutionVersionArn"])


def claimed(shop: Shop, owner: str = "a") -> Job:
    job = shop.engine.jobs.claim(owner, Lanes(shop.engine).fits)
    assert job is not None
    return job


def work(shop: Shop, kind: str = "folding") -> Work:
    shop.engine.jobs.enqueue(kind, shop.group)
    job = next(each for each in shop.engine.jobs.newest() if each.kind == kind)
    held = shop.engine.jobs.seize(job.id, f"owner-{job.id}")
    assert held is not None
    return work_of(shop.engine, held)


def test_a_popularity_count_trains_beside_a_long_training_and_before_another(busy: Shop):
    long, other, short = asked(busy, "a", V2), asked(busy, "b", V2), asked(busy, "c", POPULAR)
    assert claimed(busy).arn == long
    assert Runner(busy.engine).run_one()
    assert busy.engine.records.get(short, SolutionVersionRecord).status == "ACTIVE"
    assert not Runner(busy.engine).run_one()
    assert busy.engine.records.get(other, SolutionVersionRecord).status == "CREATE PENDING"


def test_a_long_training_begins_beside_a_short_one_and_no_third(busy: Shop):
    short, long = asked(busy, "c", POPULAR), asked(busy, "a", V2)
    asked(busy, "d", POPULAR)
    assert [claimed(busy, owner).arn for owner in "ab"] == [short, long]
    assert busy.engine.jobs.claim("c", Lanes(busy.engine).fits) is None
    assert not busy.engine.jobs.is_claimable(Lanes(busy.engine).fits)


def test_the_job_process_does_short_work_while_a_long_job_runs_in_it(busy: Shop, monkeypatch: pytest.MonkeyPatch):
    """The long one ends only when the short one has."""
    long, short = asked(busy, "a", V2), asked(busy, "c", POPULAR)
    train, runner = lanes_training(), Runner(busy.engine)

    def slow(work: Work) -> str:
        while work.arn == long and busy.engine.records.get(short, SolutionVersionRecord).status != "ACTIVE":
            work.progress(0.0, "long")
        if work.arn == long:
            runner.stop()
        return train(work)

    monkeypatch.setitem(kinds(), "training", slow)
    runner.run_forever()
    assert busy.engine.records.get(short, SolutionVersionRecord).status == "ACTIVE"


def kinds() -> dict[str, Callable[[Work], str]]:
    from engine.jobs.kinds import KINDS

    return KINDS


def lanes_training() -> Callable[[Work], str]:
    return kinds()["training"]


def test_what_cleans_up_runs_alone(busy: Shop):
    long = asked(busy, "a", V2)
    busy.engine.jobs.enqueue("cleaning", "models")
    asked(busy, "c", POPULAR)
    assert claimed(busy).arn == long
    assert claimed(busy, "b").kind == "training"
    assert busy.engine.jobs.claim("c", Lanes(busy.engine).fits) is None
    for job in busy.engine.jobs.unfinished_jobs():
        if job.state == "running":
            busy.engine.jobs.finish(job, "done", "")
    assert claimed(busy).kind == "cleaning"
    asked(busy, "d", POPULAR)
    assert busy.engine.jobs.claim("c", Lanes(busy.engine).fits) is None


def test_an_import_is_long_by_its_bytes_and_a_training_by_its_rows(shop: Shop, tmp_path: Path, monkeypatch):
    asked(shop, "a", V2)
    small = claimed(shop)
    assert not Lanes(shop.engine).is_long(small)
    monkeypatch.setattr("engine.jobs.kinds.training.A_ROW_S", 10.0)
    shop.engine.jobs.requeue(small)
    for second in range(7):
        shop.click("u1", "i1", second)
    assert Lanes(shop.engine).is_long(small)
    monkeypatch.setattr("engine.jobs.kinds.importing.A_BYTE_S", 10.0)
    path = tmp_path / "many rows.csv"
    path.write_text("USER_ID,ITEM_ID,TIMESTAMP\n")
    location = f"file://{tmp_path}/many%20rows.csv"
    made = {"datasetArn": shop.dataset("INTERACTIONS"), "roleArn": "arn:aws:iam::000000000000:role/r"}
    shop.do("CreateDatasetImportJob", jobName="j", dataSource={"dataLocation": location}, **made)
    job = next(each for each in shop.engine.jobs.newest() if each.kind == "importing")
    assert Lanes(shop.engine).is_long(job)


def test_a_snapshot_begun_before_anothers_is_not_published_but_made_again(shop: Shop):
    """A training that reads the data while an import publishes must not take the import back."""
    shop.load_clicks(*CLICKS)
    shop.click("u9", "new", 99)
    group = shop.engine.records.get(shop.group, DatasetGroupRecord)
    slow = work(shop)
    state = slow.state(group)
    shop.load_clicks("u1 imported 500", mode="INCREMENTAL")  # waits: two short ones don't run at once
    job = next(each for each in shop.engine.jobs.unfinished_jobs() if each.kind == "importing")
    importing = shop.engine.jobs.seize(job.id, "another")
    assert importing is not None
    kinds()["importing"](work_of(shop.engine, importing))
    before = shop.engine.follower.restored(shop.uid).stored
    with pytest.raises(SnapshotOvertaken):
        slow.publish(state, state.stored)
    assert shop.engine.follower.restored(shop.uid).stored.seq == before.seq
    snapshot = current(slow, group)
    names = list(snapshot.snapshot.item_names)
    assert "imported" in names
    assert "new" in names


def test_an_attempt_is_made_again_while_it_is_overtaken():
    attempts: list[int] = []

    def attempt() -> str:
        attempts.append(1)
        if len(attempts) < 3:
            raise SnapshotOvertaken
        return "published"

    assert undisturbed(attempt) == "published"
    assert len(attempts) == 3
