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
    from engine.control.operation import OPERATIONS as OPERATIONS, perform as perform
    from engine.control.quotas import QuotaUse as QuotaUse
    from engine.data.bell_watch import BellWatch as BellWatch, buckets_to_watch as buckets_to_watch
    from engine.data.guess import (
        grown_schema as grown_schema,
        guess_schema as guess_schema,
        infer_schema as infer_schema,
    )
    from engine.data.options import ImportOptions as ImportOptions, options_of as options_of
    from engine.data.readers import TIME_TEXTS as TIME_TEXTS, RowForm as RowForm, cell_of as cell_of
    from engine.data.replicas import ReplicaEntry as ReplicaEntry
    from engine.data.schema import parse_schema as parse_schema
    from engine.data.snapshot import Snapshot as Snapshot
    from engine.data.source import ImportSource as ImportSource, SourceFile as SourceFile, open_source as open_source
    from engine.doctor.diagnosis import diagnose_files as diagnose_files, diagnose_group as diagnose_group
    from engine.doctor.filtered import (
        sampled_users as sampled_users,
    )
    from engine.doctor.insight import Diagnosis as Diagnosis, Insight as Insight
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
    from engine.extras import check_installed as check_installed
    from engine.feed.partial_rows import (
        ColumnChange as ColumnChange,
        FittingProperties as FittingProperties,
        MergedRows as MergedRows,
        Omitted as Omitted,
        PartialRow as PartialRow,
    )
    from engine.feed.sourcing import (
        OffsetMove as OffsetMove,
        PartitionBounds as PartitionBounds,
        SourceBatch as SourceBatch,
        Sourcing as Sourcing,
    )
    from engine.filters import check_expression as check_expression, split_values as split_values
    from engine.impressions.ids import random_uuid as random_uuid
    from engine.inspection.cards import (
        Cards as Cards,
        ItemCard as ItemCard,
        group_arn_of as group_arn_of,
        live_group as live_group,
    )
    from engine.inspection.comparing import (
        VersionComparison as VersionComparison,
        compared as compared,
    )
    from engine.inspection.groups import (
        GroupView as GroupView,
        ImportView as ImportView,
        check_idle as check_idle,
        deletions as deletions,
        group_view as group_view,
        group_views as group_views,
        import_of as import_of,
    )
    from engine.inspection.items import (
        ItemProfile as ItemProfile,
        edit_item as edit_item,
        hide_item as hide_item,
        item_profile as item_profile,
    )
    from engine.inspection.looks import (
        look as look,
        look_many as look_many,
        looked_up as looked_up,
        of_version as of_version,
    )
    from engine.inspection.models import (
        ModelOverview as ModelOverview,
        model_overview as model_overview,
        models as models,
        solution_of as solution_of,
        version_arn as version_arn,
    )
    from engine.inspection.operations import (
        CsvFile as CsvFile,
        Operations as Operations,
        delete_user as delete_user,
        delete_users_by as delete_users_by,
    )
    from engine.inspection.pipeline import PipelineStage as PipelineStage, pipeline as pipeline
    from engine.inspection.trials import (
        FilterTrial as FilterTrial,
        FilterTrialRequest as FilterTrialRequest,
        RuleTrial as RuleTrial,
        RuleTrialRequest as RuleTrialRequest,
        filter_status as filter_status,
        named_filters as named_filters,
        try_filter as try_filter,
        try_rules as try_rules,
    )
    from engine.inspection.users import (
        UserProfile as UserProfile,
        user_profile as user_profile,
    )
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
        ShownList as ShownList,
        Similarity as Similarity,
        Tired as Tired,
    )
    from engine.queue.owner import Owner as Owner
    from engine.queue.queue import Job as Job, Queue as Queue
    from engine.queue.workers import WorkerEntry as WorkerEntry
    from engine.rank.explore import Exploration as Exploration, next_draw as next_draw
    from engine.recipe import Recipe as Recipe
    from engine.recipes import RECIPES as RECIPES, check_recipes as check_recipes
    from engine.records import FilterRecord as FilterRecord
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
    from engine.serving.deployments import (
        Deployed as Deployed,
    )
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
    "engine.control.operation": ("OPERATIONS", "perform"),
    "engine.control.quotas": ("QuotaUse",),
    "engine.data.bell_watch": ("BellWatch", "buckets_to_watch"),
    "engine.data.guess": ("grown_schema", "guess_schema", "infer_schema"),
    "engine.data.options": ("ImportOptions", "options_of"),
    "engine.data.readers": ("TIME_TEXTS", "RowForm", "cell_of"),
    "engine.data.replicas": ("ReplicaEntry",),
    "engine.data.schema": ("parse_schema",),
    "engine.data.snapshot": ("Snapshot",),
    "engine.data.source": ("ImportSource", "SourceFile", "open_source"),
    "engine.doctor.diagnosis": ("diagnose_files", "diagnose_group"),
    "engine.doctor.insight": ("Diagnosis", "Insight"),
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
    "engine.feed.partial_rows": ("ColumnChange", "FittingProperties", "MergedRows", "Omitted", "PartialRow"),
    "engine.feed.sourcing": ("OffsetMove", "PartitionBounds", "SourceBatch", "Sourcing"),
    "engine.filters": ("check_expression", "split_values"),
    "engine.inspection.cards": (
        "Cards",
        "ItemCard",
        "group_arn_of",
        "live_group",
    ),
    "engine.inspection.comparing": (
        "VersionComparison",
        "compared",
    ),
    "engine.inspection.groups": (
        "GroupView",
        "ImportView",
        "check_idle",
        "deletions",
        "group_view",
        "group_views",
        "import_of",
    ),
    "engine.inspection.items": (
        "ItemProfile",
        "edit_item",
        "hide_item",
        "item_profile",
    ),
    "engine.inspection.looks": (
        "look",
        "look_many",
        "looked_up",
        "of_version",
    ),
    "engine.inspection.models": (
        "ModelOverview",
        "model_overview",
        "models",
        "solution_of",
        "version_arn",
    ),
    "engine.inspection.operations": ("CsvFile", "Operations", "delete_user", "delete_users_by"),
    "engine.inspection.pipeline": ("PipelineStage", "pipeline"),
    "engine.inspection.trials": (
        "FilterTrial",
        "FilterTrialRequest",
        "RuleTrial",
        "RuleTrialRequest",
        "filter_status",
        "named_filters",
        "try_filter",
        "try_rules",
    ),
    "engine.inspection.users": (
        "UserProfile",
        "user_profile",
    ),
    "engine.doctor.filtered": ("sampled_users",),
    "engine.serving.deployments": ("Deployed",),
    "engine.extras": ("check_installed",),
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
        "ShownList",
        "Similarity",
        "Tired",
    ),
    "engine.impressions.ids": ("random_uuid",),
    "engine.rank.explore": ("Exploration", "next_draw"),
    "engine.rules.rules": ("Boost", "Bury", "ListRule", "Pin", "RuleBook", "rule_faults"),
    "engine.rules.timetable": ("RuleSchedule",),
    "engine.experiments.readings": ("ListCounts", "Readings", "ServingSums"),
    "engine.recipe": ("Recipe",),
    "engine.recipes": ("RECIPES", "check_recipes"),
    "engine.records": ("FilterRecord",),
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
