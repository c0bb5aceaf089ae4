"""One trained world; a server over a copy of it for the tests that change it little.

Tests of other folders come between these, so what is made once is of the session, not of the package.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server.world import CONFIG, Server, build, running
from tests.services import PostgresServer, postgres_server


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the first process of the tests that wants it, for all."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "trained"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "built").exists():
            build(folder / "data")
            (folder / "built").touch()
    return folder / "data"


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "shop.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="session")
def server(trained: Path, config: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers; tests use users of their own."""
    data = tmp_path_factory.mktemp("served") / "data"
    shutil.copytree(trained, data)
    with running(Server(data, config)) as started:
        yield started


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=10) as client:
        yield client


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server
