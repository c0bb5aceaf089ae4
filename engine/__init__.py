"""The front door: all that the gateway may import."""

from engine.engine import Engine
from engine.errors import (
    AlreadyExists,
    EngineError,
    InUse,
    InvalidInput,
    InvalidNextToken,
    LimitExceeded,
    NotFound,
    TooManyTagKeys,
    TooManyTags,
    Unavailable,
)
from engine.question import Change, Event, Question, Ranked
from engine.settings import Settings

__all__ = [
    "AlreadyExists",
    "Change",
    "Engine",
    "EngineError",
    "Event",
    "InUse",
    "InvalidInput",
    "InvalidNextToken",
    "LimitExceeded",
    "NotFound",
    "Question",
    "Ranked",
    "Settings",
    "TooManyTagKeys",
    "TooManyTags",
    "Unavailable",
]
