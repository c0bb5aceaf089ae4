"""recgate cost and recgate jobs retry, over a data directory that a server has used."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import msgspec
from click.testing import CliRunner, Result

from engine import Job
from gateway.__main__ import main
from tests.engine.shop import Shop
from tests.gateway.admin.world import CONFIG


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_the_cost_of_what_a_server_has_answered(tmp_path: Path) -> None:
    with closing(Shop(tmp_path)) as shop:
        shop.furnish().load_clicks("u1 i1 1", "u1 i2 2", "u2 i1 3")
        shop.deploy(shop.train(), "popular")
    (tmp_path / "shop.yaml").write_text(CONFIG)
    began = time.time() - 3600
    numbers = {"recgate_cache_lookups": [(["shop", "home", "miss"], [7200.0]), (["shop", "home", "hit"], [30.0])]}
    folder = tmp_path / "data" / "run" / "metrics" / "here-8080"
    folder.mkdir(parents=True)
    (folder / f"worker-1-7-{round(began * 1e9):x}.json").write_bytes(msgspec.json.encode((time.time(), numbers)))
    options = ("--config", str(tmp_path / "shop.yaml"), "--data", str(tmp_path / "data"))
    view = json.loads(run("cost", *options, "--json").output)
    assert 1.9 < view["lines"][0]["quantity"] < 2.1  # two a second for an hour
    assert view["answeredFromCache"] == 30
    assert [(each["name"], each["idle"]) for each in view["campaigns"]] == [("popular", False)]
    printed = run("cost", *options).output
    assert "Real-time recommendations" in printed and "Active campaigns" in printed


def test_a_job_that_failed_waits_again(tmp_path: Path) -> None:
    with closing(Shop(tmp_path)) as shop:
        shop.furnish().load("INTERACTIONS", ["USER_ID,ITEM_ID", "u1,i1"])
        failed: Job = shop.engine.jobs.newest(1)[0]
    data = ("--data", str(tmp_path / "data"))
    again = run("jobs", "retry", str(failed.id), *data)
    assert again.exit_code == 0 and f"waits: job {failed.id + 1} (importing" in again.output, again.output
    refused = run("jobs", "retry", str(failed.id), *data)
    assert refused.exit_code == 1 and f"Job {failed.id + 1} has tried it again" in refused.output
    assert "There is no job 99" in run("jobs", "retry", "99", *data).output
