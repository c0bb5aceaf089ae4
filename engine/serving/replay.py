"""Answers that were given, put to another campaign: what it would have shown instead, for off-policy estimates.

Each question is asked again with the user's history as it was before the answer, through the same filters, and with the
other campaign's rules of that moment. What is said about items, and how often each was shown, is as it is now. Of what
the user was tired then nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from engine.data import entries
from engine.data.group import Group
from engine.data.log import Log
from engine.errors import InvalidInput
from engine.impressions.segment import ShownAnswer
from engine.measure.off_policy import Shows
from engine.question import Question
from engine.rank.explore import inclusion
from engine.serving.deployments import Deployed
from engine.serving.question_filters import FilteredQuestion
from engine.serving.ranking import LiveState, ranking_context

PAGE = 10_000
Outcomes = Mapping[tuple[str, str], set[str]]  # (recommendationId, user or session) -> items

REPLAYED = ("USER_PERSONALIZATION", "POPULAR_ITEMS")  # kinds of recipes whose questions the shown log holds whole


def check(answered: Deployed, instead: Deployed) -> None:
    for each in (answered, instead):
        if each.recipe.kind not in REPLAYED:
            raise InvalidInput(f"{each.campaign.name}: answers of the type {each.recipe.kind} can't be replayed.")
    if answered.group_uid != instead.group_uid:
        raise InvalidInput(f"{instead.campaign.name} is of another dataset group than {answered.campaign.name}.")


def outcomes_of(log: Log, group: str, answers: Iterable[ShownAnswer], event_type: str | None) -> Outcomes:
    """The items that users acted on, by events that name one of the answers; of one type, or of any."""
    wanted = {answer.name for answer in answers}
    outcomes: dict[tuple[str, str], set[str]] = {}
    seq = 0
    while records := log.read(seq, group=group, limit=PAGE):
        seq = records[-1].seq
        for record in records:
            if record.kind != "event":
                continue
            event = entries.read_interaction(record.body)
            named, item = event.recommendation_id, event.item
            if named in wanted and item is not None and event_type in (None, event.event_type):
                for who in {event.user or event.session, event.session}:
                    outcomes.setdefault((named, who), set()).add(item)
    return outcomes


def shows_of(
    answers: Sequence[ShownAnswer],
    outcomes: Outcomes,
    instead: Deployed,
    group: Group,
    asked: Callable[[ShownAnswer, Question], FilteredQuestion],
) -> Shows:
    """`asked` puts an answer's question to the other campaign. A reward is 1 where the user did something with the item
    that the answer showed."""
    rows: list[tuple[int, int, float, float, float]] = []
    targets: list[tuple[int, int, float]] = []
    for number, answer in enumerate(answers):
        chances = _chances(answer, instead, group, asked)
        targets += [(number, item, chance) for item, chance in chances.items()]
        done = outcomes.get((answer.name, answer.user or ""), ())
        for item, propensity in zip(answer.items, answer.propensities or (1.0,) * len(answer.items), strict=True):
            index = group.items.find(item)
            rows.append((number, index, propensity, float(item in done), chances.get(index, 0.0)))
    shown = np.array(rows, np.float64).reshape(-1, 5)
    target = np.array(targets, np.float64).reshape(-1, 3)
    listed = shown[shown[:, 1] >= 0]
    return Shows(
        len(answers),
        listed[:, 0].astype(np.int32),
        listed[:, 1].astype(np.int32),
        propensity=listed[:, 2],
        reward=listed[:, 3],
        target=listed[:, 4],
        target_answer=target[:, 0].astype(np.int32),
        target_item=target[:, 1].astype(np.int32),
        target_chance=target[:, 2],
    )


def _chances(
    answer: ShownAnswer,
    instead: Deployed,
    group: Group,
    asked: Callable[[ShownAnswer, Question], FilteredQuestion],
) -> dict[int, float]:
    """Item -> the probability that the other campaign would have shown it."""
    question = Question(
        campaign=instead.campaign.arn,
        user=answer.user,
        num_results=max(1, len(answer.items)),
        filter_values=answer.filter_values,
    )
    live = LiveState.of(group, answer.user).before(int(answer.at))
    context = ranking_context(asked(answer, question), instead, live, answer.at)
    items, chances = inclusion(context.explorer, context.best, context.explorable, context.room)
    return dict.fromkeys(context.pins.items.tolist(), 1.0) | dict(zip(items.tolist(), chances.tolist(), strict=True))
