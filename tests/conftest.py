"""What is run side by side, where there is more than one process for tests: files, whole and in order."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent
# tests/test_operations.py asks what those before it have done, in the same process
OPERATIONS = ("aws", "flows", "test_operations.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        place = item.path.relative_to(ROOT)
        group = "operations" if place.parts[0] in OPERATIONS else place.as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
