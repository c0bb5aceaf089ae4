"""docs/partners.md is of the clients as they are locked."""

import re

import pytest

from tests.clients.report import PAGE
from tests.clients.rows import HERE, ClientRow, all_rows


@pytest.mark.parametrize("row", all_rows(), ids=lambda row: row.name)
def test_each_client_has_a_line(row: ClientRow):
    assert f"| {row.partner} | {row.language}: `{row.package}` {row.version} | {row.pointed} |" in PAGE.read_text()


def test_no_lock_file_names_a_registry():
    locks = [*HERE.glob("*/package-lock.json"), *HERE.glob("*/requirements.txt")]
    assert locks and not [path for path in locks if re.search('"resolved"|index-url|registry', path.read_text())]
