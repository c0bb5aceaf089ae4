"""An app for each test; and one that the tests of a module share, for tests that leave nothing behind in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from tests.gateway.serve.world import Clock, SmallEngine, app_over


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(tmp_path: Path) -> SmallEngine:
    return SmallEngine(tmp_path)


@pytest.fixture
def client(engine: SmallEngine, clock: Clock) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(engine, clock)) as client:
        yield client


@pytest.fixture(scope="module")
def shared_engine(tmp_path_factory: pytest.TempPathFactory) -> SmallEngine:
    return SmallEngine(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="module")
def shared_client(shared_engine: SmallEngine) -> Iterator[TestClient[Any]]:
    with TestClient(app_over(shared_engine)) as client:
        yield client
