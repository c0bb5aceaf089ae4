"""Twice the capacity, as small as it gets, against a real server."""

from click.testing import CliRunner

from loadtests import overload


def test_twice_the_capacity_is_tried():
    ran = CliRunner().invoke(overload.main, ["--seconds", "0.4", "--items", "100", "--users", "100"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert "twice of it" in ran.output and "in the first second after" in ran.output
