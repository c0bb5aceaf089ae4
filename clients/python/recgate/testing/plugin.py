"""pytest's plugin: the fixture `local_personalize` is there wherever recgate is installed, and costs nothing unused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from recgate.testing.local import LocalPersonalize


@pytest.fixture(scope="session")
def local_personalize_server() -> Iterator[LocalPersonalize]:
    """One server for the session."""
    from recgate.testing.local import LocalPersonalize

    with LocalPersonalize() as server:
        yield server


@pytest.fixture
def local_personalize(local_personalize_server: LocalPersonalize) -> Iterator[LocalPersonalize]:
    """The session's server, without what another test has declared."""
    local_personalize_server.reset()
    yield local_personalize_server
    local_personalize_server.reset()
