"""The names of answers: `RID-` and a UUID, whose first 48 bits say which campaign or recommender answered.

So any process traces an answer back at once, with nothing to remember; the other bits are random, or a hash of the
answer. Among a thousand campaigns two share their 48 bits with a probability of 2e-9.
"""

from __future__ import annotations

import os
import re
from collections import deque
from functools import lru_cache
from hashlib import blake2b

SPELLED = re.compile(r"RID-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
TAG = slice(4, 17)  # of a name
AT_ONCE = 256  # UUIDs

_randomness: deque[str] = deque()  # 32 hexadecimal digits each
os.register_at_fork(after_in_child=_randomness.clear)  # no two processes have the same


def random_uuid() -> str:
    """A random UUID (version 4, RFC 9562 §5.4). The system is asked for randomness once for many."""
    while True:
        try:
            digits = _randomness.pop()
            break
        except IndexError:
            block = os.urandom(16 * AT_ONCE).hex()
            _randomness.extend([block[at : at + 32] for at in range(0, len(block), 32)])
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def named(source: str, identifier: str) -> str:
    """The name of an answer that `source` (an ARN) gave; `identifier` is a UUID that no other answer has."""
    return f"RID-{tag(source)}{identifier[13:]}"


def stable(source: str, *parts: str) -> str:
    """The name that all answers of `source` with these parts have."""
    digits = blake2b("\0".join((source, *parts)).encode(), digest_size=16).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]  # as a UUID of version 5 has it
    return f"RID-{tag(source)}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


@lru_cache(4096)
def tag(source: str) -> str:
    """The first 13 characters of a UUID."""
    digits = blake2b(source.encode(), digest_size=6).hexdigest()
    return f"{digits[:8]}-{digits[8:]}"


def tag_of(name: str) -> str | None:
    """The tag in an answer's name; None for what is no such name."""
    return name[TAG] if SPELLED.match(name) else None
