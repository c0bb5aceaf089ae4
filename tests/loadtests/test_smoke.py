"""Each measurement once, as small as it gets, against a real server."""

import json
import os
import re
import shutil

import pytest
from click.testing import CliRunner

from loadtests import bench, connected_content, events, freshness, misses, starved, targets

PROGRAMS = ("wrk", "nginx", "redis-server")
comparable = pytest.mark.skipif(
    any(shutil.which(name) is None for name in PROGRAMS) or len(os.sched_getaffinity(0)) < 2,
    reason="wrk, nginx, redis-server and two cores are needed",
)


@comparable
def test_the_bench_compares_hits_and_misses(tmp_path):
    out = tmp_path / "bench.json"
    argv = ["--kinds", "full,l2", "--peers", "nginx,FastAPI", "--rounds", "1", "--seconds", "0.2"]
    ran = CliRunner().invoke(bench.main, [*argv, "--users", "500", "--out", str(out)])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    found = {kind: {line["name"]: line for line in told["lines"]} for kind, told in json.loads(out.read_text()).items()}
    assert {kind: set(lines) for kind, lines in found.items()} == {
        "full": {"recgate", "nginx", "FastAPI"},
        "l2": {"recgate", "nginx"},
    }
    lines = [line for kind in found.values() for line in kind.values()]
    assert all(line["failed"] == 0 and line["rate"] > 0 and line["cpu_us"] > 0 for line in lines)
    assert all(kind["nginx"]["ratio"] == 1.0 for kind in found.values())


@comparable
@pytest.mark.parametrize("recipe", [["--recipe", "aws-popularity-count"], ["--factors", "--exact"]])
def test_misses_are_measured_at_the_limit_and_at_half_of_it(tmp_path, recipe: list[str]):
    argv = ["--items", "300", "--users", "100", "--events", "5", *recipe]
    ran = CliRunner().invoke(misses.main, [*argv, "--seconds", "0.2", "--rounds", "1", "--data", str(tmp_path)])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    rates = [int(rate.replace(",", "")) for rate in re.findall(r"([\d,]+) answers/s", ran.output)]
    assert len(rates) == 1 and rates[0] > 50 and "p99" in ran.output and " failed" in ran.output


def test_a_burst_of_e_mails_gets_its_lists():
    argv = ["--users", "40", "--seconds", "0.4", "--workers", "1", "--recipe", "aws-popularity-count"]
    ran = CliRunner().invoke(connected_content.main, argv)
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert re.search(r"40 users in 0.4 s, 0 failed: median [\d.]+ ms, p99 [\d.]+ ms", ran.output)


def test_an_unknown_kind_is_refused_with_those_there_are():
    ran = CliRunner().invoke(bench.main, ["--kinds", "hit"])
    assert ran.exit_code == 2
    assert "hit is none of plain,full,l2,miss,origin,workers" in ran.output


def test_a_click_shows_in_the_next_answer():
    ran = CliRunner().invoke(freshness.main, ["--users", "5"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert "0 late" in ran.output


def test_events_are_acknowledged_and_seen_at_half_their_rate():
    ran = CliRunner().invoke(events.main, ["--seconds", "0.2", "--workers", "1", "--users", "100"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    full, cost, half, seen, _, flooded = ran.output.splitlines()[-6:]
    assert "events/s acknowledged" in full and "events/s acknowledged" in half
    assert "answers: {200: " in full and "workers" in cost and "0 not within 250 ms" in seen
    assert "memory has grown" in flooded


def test_a_target_beside_the_engine_is_timed():
    ran = CliRunner().invoke(targets.main, ["--events", "20", "--senders", "2"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert "alone" in ran.output and "both" in ran.output


def test_events_and_answers_beside_a_job_process_that_may_not_run():
    argv = ["--minutes", "0.01", "--recipe", "aws-popularity-count", "--users", "100", "--workers", "1"]
    ran = CliRunner().invoke(starved.main, argv)
    assert not isinstance(ran.exception, Exception) or isinstance(ran.exception, SystemExit), ran.exception
    lines = [line for line in ran.output.splitlines() if "POST /events" in line and "ended" in line]
    assert len(lines) == 3 and not any("did not end" in line for line in lines), ran.output
