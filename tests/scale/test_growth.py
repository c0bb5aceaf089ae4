"""The measurement of growth, on some thousand rows."""

import re

from click.testing import CliRunner

from loadtests import growth


def test_rows_are_imported_compacted_trained_and_asked():
    ran = CliRunner().invoke(growth.main, ["--rows", "2000", "--model", "popular"])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    for step in ("import", "5,000 events", "a day more", "train popular", "200 answers of each"):
        assert re.search(rf"2,000 rows: {step}: [\d.]+ s, [\d.]+ s of processor time", ran.output), ran.output
    assert re.search(r"2,000 rows: [\d,]+ MB at the highest", ran.output)
