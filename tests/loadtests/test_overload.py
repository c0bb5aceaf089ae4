"""Twice the capacity, as small as it gets, against a real server."""

from click.testing import CliRunner

from loadtests import latency, overload


def test_twice_the_capacity_is_tried():
    ran = CliRunner().invoke(overload.main, ["--seconds", "0.4", "--items", "100", "--users", "100"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert "twice of it" in ran.output and "in the first second after" in ran.output


def test_the_latency_at_shares_of_the_capacity_is_measured():
    ran = CliRunner().invoke(latency.main, ["--seconds", "0.2", "--items", "100", "--users", "100"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    rows = [line for line in ran.output.splitlines() if line.startswith("| ")]
    assert len(rows) == len(latency.SHARES) and all(line.count("|") == 5 for line in rows)
