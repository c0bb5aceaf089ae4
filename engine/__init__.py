"""The front door: all that the gateway may import. What is behind a name is loaded when somebody asks for the name: a
process that needs an error and a file's lines does not wait for SQL and numpy."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.attribution.figures import Figure as Figure
    from engine.backups.place import Backup as Backup
    from engine.backups.relocating import relocate_folders as relocate_folders
    from engine.backups.restoring import list_backups as list_backups, restore as restore
    from engine.backups.taking import back_up as back_up
    from engine.cohorts.cohorts import EVERYONE as EVERYONE, Cohort as Cohort
    from engine.commands import perform_command as perform_command
    from engine.control.control import TrainingBudget as TrainingBudget
    from engine.control.fields import decoded as decoded
    from engine.control.operation import perform as perform
    from engine.control.quotas import QuotaUse as QuotaUse
    from engine.data.bell_watch import BellWatch as BellWatch, buckets_to_watch as buckets_to_watch
    from engine.data.guess import (
        grown_schema as grown_schema,
        guess_schema as guess_schema,
        infer_schema as infer_schema,
    )
    from engine.data.replicas import ReplicaEntry as ReplicaEntry
    from engine.data.schema import parse_schema as parse_schema
    from engine.data.snapshot import Snapshot as Snapshot
    from engine.data.source import ImportSource as ImportSource, SourceFile as SourceFile, open_source as open_source
    from engine.engine import Engine as Engine
    from engine.errors import (
        AlreadyExists as AlreadyExists,
        Damaged as Damaged,
        EngineError as EngineError,
        InUse as InUse,
        InvalidInput as InvalidInput,
        InvalidNextToken as InvalidNextToken,
        LimitExceeded as LimitExceeded,
        NotFound as NotFound,
        Throttled as Throttled,
        TooManyTagKeys as TooManyTagKeys,
        TooManyTags as TooManyTags,
        Unavailable as Unavailable,
    )
    from engine.evaluation.cohorts import CohortStudy as CohortStudy, Curve as Curve, cohort_curve as cohort_curve
    from engine.evaluation.diversity import (
        DiversityCurve as DiversityCurve,
        DiversityStudy as DiversityStudy,
        diversity_curve as diversity_curve,
    )
    from engine.evaluation.evaluate import evaluate as evaluate
    from engine.evaluation.plot import (
        save_curve as save_curve,
        save_diversity as save_diversity,
        save_plot as save_plot,
    )
    from engine.evaluation.report import EvaluationReport as EvaluationReport
    from engine.examination import Finding as Finding, accept_loss as accept_loss, examine as examine
    from engine.experiments.readings import ListCounts as ListCounts, Readings as Readings, ServingSums as ServingSums
    from engine.experiments.store import (
        Allocation as Allocation,
        ArmAllocation as ArmAllocation,
        ArmAnswer as ArmAnswer,
        ExperimentStore as ExperimentStore,
        Exposure as Exposure,
        UnitOutcome as UnitOutcome,
    )
    from engine.feed.sourcing import (
        OffsetMove as OffsetMove,
        PartitionBounds as PartitionBounds,
        SourceBatch as SourceBatch,
        Sourcing as Sourcing,
    )
    from engine.filters import check_expression as check_expression, split_values as split_values
    from engine.jobs.claims import Capacity as Capacity, Lanes as Lanes, cancel as cancel, renew as renew
    from engine.jobs.retrying import has_failed as has_failed, retry as retry, retry_fault as retry_fault
    from engine.jobs.runner import Runner as Runner
    from engine.jobs.worker import WorkerPool as WorkerPool
    from engine.measure.off_policy import Estimate as Estimate, Estimates as Estimates
    from engine.moving import (
        accept_moved as accept_moved,
        database_url as database_url,
        move_data as move_data,
        without_password as without_password,
    )
    from engine.question import (
        MOST_RESULTS as MOST_RESULTS,
        Cap as Cap,
        Change as Change,
        Diversity as Diversity,
        Event as Event,
        Fatigue as Fatigue,
        NegativeEvent as NegativeEvent,
        PinnedPlace as PinnedPlace,
        Promotion as Promotion,
        Question as Question,
        Ranked as Ranked,
        ServingObjective as ServingObjective,
        Similarity as Similarity,
        Tired as Tired,
    )
    from engine.queue.owner import Owner as Owner
    from engine.queue.queue import Job as Job, Queue as Queue
    from engine.queue.workers import WorkerEntry as WorkerEntry
    from engine.recipe import Recipe as Recipe
    from engine.recipes import RECIPES as RECIPES, check_recipes as check_recipes
    from engine.resources import NegativeDeclaration as NegativeDeclaration, Provisioned as Provisioned
    from engine.rules.rules import (
        Boost as Boost,
        Bury as Bury,
        ListRule as ListRule,
        Pin as Pin,
        RuleBook as RuleBook,
        rule_faults as rule_faults,
    )
    from engine.rules.timetable import RuleSchedule as RuleSchedule
    from engine.serving.explain import Cause as Cause, Explanation as Explanation
    from engine.settings import Settings as Settings
    from engine.storage.write_server import CommandForwarder as CommandForwarder, WriteServer as WriteServer
    from engine.words import in_words as in_words, nul_in as nul_in

_BEHIND = {
    "engine.attribution.figures": ("Figure",),
    "engine.backups.place": ("Backup",),
    "engine.backups.relocating": ("relocate_folders",),
    "engine.backups.restoring": ("list_backups", "restore"),
    "engine.backups.taking": ("back_up",),
    "engine.cohorts.cohorts": ("EVERYONE", "Cohort"),
    "engine.commands": ("perform_command",),
    "engine.control.control": ("TrainingBudget",),
    "engine.control.fields": ("decoded",),
    "engine.words": ("in_words", "nul_in"),
    "engine.control.operation": ("perform",),
    "engine.control.quotas": ("QuotaUse",),
    "engine.data.bell_watch": ("BellWatch", "buckets_to_watch"),
    "engine.data.guess": ("grown_schema", "guess_schema", "infer_schema"),
    "engine.data.replicas": ("ReplicaEntry",),
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
    "engine.feed.sourcing": ("OffsetMove", "PartitionBounds", "SourceBatch", "Sourcing"),
    "engine.filters": ("check_expression", "split_values"),
    "engine.jobs.claims": ("Capacity", "Lanes", "cancel", "renew"),
    "engine.jobs.retrying": ("has_failed", "retry", "retry_fault"),
    "engine.jobs.worker": ("WorkerPool",),
    "engine.queue.owner": ("Owner",),
    "engine.queue.queue": ("Job", "Queue"),
    "engine.jobs.runner": ("Runner",),
    "engine.queue.workers": ("WorkerEntry",),
    "engine.evaluation.cohorts": ("CohortStudy", "Curve", "cohort_curve"),
    "engine.evaluation.diversity": ("DiversityCurve", "DiversityStudy", "diversity_curve"),
    "engine.evaluation.evaluate": ("evaluate",),
    "engine.measure.off_policy": ("Estimate", "Estimates"),
    "engine.evaluation.plot": ("save_curve", "save_diversity", "save_plot"),
    "engine.evaluation.report": ("EvaluationReport",),
    "engine.moving": ("accept_moved", "database_url", "move_data", "without_password"),
    "engine.question": (
        "MOST_RESULTS",
        "Cap",
        "Change",
        "Diversity",
        "Event",
        "Fatigue",
        "NegativeEvent",
        "PinnedPlace",
        "Promotion",
        "Question",
        "Ranked",
        "ServingObjective",
        "Similarity",
        "Tired",
    ),
    "engine.rules.rules": ("Boost", "Bury", "ListRule", "Pin", "RuleBook", "rule_faults"),
    "engine.rules.timetable": ("RuleSchedule",),
    "engine.experiments.readings": ("ListCounts", "Readings", "ServingSums"),
    "engine.recipe": ("Recipe",),
    "engine.recipes": ("RECIPES", "check_recipes"),
    "engine.resources": ("NegativeDeclaration", "Provisioned"),
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
