"""The front door: all that the gateway may import."""

from engine.control.operation import perform
from engine.data.schema import infer_schema
from engine.engine import Engine
from engine.errors import (
    AlreadyExists,
    EngineError,
    InUse,
    InvalidInput,
    InvalidNextToken,
    LimitExceeded,
    NotFound,
    Throttled,
    TooManyTagKeys,
    TooManyTags,
    Unavailable,
)
from engine.jobs.queue import Job
from engine.jobs.runner import Runner
from engine.question import Change, Event, Question, Ranked
from engine.recipes import RECIPES
from engine.settings import Settings

__all__ = [
    "RECIPES",
    "AlreadyExists",
    "Change",
    "Engine",
    "EngineError",
    "Event",
    "InUse",
    "InvalidInput",
    "InvalidNextToken",
    "Job",
    "LimitExceeded",
    "NotFound",
    "Question",
    "Ranked",
    "Runner",
    "Settings",
    "Throttled",
    "TooManyTagKeys",
    "TooManyTags",
    "Unavailable",
    "infer_schema",
    "perform",
]
