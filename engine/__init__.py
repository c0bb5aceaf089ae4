"""The front door: all that the gateway may import. What is behind a name is loaded when somebody asks for the name: a
process that needs an error and a file's lines does not wait for SQL and numpy."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.attribution.figures import Figure
    from engine.cohorts.cohorts import EVERYONE, Cohort
    from engine.commands import perform_command
    from engine.control.fields import decoded
    from engine.control.operation import perform
    from engine.data.guess import grown_schema, guess_schema, infer_schema
    from engine.data.schema import parse_schema
    from engine.data.snapshot import Snapshot
    from engine.data.source import ImportSource, SourceFile, open_source
    from engine.engine import Engine
    from engine.errors import (
        AlreadyExists,
        Damaged,
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
    from engine.evaluation.cohorts import CohortStudy, Curve, cohort_curve
    from engine.evaluation.evaluate import evaluate
    from engine.evaluation.plot import save_curve, save_plot
    from engine.evaluation.report import EvaluationReport
    from engine.examination import Finding, accept_loss, examine
    from engine.experiments.readings import ListCounts, Readings, ServingSums
    from engine.experiments.store import Allocation, ArmAllocation, ArmAnswer, ExperimentStore, Exposure, UnitOutcome
    from engine.filters import check_expression
    from engine.jobs.claims import Lanes, cancel, renew
    from engine.jobs.runner import Runner
    from engine.measure.off_policy import Estimate, Estimates
    from engine.question import MOST_RESULTS, Change, Event, Promotion, Question, Ranked
    from engine.queue.owner import Owner
    from engine.queue.queue import Job, Queue
    from engine.recipe import Recipe
    from engine.recipes import RECIPES, check_recipes
    from engine.serving.explain import Cause, Explanation
    from engine.settings import Settings
    from engine.storage.write_server import CommandForwarder, WriteServer
    from engine.words import in_words

_BEHIND = {
    "engine.attribution.figures": ("Figure",),
    "engine.cohorts.cohorts": ("EVERYONE", "Cohort"),
    "engine.commands": ("perform_command",),
    "engine.control.fields": ("decoded",),
    "engine.words": ("in_words",),
    "engine.control.operation": ("perform",),
    "engine.data.guess": ("grown_schema", "guess_schema", "infer_schema"),
    "engine.data.schema": ("parse_schema",),
    "engine.data.snapshot": ("Snapshot",),
    "engine.data.source": ("ImportSource", "SourceFile", "open_source"),
    "engine.engine": ("Engine",),
    "engine.errors": (
        "AlreadyExists",
        "Damaged",
        "EngineError",
        "InUse",
        "InvalidInput",
        "InvalidNextToken",
        "LimitExceeded",
        "NotFound",
        "Throttled",
        "TooManyTagKeys",
        "TooManyTags",
        "Unavailable",
    ),
    "engine.examination": ("Finding", "accept_loss", "examine"),
    "engine.serving.explain": ("Cause", "Explanation"),
    "engine.filters": ("check_expression",),
    "engine.jobs.claims": ("Lanes", "cancel", "renew"),
    "engine.queue.owner": ("Owner",),
    "engine.queue.queue": ("Job", "Queue"),
    "engine.jobs.runner": ("Runner",),
    "engine.evaluation.cohorts": ("CohortStudy", "Curve", "cohort_curve"),
    "engine.evaluation.evaluate": ("evaluate",),
    "engine.measure.off_policy": ("Estimate", "Estimates"),
    "engine.evaluation.plot": ("save_curve", "save_plot"),
    "engine.evaluation.report": ("EvaluationReport",),
    "engine.question": ("MOST_RESULTS", "Change", "Event", "Promotion", "Question", "Ranked"),
    "engine.experiments.readings": ("ListCounts", "Readings", "ServingSums"),
    "engine.recipe": ("Recipe",),
    "engine.recipes": ("RECIPES", "check_recipes"),
    "engine.settings": ("Settings",),
    "engine.experiments.store": (
        "ArmAnswer",
        "UnitOutcome",
        "ArmAllocation",
        "Exposure",
        "ExperimentStore",
        "Allocation",
    ),
    "engine.storage.write_server": ("CommandForwarder", "WriteServer"),
}
_HOMES = {name: module for module, names in _BEHIND.items() for name in names}

if not TYPE_CHECKING:  # or any name would do

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return globals().setdefault(name, getattr(import_module(_HOMES[name]), name))
