"""One server for all clients, and a second with a low rate limit; the clients run while tests wait for them."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from loadtests.chromium import chromium
from tests.clients.report import PAGE, page
from tests.clients.rows import all_rows
from tests.clients.world import LIMIT, Runs, Store, access_keys_of, keys_of, server_of
from tests.server.world import Server, running

OUTCOMES: dict[str, dict[str, str]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--short", action="store_true", help="clients for Python alone, which need no Node and no browser")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave clients of other languages out where the short form is asked for."""
    if not config.getoption("--short"):
        return
    short = [item for item in items if _is_short(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in short])
    items[:] = short


def _is_short(item: pytest.Item) -> bool:
    assert isinstance(item, pytest.Function)
    row = item.callspec.params.get("row") if hasattr(item, "callspec") else None
    return "browser" not in item.fixturenames and (row is None or row.language == "Python")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(server_of(tmp_path_factory.mktemp("clients") / "open", all_rows())) as started:
        yield started


@pytest.fixture(scope="session")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder, rows = tmp_path_factory.mktemp("clients") / "limited", all_rows()
    more = {"rateLimits": {"perKey": LIMIT}, "auth": keys_of(rows), "aws": access_keys_of(rows)}
    with running(server_of(folder, rows, **more)) as started:
        yield started


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest, server: Server, limited: Server) -> Iterator[Runs]:
    """Of the clients whose folders are tested now."""
    folders = {Path(item.path).parent for item in request.session.items}
    languages = {"Python"} if request.config.getoption("--short") else {"Python", "Node"}
    rows = [row for row in all_rows() if row.folder in folders and row.language in languages]
    started = Runs(rows, server, limited)
    yield started
    started.close()


@pytest.fixture(scope="session")
def store(server: Server) -> Store:
    return Store(server)


@pytest.fixture(scope="session")
def limited_store(limited: Server) -> Store:
    return Store(limited)


@pytest.fixture(scope="session")
def outcomes() -> MutableMapping[str, dict[str, str]]:
    """By row: what the client was told by its own callback (`success`), and how it bore a refusal (`failure`)."""
    return OUTCOMES


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Write the report where every client was tried, and passed."""
    tried = {name for name, outcome in OUTCOMES.items() if {"success", "failure"} <= outcome.keys()}
    if exitstatus == 0 and tried == {row.name for row in all_rows()}:
        PAGE.write_text(page(all_rows(), OUTCOMES))
