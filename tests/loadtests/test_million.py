"""The measurement of a large import, on a thousandth of its rows."""

import re

from click.testing import CliRunner

from loadtests import million


def test_all_rows_are_imported_within_the_limits():
    ran = CliRunner().invoke(million.main, ["--rows", "1000"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    found = re.search(r"ACTIVE: ([\d,]+) kept, ([\d,]+) repeated", ran.output)
    assert found is not None and sum(int(count.replace(",", "")) for count in found.groups()) == 1_000
    assert "1,000 interactions imported in " in ran.output and "MiB of memory" in ran.output
