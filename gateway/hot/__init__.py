"""Cached answers repeated before HTTP is parsed: heads (what a request's fields mean, read once), memos (answers that
may go out again as they are, and when no longer), short (questions that no memo answers), protocol (the seam with
uvicorn). Whatever is unusual goes the ordinary way, and nobody can tell from outside which way an answer came."""

from gateway.hot.cache import TICKET, TRACED, HotCache
from gateway.hot.second_level import SecondLevel

__all__ = ["TICKET", "TRACED", "HotCache", "SecondLevel"]
