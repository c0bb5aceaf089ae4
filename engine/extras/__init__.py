"""Libraries that an extra of the package brings: training and texts need them, answering does not.

They are ten times the size of all else together, so an installation that only serves goes without.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from engine.data.schema import Schema
from engine.errors import MissingExtra

TORCH, OPTUNA, WORDLLAMA = "torch", "optuna", "wordllama"
EXTRAS = {TORCH: "train", OPTUNA: "train", WORDLLAMA: "text"}
NO_WORDLLAMA = (3, 14)  # the first Python that it has no wheel for


def check_installed(libraries: Iterable[str], purpose: str) -> None:
    """Raises `MissingExtra` for the first library that is not installed; `purpose` is a clause that its name ends, such
    as "The recipe x trains with"."""
    for library in libraries:
        if find_spec(library) is None:
            raise MissingExtra(message_of(library, purpose))


@contextmanager
def importing(library: str, purpose: str) -> Iterator[None]:
    """Raises `MissingExtra` where what is imported within finds the library missing."""
    try:
        yield
    except ModuleNotFoundError as missing:
        if missing.name != library:
            raise
        raise MissingExtra(message_of(library, purpose)) from missing


def message_of(library: str, purpose: str) -> str:
    """The missing library, and the command that installs it."""
    wanted = f"'recgate[{EXTRAS[library]}]'" if library in EXTRAS else library  # of an installed recipe's own
    message = f"{purpose} {library}, which is not installed: pip install {wanted}"
    if library == WORDLLAMA and sys.version_info >= NO_WORDLLAMA:
        return f"{message}, under Python 3.13 or older, as {library} has no wheel for a newer one"
    return message


def text_libraries(items: Schema | None) -> tuple[str, ...]:
    """The libraries that read the texts of items; none where their schema has no textual field."""
    return (WORDLLAMA,) if items is not None and any(field.textual for field in items.fields) else ()
