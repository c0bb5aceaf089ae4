"""One server and one S3 for the flows that share them; each flow has a dataset group of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aws.conftest import operations
from tests.flows.cloud import Cloud, cloud

__all__ = ["account", "operations"]


@pytest.fixture(scope="package")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with cloud(tmp_path_factory.mktemp("account")) as found:
        yield found
