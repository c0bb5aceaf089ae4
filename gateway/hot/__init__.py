"""Cached answers that go out before HTTP is parsed.

`heads` reads the fields of a request once, `entry` is an answer that may go out again, `cache` says until when, and
`second_level` shares entries between workers. An unusual request goes the ordinary way, and its answer is the same.
"""

from gateway.hot.cache import HotCache
from gateway.hot.counters import HitCounters
from gateway.hot.entry import TICKET, TRACED
from gateway.hot.second_level import SecondLevel

__all__ = ["TICKET", "TRACED", "HitCounters", "HotCache", "SecondLevel"]
