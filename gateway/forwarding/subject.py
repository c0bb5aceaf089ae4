"""The user that a request is about, wherever the request says so: in its path, its query or its body."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

import msgspec

BY_PATH = frozenset({b"recommend-items", b"rerank-items", b"cohorts", b"explain-items"})  # /WORD/namespace/name/user
IN_QUERY = re.compile(rb"(?:^|&)(?:userId|sessionId)=([^&]+)", re.IGNORECASE)  # aliases may spell it userID
USER, SESSION = (re.compile(rb'"%b"\s*:\s*("(?:[^"\\]|\\.)*")' % name) for name in (b"userId", b"sessionId"))


def subject_of(path: bytes, query: bytes, body: bytes) -> bytes:
    """The user's id, or the session's where no user is named; b"" where neither is."""
    parts = path.split(b"/", 5)
    if len(parts) > 4 and parts[1] in BY_PATH:
        return unquote_to_bytes(parts[4])
    if body:
        found = USER.search(body) or SESSION.search(body)
        return b"" if found is None else _text(found[1])
    found = IN_QUERY.search(query)
    return b"" if found is None else unquote_to_bytes(found[1].replace(b"+", b" "))


def _text(quoted: bytes) -> bytes:
    try:
        return msgspec.json.decode(quoted, type=str).encode(errors="replace")
    except msgspec.DecodeError:  # whoever answers says what is wrong with it
        return quoted
