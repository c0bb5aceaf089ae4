"""Jobs are done once, by one runner at a time; nothing that happens to a runner loses one or does it twice."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import engine.jobs
from engine import Runner
from engine.errors import InvalidInput
from engine.jobs import runner as runner_module
from engine.jobs.kinds import KINDS
from engine.jobs.work import Work
from engine.queue.queue import ALIVE_S, ATTEMPTS, HUNG_S, Job, Queue
from engine.records import DatasetGroupRecord, DatasetImportJobRecord, SolutionVersionRecord
from engine.serving.deployments import own_path
from engine.storage.sql import Database, sqlite_url
from tests.engine.shop import HOME, Shop

HEADER = "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE,DEVICE,SHELF"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(sqlite_url(tmp_path))
    yield database
    database.close()


@pytest.fixture
def queue(database: Database, clock: Clock) -> Queue:
    return Queue(database, clock)


def claimed(queue: Queue, owner: str = "me") -> Job:
    job = queue.claim(owner)
    assert job is not None
    return job


# ---- the queue


def test_jobs_are_claimed_in_order_and_one_at_a_time(queue: Queue):
    for arn in ("a", "b"):
        queue.enqueue("importing", arn)
    first = claimed(queue)
    assert (first.arn, first.state, first.attempts, first.owner) == ("a", "running", 1, "me")
    assert queue.claim("other") is None
    assert queue.finish(first, "done", "3 rows")
    assert claimed(queue, "other").arn == "b"
    done = queue.get(first.id)
    assert done is not None and (done.state, done.message, done.fraction) == ("done", "3 rows", 1.0)
    assert [job.arn for job in queue.newest()] == ["b", "a"]


def test_an_empty_queue(queue: Queue):
    assert queue.claim("me") is None
    assert not queue.unfinished_jobs() and not queue.runner_alive()
    assert queue.get(1) is None


def test_many_claim_and_each_job_has_one_owner(queue: Queue):
    for number in range(20):
        queue.enqueue("importing", str(number))
    got: list[tuple[str, int]] = []

    def work(owner: str) -> None:
        while queue.unfinished_jobs():
            job = queue.claim(owner)
            if job is not None:
                got.append((owner, job.id))
                assert queue.finish(job, "done", "")

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(job for _, job in got) == list(range(1, 21))


def test_the_same_is_not_queued_twice_while_it_waits_or_runs(queue: Queue):
    for _ in range(2):
        queue.enqueue_once("folding", "g")
    queue.enqueue_once("folding", "h")
    queue.enqueue_once("training", "g")
    assert len(queue.newest()) == 3
    job = claimed(queue)
    queue.enqueue_once("folding", "g")
    assert len(queue.newest()) == 3
    queue.finish(job, "done", "")
    queue.enqueue_once("folding", "g")
    assert len(queue.newest()) == 4


def test_a_runner_that_is_silent_loses_its_job(queue: Queue, clock: Clock):
    queue.enqueue("importing", "a")
    mine = claimed(queue)
    clock.now += ALIVE_S
    assert queue.beat(mine, 0.5, "half") and queue.runner_alive()
    clock.now += ALIVE_S
    assert queue.claim("other") is None  # heard of just in time
    clock.now += 0.1
    assert not queue.runner_alive() and queue.unfinished_jobs()
    theirs = claimed(queue, "other")
    assert (theirs.id, theirs.attempts, theirs.fraction) == (mine.id, 2, 0.5)
    assert not queue.beat(mine, 0.6, "late")
    assert not queue.finish(mine, "done", "late")
    assert not queue.requeue(mine)
    assert queue.finish(theirs, "done", "theirs")


def test_a_job_put_back_is_as_new(queue: Queue):
    queue.enqueue("importing", "a")
    assert queue.requeue(claimed(queue))
    again = claimed(queue, "other")
    assert (again.attempts, again.owner) == (1, "other")


def test_a_cancelled_job_stays_so(queue: Queue, database: Database):
    for arn in ("a", "b"):
        queue.enqueue("importing", arn)
    running = claimed(queue)
    for arn in ("a", "b"):
        with database.write() as within:
            queue.cancel(arn, within)
    assert not queue.beat(running, 0.5, "")
    assert not queue.requeue(running)
    assert not queue.finish(running, "done", "")
    assert [(job.state, job.message) for job in queue.newest()] == [("failed", "cancelled")] * 2
    assert queue.claim("me") is None


# ---- the runner


@pytest.fixture
def trouble(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Work], str]], None]:
    """A kind of job of the test's own."""
    return lambda run: monkeypatch.setitem(KINDS, "trouble", run)


def newest(shop: Shop) -> Job:
    return shop.engine.jobs.newest(1)[0]


def queue_import(shop: Shop, *rows: str, mode: str = "FULL") -> str:
    path = shop.folder / f"{mode}.csv"
    path.write_text("\n".join([HEADER, *rows]))
    made = shop.do(
        "CreateDatasetImportJob",
        jobName=f"import-{mode}-{len(shop.engine.jobs.newest())}",
        datasetArn=shop.dataset("INTERACTIONS"),
        dataSource={"dataLocation": f"file://{path}"},
        roleArn="arn:aws:iam::000000000000:role/r",
        importMode=mode,
    )
    return str(made["datasetImportJobArn"])


def test_a_job_that_asks_for_a_stopped_process_goes_back(shop: Shop, trouble: Callable[..., None]):
    def run(work: Work) -> str:
        runner.stop()
        work.progress(0.5, "half")
        raise AssertionError

    trouble(run)
    shop.engine.jobs.enqueue("trouble", "x")
    runner = Runner(shop.engine)
    runner.run_forever()
    assert (newest(shop).state, newest(shop).attempts) == ("queued", 0)


def test_a_cancelled_job_publishes_nothing(shop: Shop, trouble: Callable[..., None]):
    def run(work: Work) -> str:
        with work.engine.database.write() as within:
            work.engine.jobs.cancel("x", within)
        group = work.engine.records.get(shop.group, DatasetGroupRecord)
        state = work.state(group)
        work.publish(state, state.stored)
        raise AssertionError

    trouble(run)
    shop.engine.jobs.enqueue("trouble", "x")
    Runner(shop.engine).run_one()
    assert (newest(shop).state, newest(shop).message) == ("failed", "cancelled")
    assert not [record for record in shop.engine.log.read(0) if record.kind == "snapshot"]


@pytest.mark.parametrize(
    ("error", "message"),
    [(InvalidInput("no data"), "no data"), (ZeroDivisionError("oh"), "ZeroDivisionError: oh")],
)
def test_a_failed_job_says_why(shop: Shop, trouble: Callable[..., None], error: Exception, message: str):
    def run(work: Work) -> str:
        raise error

    trouble(run)
    shop.engine.jobs.enqueue("trouble", "x")
    assert Runner(shop.engine).run_one()
    assert (newest(shop).state, newest(shop).message) == ("failed", message)
    assert not Runner(shop.engine).run_one()


def test_a_job_that_ends_its_process_is_given_up(shop: Shop):
    arn = queue_import(shop, "u,a,1700000000,click,,,")
    for attempt in range(1, ATTEMPTS + 1):
        job = claimed(shop.engine.jobs, "a runner that dies")
        assert job.attempts == attempt
        shop.clock.now += ALIVE_S + 1
    shop.work()
    record = shop.engine.records.get(arn, DatasetImportJobRecord)
    assert (record.status, record.failure_reason) == ("CREATE FAILED", f"it ended its process {ATTEMPTS} times")
    assert newest(shop).state == "failed"


def test_an_import_done_before_its_process_ended_is_not_done_twice(shop: Shop):
    shop.load_clicks("u a 1")
    queue_import(shop, "u,b,1700000005,click,,x,", "u,b,1700000005,click,,y,", mode="INCREMENTAL")
    shop.work()
    assert shop.history("u") == ["a", "b", "b"]
    job = newest(shop)
    with shop.engine.database.write() as connection:  # as if the runner had died before it said so
        connection.exec_driver_sql("UPDATE jobs SET state = 'running', heartbeat = 0 WHERE id = ?", (job.id,))
    shop.work()
    assert (newest(shop).id, newest(shop).state) == (job.id, "done")
    assert shop.history("u") == ["a", "b", "b"]


def test_a_training_that_fails_says_why(shop: Shop):
    version = shop.train()
    record = shop.engine.records.get(version, SolutionVersionRecord)
    assert record.status == "CREATE FAILED"
    assert record.failure_reason == "Dataset has fewer than 1 interactions"


def test_a_training_that_is_stopped_changes_nothing_more(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    shop.load_clicks("u a 1", "v a 2")
    train, stopped = KINDS["training"], []

    def run(work: Work) -> str:
        def progress(fraction: float, message: str) -> None:
            if not stopped:
                stopped.append(shop.do("StopSolutionVersionCreation", solutionVersionArn=work.arn))

        return train(replace(work, progress=progress))

    monkeypatch.setitem(KINDS, "training", run)
    version = shop.train()
    record = shop.engine.records.get(version, SolutionVersionRecord)
    assert (record.status, record.metrics) == ("CREATE STOPPED", {}) and record.stopped_at is not None
    assert (newest(shop).state, newest(shop).message) == ("failed", "cancelled")


def test_a_training_that_another_has_ended_meanwhile_changes_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    """Not even the files of the model: the process was thought dead, and goes on just before it writes them."""
    shop.load_clicks("u a 1", "v a 2")
    train = KINDS["training"]

    def run(work: Work) -> str:
        def progress(fraction: float, message: str) -> None:
            if message == "writing the model" and work.job.lease == 1:
                shop.clock.now += HUNG_S + 1
                assert Runner(shop.engine).run_one()

        return train(replace(work, progress=progress))

    monkeypatch.setitem(KINDS, "training", run)
    version = shop.train()
    record, job = shop.engine.records.get(version, SolutionVersionRecord), newest(shop)
    assert (job.state, job.lease, job.attempts) == ("done", 2, 2)
    assert (record.status, record.model_folder) == ("ACTIVE", f"{version[-8:]}-2")
    own, models = own_path(record, shop.uid), shop.engine.store.paths("models")
    assert sorted(models) == sorted([own, own.removesuffix("-2")])
    shop.deploy(version)
    shop.engine.feed.catch_up()
    assert shop.ask(num_results=1) == ["a"]
    shop.engine.jobs.enqueue("cleaning", "models")
    shop.work()
    assert shop.engine.store.paths("models") == [own]


def test_tags_given_during_a_training_stay(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    shop.load_clicks("u a 1", "v a 2")
    train = KINDS["training"]

    def run(work: Work) -> str:
        def progress(fraction: float, message: str) -> None:
            shop.do("TagResource", resourceArn=work.arn, tags=[{"tagKey": "a", "tagValue": message.replace(",", "")}])

        return train(replace(work, progress=progress))

    monkeypatch.setitem(KINDS, "training", run)
    record = shop.engine.records.get(shop.train(), SolutionVersionRecord)
    assert record.status == "ACTIVE" and record.tags == {"a": "writing the model"}


def test_a_dataset_that_grew_shows_its_new_column_at_once(shop: Shop):
    shop.load_clicks("u a 1", "v a 2")
    shop.put("a", genres="x", year=1999)
    shop.deploy(shop.train())
    fields = [("ITEM_ID", "string"), ("GENRES", ["null", "string"]), ("YEAR", ["null", "int"])]
    fields += [("PRICE", ["null", "float"]), ("COLOUR", ["null", "string"])]
    columns = [{"name": name, "type": type_} for name, type_ in fields]
    columns[1]["categorical"] = True
    record = {"type": "record", "name": "Items", "fields": columns, "version": "1.0"}
    schema = shop.do("CreateSchema", name="grown", schema=json.dumps(record))["schemaArn"]
    shop.do("UpdateDataset", datasetArn=shop.dataset("ITEMS"), schemaArn=schema)
    shop.put("b", colour="red")
    for _ in range(2):  # before and after the next snapshot
        rows = shop.engine.answers.metadata("home", ["a", "b"])
        assert rows == [{"genres": "x", "year": 1999}, {"colour": "red"}]
        shop.fold()


def test_training_sees_only_the_events_the_solution_asks_for(shop: Shop):
    rows = ["u,a,1,view,,,", "v,a,2,view,,,", "u,b,3,Buy,9,,", "u,c,4,buy,1,,"]
    shop.load("INTERACTIONS", [HEADER, *rows])
    config = {"recipeArn": "arn:aws:personalize:::recipe/aws-popularity-count", "performAutoTraining": False}
    solution = shop.do(
        "CreateSolution",
        name="bought",
        datasetGroupArn=shop.group,
        eventType="buy",
        solutionConfig={"eventValueThreshold": "5"},
        **config,
    )["solutionArn"]
    assert solution == f"{HOME}solution/bought"
    shop.deploy(shop.train("bought"))
    shop.engine.feed.catch_up()
    assert shop.ask(num_results=1) == ["b"]


EVENT_METRICS = {f"normalized_discounted_cumulative_gain_with_event_weights_at_{cut}" for cut in (5, 10, 25)}


def test_event_weights_decide_what_is_learned(shop: Shop):
    """Everybody views `seen`, buys `had` and skips `not`, in that order or another; the view of little worth is out."""
    clicks = [
        f"u{user},{item},{(user + place) % 3},{kind},{value},,"
        for user in range(30)
        for place, (item, kind, value) in enumerate((("seen", "view", 1), ("had", "BUY", 5), ("not", "skip", 1)))
    ]
    shop.load("INTERACTIONS", [HEADER, *clicks, "u0,dull,9,view,0,,"])

    def weights(view: float, buy: float) -> dict[str, Any]:
        listed = [
            {"eventType": "View", "weight": view, "eventValueThreshold": 0.5},
            {"eventType": "buy", "weight": buy},
        ]
        return {"eventsConfig": {"eventParametersList": listed}}

    recipe = "arn:aws:personalize:::recipe/aws-user-personalization-v2"
    made = {"recipeArn": recipe, "datasetGroupArn": shop.group, "performAutoTraining": False}
    config = {"algorithmHyperParameters": {"sequence_epochs": "0"}, **weights(0.1, 1.0)}
    solution = shop.do("CreateSolution", name="weighed", **made, solutionConfig=config)["solutionArn"]
    version = shop.train("weighed")
    shop.deploy(version)
    shop.engine.feed.catch_up()
    assert shop.ask("new", num_results=2) == ["had", "seen"]
    assert set(shop.engine.records.get(version, SolutionVersionRecord).metrics) >= EVENT_METRICS
    shop.do("UpdateSolution", solutionArn=solution, solutionUpdateConfig=weights(1.0, 0.1))
    shop.do("UpdateCampaign", campaignArn=f"{HOME}campaign/home", solutionVersionArn=shop.train("weighed"))
    shop.engine.feed.catch_up()
    assert shop.ask("new", num_results=2) == ["seen", "had"]
    shop.do("UpdateSolution", solutionArn=solution, solutionUpdateConfig={"eventsConfig": {"eventParametersList": []}})
    metrics = shop.engine.records.get(shop.train("weighed"), SolutionVersionRecord).metrics
    assert not EVENT_METRICS & set(metrics)


@pytest.mark.parametrize("excluded", [{}, {"trainingDataConfig": {"excludedDatasetColumns": {"ITEMS": ["WORTH"]}}}])
def test_an_objective_lifts_what_is_worth_more(shop: Shop, excluded: dict[str, Any]):
    """`dear` and `cheap` are bought by as many; the column need not be one that is learned from."""
    fields = [{"name": "ITEM_ID", "type": "string"}, {"name": "WORTH", "type": "float"}]
    shop.do("DeleteDataset", datasetArn=shop.dataset("ITEMS"))
    shop.add_dataset("ITEMS", fields)
    shop.load_clicks(
        *(f"u{user} {('cheap', 'dear', 'some')[(user + k) % 3]} {k}" for user in range(30) for k in (0, 1))
    )
    shop.load("ITEMS", ["ITEM_ID,WORTH", "cheap,1", "dear,9", "some,5"])
    objective = {"itemAttribute": "worth", "objectiveSensitivity": "HIGH"}
    made = {"datasetGroupArn": shop.group, "performAutoTraining": False}
    made["recipeArn"] = "arn:aws:personalize:::recipe/aws-user-personalization"
    config = {"algorithmHyperParameters": {"sequence_epochs": "0"}, "optimizationObjective": objective, **excluded}
    shop.do("CreateSolution", name="worth", **made, solutionConfig=config)
    version = shop.train("worth")
    shop.deploy(version)
    shop.engine.feed.catch_up()
    assert shop.ask("new", num_results=3) == ["dear", "some", "cheap"]
    assert 0 < shop.engine.records.get(version, SolutionVersionRecord).metrics["average_rewards_at_k"] <= 1


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, ["GENRES"]),
        ({"excludedDatasetColumns": {"Items": ["genres"]}}, []),
        ({"excludedDatasetColumns": {"USERS": ["GENRES"]}}, ["GENRES"]),
        ({"includedDatasetColumns": {"ITEMS": ["GENRES"]}}, ["GENRES"]),
        ({"includedDatasetColumns": {"ITEMS": ["PRICE"]}}, []),
    ],
)
def test_training_sees_only_the_columns_the_solution_asks_for(shop: Shop, config: dict[str, Any], expected: list[str]):
    shop.load_clicks("u a 1", "v b 2")
    shop.load("ITEMS", ["ITEM_ID,GENRES,YEAR,PRICE", "a,x,,1", "b,x,,2"])
    recipe = "arn:aws:personalize:::recipe/aws-similar-items"
    made = {"recipeArn": recipe, "datasetGroupArn": shop.group, "performAutoTraining": False}
    shop.do("CreateSolution", name="alike", **made, solutionConfig={"trainingDataConfig": config})
    version = shop.engine.records.get(shop.train("alike"), SolutionVersionRecord)
    assert version.chosen["described_by"] == expected


def test_a_trained_version_goes_to_the_campaigns_that_follow_the_latest(shop: Shop):
    shop.load_clicks("u a 1", "v a 2", "u b 3")
    first = shop.train()
    shop.do(
        "CreateCampaign",
        name="home",
        solutionVersionArn=f"{HOME}solution/popular/$LATEST",
        campaignConfig={"syncWithLatestSolutionVersion": True},
    )
    second = shop.train()
    campaign = shop.do("DescribeCampaign", campaignArn=f"{HOME}campaign/home")["campaign"]
    assert campaign["solutionVersionArn"] == second != first


def test_much_in_the_log_asks_for_a_snapshot(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner_module, "FOLD_EVERY", 5)
    monkeypatch.setattr(runner_module, "FOLD_LOOK_S", 0.0)
    for number in range(4):
        shop.click("u", f"i{number}", number)
    shop.work()
    assert shop.engine.jobs.newest() == []
    shop.click("u", "i4", 4)
    shop.work()
    assert [(job.kind, job.arn, job.state) for job in shop.engine.jobs.newest()] == [("folding", shop.group, "done")]
    assert shop.engine.log.count_after_snapshot(shop.uid) <= 1
    assert shop.history("u") == [f"i{number}" for number in range(5)]


def test_old_snapshots_go(shop: Shop):
    for number in range(5):
        shop.click("u", f"i{number}", number)
        shop.fold()
    assert len(list((shop.folder / "data" / "groups" / shop.uid).iterdir())) == 2


def test_a_fold_without_news_makes_no_snapshot(shop: Shop):
    shop.click("u", "a", 1)
    shop.fold()
    last = shop.engine.log.last()
    shop.fold()
    assert shop.engine.log.last() == last


# ---- the process


def test_the_job_process_works_and_ends_when_told(shop: Shop, tmp_path: Path):
    arn = queue_import(shop, "u,a,1700000000,click,,,")
    command = [sys.executable, "-m", "engine.jobs", "--data", str(tmp_path / "data"), "--allow-file-urls"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while shop.engine.records.get(arn, DatasetImportJobRecord).status != "ACTIVE":
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        deadline = time.monotonic() + 30
        while process.poll() is None:  # its server and its server's death may both tell it, in the middle of anything
            process.send_signal(signal.SIGTERM)
            assert time.monotonic() < deadline
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
    shop.engine.feed.catch_up()
    assert shop.history("u") == ["a"]


def test_a_killed_job_process_leaves_its_job_to_the_next(shop: Shop, tmp_path: Path):
    """Killed in the midst of an import: nothing of it is seen, and the next runner does it whole."""
    shop.load_clicks("u before 1")
    rows = [f"u{number % 500},i{number % 97},{1_700_000_000 + number},click,,," for number in range(100_000)]
    arn = queue_import(shop, *rows)
    command = [sys.executable, "-m", "engine.jobs", "--data", str(tmp_path / "data"), "--allow-file-urls"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while shop.engine.records.get(arn, DatasetImportJobRecord).status != "CREATE IN_PROGRESS":
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    shop.engine.feed.catch_up()
    assert shop.history("u") == ["before"]
    shop.clock.now = time.time() + ALIVE_S + 1  # the killed one used the real clock
    shop.work()
    assert shop.engine.records.get(arn, DatasetImportJobRecord).status == "ACTIVE"
    assert shop.history("u") == [] and len(shop.history("u7")) == 200
    job = shop.engine.jobs.newest_of("importing", arn)
    assert job is not None and job.attempts == 2


def test_each_transaction_of_the_job_process_can_be_handed_over():
    files = Path(engine.jobs.__path__[0]).rglob("*.py")
    functions = [
        each for path in files for each in ast.parse(path.read_text()).body if isinstance(each, ast.FunctionDef)
    ]
    writers = [each for each in functions if "engine.database.write()" in ast.unparse(each)]
    assert len(writers) > 5
    assert [each.name for each in writers if "write" not in map(ast.unparse, each.decorator_list)] == []
