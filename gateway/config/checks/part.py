"""The one function that checks any part."""

from __future__ import annotations

from functools import singledispatch

from gateway.config import document
from gateway.config.report import Report


@singledispatch
def check(part: document.Part, place: str, report: Report) -> None:
    """Refuses what cannot work, and warns of what probably was not meant."""
