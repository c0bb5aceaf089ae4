from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine.batch.world import Batches


@pytest.fixture(scope="package")
def batches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batches]:
    world = Batches(tmp_path_factory.mktemp("batches")).stock()
    yield world
    world.close()
