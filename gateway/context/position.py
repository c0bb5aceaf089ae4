"""Positions in the event log: an acknowledgement carries one, and a request that sends it is answered from there on."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.errors import Invalid

POSITION = "x-recgate-position"  # of an acknowledgement, and of a request that must see it
BEHIND = "x-recgate-behind"  # of an answer that may lack acknowledged events: the position that it has seen
LONGEST = 18  # digits


def position_in(headers: Mapping[str, str]) -> int:
    """The position that a request asks for; 0: none. Raises `Invalid`."""
    text = headers.get(POSITION)
    if text is None:
        return 0
    if not text.isdecimal() or len(text) > LONGEST:
        raise Invalid("ValidationError", f"X-Recgate-Position is a number, as acknowledgements have it, not {text!r}")
    return int(text)
