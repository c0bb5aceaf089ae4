"""Looks at what models answer: questions as users ask them, of which nothing is remembered or counted as shown."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.engine import Engine
from engine.errors import EngineError, InvalidInput, NotFound
from engine.question import Question, Ranked
from engine.records import CampaignRecord, SolutionVersionRecord
from engine.serving import serve
from engine.serving.deployments import Deployed

HIDDEN_ID = "RID-look"


def looked_up(engine: Engine, model: str, version: str = "") -> Deployed:
    """A campaign's or recommender's model as it answers now, or another version of it, loaded for this look.

    Raises `NotFound`, and `InvalidInput` for a version that has no model.
    """
    deployed = engine.answers.deployed(model)
    if not version or deployed.model.rpartition("/")[2] == version:
        return deployed
    record = deployed.campaign
    if not isinstance(record, CampaignRecord):
        raise InvalidInput(f"{model} is a recommender: only its newest model is kept.")
    arn = f"{record.solution_arn}/{version}"
    found = engine.records.find(arn, SolutionVersionRecord)
    if found is None:
        raise NotFound(f"There is no solution version {arn}.")
    if found.status != "ACTIVE":
        raise InvalidInput(f"The solution version {arn} is {found.status}: it has no model.")
    return engine.deployments.load(msgspec.structs.replace(record, solution_version_arn=arn))


def look(engine: Engine, question: Question, deployed: Deployed) -> Ranked:
    """One answer. Raises as `Answers.recommend` does."""
    (ranked,) = look_many(engine, (question,), deployed)
    if isinstance(ranked, EngineError):
        raise ranked
    return ranked


def look_many(engine: Engine, questions: Sequence[Question], deployed: Deployed) -> list[Ranked | EngineError]:
    """One answer each, or what is wrong with the question."""
    group = engine.answers.campaigns.group(deployed)
    try:
        filters = engine.answers.filters
        asked = [filters.of_question(uncounted(engine, each, deployed), deployed) for each in questions]
    except EngineError as error:
        return [error] * len(questions)
    at, now = engine.follower.applied, engine.clock()
    return serve.answers(asked, deployed, group, as_of=at, now=now, new_id=lambda: HIDDEN_ID)


def uncounted(engine: Engine, question: Question, deployed: Deployed) -> Question:
    """The question with what its user is tired of, by the campaign's own rule."""
    rule = deployed.fatigue
    if rule is None or question.user is None or question.fatigue is not None or question.candidates is not None:
        return question
    tired = engine.answers.tired(deployed.campaign.arn, question.user, rule)
    return msgspec.structs.replace(question, fatigue=tired)


def of_version(deployed: Deployed) -> str:
    """The last part of its model's name: a version's eight digits."""
    return deployed.model.rpartition("/")[2]
