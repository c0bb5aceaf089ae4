"""Trials and shards of batches as tasks of Ray: the same results as here, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from engine import Runner
from engine.ray_tasks import RayTasks
from engine.records import SolutionVersionRecord
from tests.engine.shop import Shop

STEPS = [(user, step) for user in range(60) for step in range(8)]
CLICKS = [f"u{user} i{(user * 7 + step * (1 + user % 3)) % 40} {user * 50 + step}" for user, step in STEPS]
SIMS = "arn:aws:personalize:::recipe/aws-sims"
SEGMENTS = "arn:aws:personalize:::recipe/aws-item-affinity"
V2 = "arn:aws:personalize:::recipe/aws-user-personalization-v2"
ROLE = "arn:aws:iam::000000000000:role/r"
FILTER = 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("click")'


@pytest.fixture(scope="module")
def tasks() -> Iterator[RayTasks]:
    tasks = RayTasks("ray")
    yield tasks
    tasks.close()


def shop_of(folder: Path, tasks: RayTasks | None) -> Shop:
    folder.mkdir()
    shop = Shop(folder).furnish()
    shop.engine.tasks = tasks
    shop.load_clicks(*CLICKS)
    return shop


def searched(shop: Shop, recipe: str, **more: object) -> str:
    config = {"recipeArn": recipe, "performHPO": True, "performAutoTraining": False, **more}
    config = {name: value for name, value in config.items() if value}
    solution = shop.do("CreateSolution", name="searched", datasetGroupArn=shop.group, **config)["solutionArn"]
    arn = shop.do("CreateSolutionVersion", solutionArn=solution)["solutionVersionArn"]
    return str(arn)


def outcome(shop: Shop, arn: str) -> dict[str, object]:
    version = shop.engine.records.get(arn, SolutionVersionRecord)
    assert version.status == "ACTIVE", version.failure_reason
    trials = [(each["what"], *list(each.values())[1:2]) for each in version.chosen["trials"]]
    return {"tuned": version.tuned_hpo_params, "metrics": version.metrics, "trials": trials}


def test_trials_side_by_side_choose_the_same(tasks: RayTasks, tmp_path: Path) -> None:
    outcomes = []
    for name, spread in (("here", None), ("ray", tasks)):
        shop = shop_of(tmp_path / name, spread)
        arn = searched(shop, SIMS)
        shop.work()
        outcomes.append(outcome(shop, arn))
        shop.engine.tasks = None
        shop.close()
    assert outcomes[0] == outcomes[1] and len(outcomes[0]["trials"]) > 2  # type: ignore[arg-type]


def workers_of_ray() -> list[int]:
    """Those that do a task of ours now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().startswith(b"ray::_score"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def test_a_worker_of_ray_that_is_killed_in_a_trial_costs_nothing(tasks: RayTasks, tmp_path: Path) -> None:
    outcomes, killed = [], []
    for name, spread in (("here", None), ("ray", tasks)):
        shop = shop_of(tmp_path / name, spread)
        arn = searched(shop, "", performHPO=False, performAutoML=True)
        job = threading.Thread(target=Runner(shop.engine).run_one)
        job.start()
        while spread is not None and job.is_alive() and not killed:
            for pid in workers_of_ray()[:1]:
                time.sleep(1.0)  # it trains by now
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            time.sleep(0.05)
        job.join()
        outcomes.append(outcome(shop, arn))
        shop.engine.tasks = None
        shop.close()
    assert killed and outcomes[0] == outcomes[1]


@pytest.mark.parametrize("kind", ["Inference", "Segment"])
def test_shards_side_by_side_answer_the_same(tasks: RayTasks, tmp_path: Path, kind: str) -> None:
    shop = shop_of(tmp_path / "shop", None)
    shop.engine.new_id = lambda: str(uuid4())
    version = shop.train("model", V2 if kind == "Inference" else SEGMENTS)
    filter_ = shop.do("CreateFilter", name="new", datasetGroupArn=shop.group, filterExpression=FILTER)["filterArn"]
    lines = [{"userId": f"u{n % 61}"} if kind == "Inference" else {"itemId": f"i{n % 41}"} for n in range(500)]
    (tmp_path / "in.json").write_text("\n".join(map(json.dumps, lines)))
    filtered = {"filterArn": filter_} if kind == "Inference" else {}
    for name, spread in (("here", None), ("ray", tasks)):
        shop.engine.tasks = spread
        shop.do(
            f"CreateBatch{kind}Job",
            jobName=name,
            solutionVersionArn=version,
            roleArn=ROLE,
            jobInput={"s3DataSource": {"path": f"file://{tmp_path}/in.json"}},
            jobOutput={"s3DataDestination": {"path": f"file://{tmp_path}/{name}/"}},
            **filtered,
        )
        shop.work()
        assert shop.engine.jobs.newest(1)[0].state == "done", shop.engine.jobs.newest(1)[0].message
    shop.engine.tasks = None
    shop.close()
    here, ray = ((tmp_path / name / "in.json.out").read_text() for name in ("here", "ray"))
    assert here == ray and here.count("\n") == 500 and '"error":null' in here
