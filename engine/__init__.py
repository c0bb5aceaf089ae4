"""The front door: all that the gateway may import."""

from engine.cohorts.cohorts import EVERYONE, Cohort
from engine.control.fields import decoded
from engine.control.operation import perform
from engine.data.guess import infer_schema
from engine.data.snapshot import Snapshot
from engine.data.source import Source, SourceFile, open_source
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
from engine.explain import Cause, Explanation
from engine.filters import check_expression
from engine.jobs.queue import Job
from engine.jobs.runner import Runner
from engine.measure.cohorts import Curve, cohort_curve
from engine.measure.evaluate import evaluate
from engine.measure.off_policy import Estimates
from engine.measure.plot import save_curve, save_plot
from engine.measure.report import Report
from engine.question import Change, Event, Promotion, Question, Ranked
from engine.readings import Listed, Readings, Served
from engine.recipes import RECIPES
from engine.settings import Settings
from engine.trials import Answered, Deed, Earned, Exposure, Trials, Weighed

__all__ = [
    "EVERYONE",
    "RECIPES",
    "AlreadyExists",
    "Answered",
    "Cause",
    "Change",
    "Cohort",
    "Curve",
    "Deed",
    "Earned",
    "Engine",
    "EngineError",
    "Estimates",
    "Event",
    "Explanation",
    "Exposure",
    "InUse",
    "InvalidInput",
    "InvalidNextToken",
    "Job",
    "LimitExceeded",
    "Listed",
    "NotFound",
    "Promotion",
    "Question",
    "Ranked",
    "Readings",
    "Report",
    "Runner",
    "Served",
    "Settings",
    "Snapshot",
    "Source",
    "SourceFile",
    "Throttled",
    "TooManyTagKeys",
    "TooManyTags",
    "Trials",
    "Unavailable",
    "Weighed",
    "check_expression",
    "cohort_curve",
    "decoded",
    "evaluate",
    "infer_schema",
    "open_source",
    "perform",
    "save_curve",
    "save_plot",
]
