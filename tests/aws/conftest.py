"""A world a test, on one server and three boto3 clients. To test a whole server, replace `stage`, `world` and `url`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws import record
from tests.aws.flow import Flow
from tests.aws.world import Clients, Stage, World, app_of, served


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    first = World(tmp_path_factory.mktemp("first"))
    yield Stage(first)
    first.database.close()


@pytest.fixture(scope="session")
def url(stage: Stage) -> Iterator[str]:
    with served(app_of(stage)) as url:
        yield url


@pytest.fixture(scope="session")
def aws(url: str) -> Iterator[Clients]:
    clients = Clients(url)
    yield clients
    clients.close()


@pytest.fixture
def pending_s() -> float:
    """How long resources of the test's world are pending; a module of tests may say otherwise."""
    return 0.0


@pytest.fixture(autouse=True)
def world(stage: Stage, tmp_path: Path, pending_s: float) -> Iterator[World]:
    stage.world = World(tmp_path, pending_s=pending_s)
    yield stage.world
    stage.world.database.close()


@pytest.fixture
def flow(aws: Clients, world: World) -> Flow:
    return Flow(aws.personalize, world.finish)


@pytest.fixture(scope="module", autouse=True)
def operations(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test of a module runs the operations that OPERATIONS.md names it for."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed == failed and not os.environ.get("RECGATE_WRITE_OPERATIONS"):
        file = request.node.nodeid
        ran = {item.nodeid.partition("[")[0] for item in request.session.items if item.nodeid.startswith(f"{file}::")}
        assert record.missing(ran) == []
