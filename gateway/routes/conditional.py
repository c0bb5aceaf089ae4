"""RFC 9110's reading of If-None-Match: `*`, or a list of entity tags, compared weakly."""

from __future__ import annotations

import re

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def not_modified(if_none_match: str, etag: str) -> bool:
    if not if_none_match or not etag:
        return False
    return if_none_match.strip() == "*" or etag in _TAG.findall(if_none_match)
