"""`{name}` in the URLs and headers of HTTP origins: every value percent-encoded or refused, never taken as syntax."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

NAME = re.compile(r"\{([A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)?)\}")
UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")  # what is never encoded, as most ids
STRAY = re.compile(r"[{}]")


@dataclass(frozen=True)
class Template:
    """Text with a value of each of the `names`; `format` has %s where they stand."""

    format: str
    names: tuple[str, ...]

    def filled(self, value_of: Callable[[str], str], encode: Callable[[str], str]) -> str:
        """Raises what `value_of` raises for the first name that has no value."""
        return self.format % tuple([encode(value_of(name)) for name in self.names])


def template(text: str) -> Template:
    """Raises `ValueError` for a brace that is part of no name."""
    parts = NAME.split(text)
    stray = next((piece for piece in parts[::2] if STRAY.search(piece)), None)
    if stray is not None:
        raise ValueError(f"has a brace that belongs to no {{name}}: {stray!r}")
    return Template("%s".join(piece.replace("%", "%%") for piece in parts[::2]), tuple(parts[1::2]))


def in_url(value: str) -> str:
    return value if UNRESERVED.fullmatch(value) else quote(value, safe="")


def in_header(value: str) -> str:
    """Visible characters as they are; what would end the header, or is none of its characters, encoded."""
    return quote(value, safe=" !\"#$&'()*+,/:;<=>?@[]^`{|}~")
