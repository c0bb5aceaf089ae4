"""One trained world; a server over a copy of it for the tests that change it little."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server.world import CONFIG, Server, build, running


@pytest.fixture(scope="package")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("trained") / "data")


@pytest.fixture(scope="package")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "shop.yaml"
    path.write_text(CONFIG)
    return path


@pytest.fixture(scope="package")
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
