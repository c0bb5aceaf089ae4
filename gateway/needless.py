"""What our libraries load where it is installed, and nobody here uses: httpx's command line, litestar's plugins for
pydantic and attrs, lark's other regular expressions. A sixth of the start."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

MODULES = ("httpx._main", "pydantic", "attr", "regex")
_ABSENT = object()


@contextmanager
def hidden() -> Iterator[None]:
    """Imports that find none of them, as if they were not installed; code that needs them after all may load them
    later."""
    for name in MODULES:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in MODULES:
            if sys.modules.get(name, _ABSENT) is None:
                del sys.modules[name]
