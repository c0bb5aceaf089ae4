"""Each measurement once, as small as it gets, against a real server."""

import json
import os
import shutil

import pytest
from click.testing import CliRunner

from loadtests import bench, freshness, targets

PROGRAMS = ("wrk", "nginx")
comparable = pytest.mark.skipif(
    any(shutil.which(name) is None for name in PROGRAMS) or len(os.sched_getaffinity(0)) < 2,
    reason="wrk, nginx and two cores are needed",
)


@comparable
def test_the_bench_compares_all_three(tmp_path):
    out = tmp_path / "bench.json"
    ran = CliRunner().invoke(bench.main, ["--rounds", "1", "--seconds", "1", "--users", "200", "--out", str(out)])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    lines = {(line["kind"], line["name"]): line for line in json.loads(out.read_text())["lines"]}
    assert lines.keys() == {(kind, name) for kind in ("hit", "miss") for name in ("recgate", "nginx", "FastAPI")}
    assert all(line["failed"] == 0 and line["rate"] > 0 and line["cpu_us"] > 0 for line in lines.values())
    assert lines["hit", "nginx"]["ratio"] == 1.0


def test_a_missing_program_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    ran = CliRunner().invoke(bench.main, [])
    assert ran.exit_code == 1
    assert "apt-get install wrk nginx" in ran.output


def test_a_click_shows_in_the_next_answer():
    ran = CliRunner().invoke(freshness.main, ["--users", "5"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert "0 late" in ran.output


def test_a_target_beside_the_engine_is_timed():
    ran = CliRunner().invoke(targets.main, ["--events", "20", "--senders", "2"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert "alone" in ran.output and "both" in ran.output
