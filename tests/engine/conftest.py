from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.shop import Shop


@pytest.fixture
def open_shop(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Opens shops over one data directory; all are closed at the end."""
    opened: list[Shop] = []

    def open_one(**how: Any) -> Shop:
        opened.append(Shop(tmp_path, **{"start": 1000 * len(opened), **how}))
        return opened[-1]

    yield open_one
    for shop in opened:
        shop.close()


@pytest.fixture
def shop(open_shop: Callable[..., Shop]) -> Shop:
    """Furnished with all three datasets and a tracker."""
    return open_shop().furnish()
