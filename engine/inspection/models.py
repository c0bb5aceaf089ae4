"""Models as operators see them: versions beside baselines, what a blend chose and why, and trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from engine.arns import name_of
from engine.control.schedule import USUAL_DAYS, days_of
from engine.engine import Engine
from engine.errors import InvalidInput, NotFound
from engine.inspection.cards import Inspected
from engine.queue.queue import Job
from engine.records import (
    CampaignRecord,
    DatasetGroupRecord,
    RecommenderRecord,
    SolutionRecord,
    SolutionVersionRecord,
)

NDCG = "NDCG@10 on validation, alone"
SITUATIONS = {
    "active": "users in the middle of a visit",
    "returning": "users with a history who come back",
    "new": "users without a history",
}
Summary = CampaignRecord | RecommenderRecord | SolutionRecord


class BlendPart(Inspected, frozen=True, kw_only=True):
    """A scorer's weight in a blend, and its NDCG@10 alone on the validation of users in a visit."""

    scorer: str
    weight: float
    alone: float | None = None


class BlendChoice(Inspected, frozen=True, kw_only=True):
    situation: str
    ndcg: float
    cases: int
    weights: list[BlendPart]
    why: str


class TrainingJob(Inspected, frozen=True, kw_only=True):
    id: int
    state: str
    fraction: float
    message: str


class ModelVersion(Inspected, frozen=True, kw_only=True):
    """`baselines` are NDCG@10 of simple scorers on the version's own validation, beside which its blends stand."""

    version: str
    arn: str
    status: str
    deployed: bool
    created: float
    trained: float | None = None
    training_hours: float | None = None
    mode: str
    training_type: str
    failure_reason: str | None = None
    metrics: dict[str, float]
    baselines: dict[str, float]
    blends: list[BlendChoice]
    protocol: str | None = None
    forecast: str | None = None
    job: TrainingJob | None = None


class ModelOverview(Inspected, frozen=True, kw_only=True):
    """A campaign, a recommender, or a solution that no campaign answers with. `previous` is what a rollback deploys."""

    model: str
    kind: Literal["campaign", "recommender", "solution"]
    arn: str
    group: str
    recipe: str
    status: str
    version: str | None = None
    previous: str | None = None
    trains_every_days: int | None = None
    next_training: float | None = None
    versions: list[ModelVersion]


def models(engine: Engine, groups: frozenset[str] | None = None) -> list[ModelOverview]:
    """All models of the settings' account; `groups` are ARNs of the dataset groups that may be seen, None: all."""
    account, records = engine.settings.account_id, engine.records
    campaigns = _living(records.list(CampaignRecord, account=account), groups)
    recommenders = _living(records.list(RecommenderRecord, account=account), groups)
    used = {each.solution_arn for each in campaigns if isinstance(each, CampaignRecord)}
    solutions = _living(records.list(SolutionRecord, account=account), groups)
    idle = [each for each in solutions if each.arn not in used]
    jobs = {job.arn: job for job in reversed(engine.jobs.newest(1000)) if job.kind in ("training", "recommending")}
    return [_overview(engine, each, jobs) for each in (*campaigns, *recommenders, *idle)]


def model_overview(engine: Engine, model: str, groups: frozenset[str] | None = None) -> ModelOverview:
    """Raises `NotFound`, naming those that there are."""
    every = models(engine, groups)
    for each in every:
        if model in (each.model, each.arn):
            return each
    names = ", ".join(each.model for each in every) or "none"
    raise NotFound(f"There is no model {model}; there are: {names}.")


def _living(records: Sequence[Any], groups: frozenset[str] | None) -> list[Summary]:
    return [
        each for each in records if each.deleted_at is None and (groups is None or each.dataset_group_arn in groups)
    ]


def _overview(engine: Engine, record: Summary, jobs: Mapping[str, Job]) -> ModelOverview:
    versions, solution = _versions(engine, record)
    deployed = record.solution_version_arn if isinstance(record, CampaignRecord) else ""
    listed = [_version(each, deployed, jobs.get(each.arn)) for each in reversed(versions)]
    if isinstance(record, RecommenderRecord):
        listed = [_model_of(record, jobs.get(record.arn))]
        deployed = record.solution_version_arn
    days = USUAL_DAYS if solution is None else days_of(solution.solution_config)
    next_training = record.next_training_at if solution is None and isinstance(record, RecommenderRecord) else None
    if solution is not None:
        next_training = solution.next_training_at
    recipe = solution.recipe_arn if solution is not None else getattr(record, "recipe_arn", "")
    return ModelOverview(
        model=record.name,
        kind=record.kind,  # type: ignore[arg-type]
        arn=record.arn,
        group=engine.records.get(record.dataset_group_arn, DatasetGroupRecord).name,
        recipe=name_of(recipe),
        status=record.status,
        version=deployed.rpartition("/")[2] or None,
        previous=previous_version(versions, deployed),
        trains_every_days=days if next_training is not None else None,
        next_training=next_training,
        versions=listed,
    )


def _versions(engine: Engine, record: Summary) -> tuple[list[SolutionVersionRecord], SolutionRecord | None]:
    """The versions of its solution, oldest first, and the solution."""
    if isinstance(record, RecommenderRecord):
        return [], None
    arn = record.solution_arn if isinstance(record, CampaignRecord) else record.arn
    versions = engine.records.list(SolutionVersionRecord, parent=arn)
    return [each for each in versions if each.deleted_at is None], engine.records.find(arn, SolutionRecord)


def previous_version(versions: Sequence[SolutionVersionRecord], deployed: str) -> str | None:
    """The newest version with a model that is older than the deployed one; None where there is none."""
    arns = [each.arn for each in versions if each.status == "ACTIVE" or each.arn == deployed]
    at = arns.index(deployed) if deployed in arns else 0
    return arns[at - 1].rpartition("/")[2] if at > 0 else None


def _version(record: SolutionVersionRecord, deployed: str, job: Job | None) -> ModelVersion:
    chosen = record.chosen
    return ModelVersion(
        version=record.arn.rpartition("/")[2],
        arn=record.arn,
        status=record.status,
        deployed=record.arn == deployed,
        created=record.creation_date_time,
        trained=record.last_updated_date_time if record.status == "ACTIVE" else None,
        training_hours=record.training_hours,
        mode=record.training_mode,
        training_type=record.training_type,
        failure_reason=record.failure_reason,
        metrics=record.metrics,
        baselines=_baselines(chosen),
        blends=_blends(chosen),
        protocol=chosen.get("protocol"),
        forecast=record.forecast.get("words"),
        job=_job(job),
    )


def _model_of(record: RecommenderRecord, job: Job | None) -> ModelVersion:
    """The one model that a recommender keeps."""
    return ModelVersion(
        version=record.solution_version_arn.rpartition("/")[2],
        arn=record.solution_version_arn or record.arn,
        status=record.status,
        deployed=bool(record.solution_version_arn),
        created=record.creation_date_time,
        trained=record.trained_at or None,
        mode="FULL",
        training_type="AUTOMATIC",
        failure_reason=record.failure_reason,
        metrics=record.model_metrics,
        baselines={},
        blends=[],
        job=_job(job),
    )


def _job(job: Job | None) -> TrainingJob | None:
    if job is None:
        return None
    return TrainingJob(id=job.id, state=job.state, fraction=round(job.fraction, 4), message=job.message)


def _baselines(chosen: Mapping[str, Any]) -> dict[str, float]:
    """The best of each simple kind of scorer: popularity, one's own frequency, item neighbours, Markov chain, EASE."""
    tried: Mapping[str, float] = chosen.get("tried_ndcg_at_10", {})
    best: dict[str, float] = {}
    for scorer, value in tried.items():
        kind = scorer.split()[0].split("(")[0]
        best[kind] = max(value, best.get(kind, 0.0))
    return dict(sorted(best.items(), key=lambda pair: -pair[1]))


def _blends(chosen: Mapping[str, Any]) -> list[BlendChoice]:
    tried: Mapping[str, float] = chosen.get("tried_ndcg_at_10", {})
    return [
        BlendChoice(
            situation=situation,
            ndcg=blend["validation_ndcg_at_10"],
            cases=blend["validation_cases"],
            weights=[
                BlendPart(scorer=scorer, weight=weight, alone=tried.get(scorer))
                for scorer, weight in sorted(blend["weights"].items(), key=lambda pair: -pair[1])
            ],
            why=_why(situation, blend, tried),
        )
        for situation, blend in chosen.get("blends", {}).items()
    ]


def _why(situation: str, blend: Mapping[str, Any], tried: Mapping[str, float]) -> str:
    who, cases, ndcg = SITUATIONS.get(situation, situation), blend["validation_cases"], blend["validation_ndcg_at_10"]
    if not cases:
        return f"There were too few cases of {who} to choose by: it is the usual blend."
    words = f"These weights ranked what {cases:,} {who} chose next with NDCG@10 {ndcg:.4f}."
    if situation == "active" and tried:
        best = max(tried, key=lambda name: tried[name])
        words += f" The best scorer alone, {best}, came to {tried[best]:.4f} of {len(tried)} that were tried."
    return words


# ---- changes


def version_arn(engine: Engine, model: str, version: str = "") -> tuple[str, str]:
    """The ARNs of a campaign and of a version of its solution; without one, of the version before the deployed one.

    Raises `NotFound` and `InvalidInput`.
    """
    record = engine.answers.campaigns.record(model)
    if record is None:
        raise NotFound(f"There is no model {model}.")
    if not isinstance(record, CampaignRecord):
        raise InvalidInput(f"{model} is a recommender: it keeps only its newest model. Train it again.")
    if version:
        return record.arn, version if ":" in version else f"{record.solution_arn}/{version}"
    versions, _ = _versions(engine, record)
    before = previous_version(versions, record.solution_version_arn)
    if before is None:
        raise InvalidInput(f"{model} has no version before {record.solution_version_arn.rpartition('/')[2]}.")
    return record.arn, f"{record.solution_arn}/{before}"


def solution_of(engine: Engine, arn: str) -> str:
    """The ARN of the solution that a campaign's versions are of, or the solution's own. Raises `InvalidInput`."""
    campaign = engine.records.find(arn, CampaignRecord)
    if campaign is not None:
        return campaign.solution_arn
    if engine.records.find(arn, SolutionRecord) is None:
        raise InvalidInput(f"{arn.rpartition('/')[2]} is a recommender: it trains by itself.")
    return arn
