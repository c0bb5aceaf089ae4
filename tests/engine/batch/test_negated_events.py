"""A negated test of EVENT_TYPE keeps what IN with the opposite action keeps, in every answer of one shop."""

from __future__ import annotations

from typing import Any

import pytest

from engine import Question
from tests.engine.batch.world import Batches

EVERYTHING = tuple(f"i{n}" for n in range(12))
PAIRS = [
    ("INCLUDE {} WHERE {}.EVENT_TYPE NOT IN ('click')", "EXCLUDE {} WHERE {}.EVENT_TYPE IN ('click')"),
    ("EXCLUDE {} WHERE {}.EVENT_TYPE != 'click'", "INCLUDE {} WHERE {}.EVENT_TYPE = 'click'"),
]


@pytest.mark.parametrize("pair", PAIRS)
def test_every_answer_follows_it(batches: Batches, pair: tuple[str, str]):
    """Recommendations, a ranked list, related items, explanations, answers of batch jobs and segments."""
    for recipe in ("aws-popularity-count", "aws-personalized-ranking", "aws-sims"):
        batches.deploy(batches.version(recipe), f"negated-{PAIRS.index(pair)}-{recipe}")
    for item, event_type in (("i0", "click"), ("i4", "click"), ("i4", "buy"), ("i5", "buy")):
        batches.click("mixed", item, 90_000, event_type=event_type)
    negated, plain = (answers(batches, n, PAIRS.index(pair), each) for n, each in enumerate(pair))
    assert negated == plain
    assert all((item in ("i0", "i4")) == pair[0].startswith("EXCLUDE") for item in negated[0]) and negated[0]


def answers(batches: Batches, n: int, pair: int, expression: str) -> list[Any]:
    text, prefix = expression.format("ItemID", "Interactions"), f"negated-{pair}-"
    users = batches.filter(f"users-{n}-{pair}", expression.format("UserID", "Interactions"))
    items = batches.filter(f"items-{n}-{pair}", text)
    batches.engine.feed.catch_up()
    ask: dict[str, Any] = {"user": "mixed", "expression": text, "num_results": 12}
    home = Question(campaign=f"{prefix}aws-popularity-count", **ask)
    ranking = Question(campaign=f"{prefix}aws-personalized-ranking", candidates=EVERYTHING, **ask)
    return [
        batches.engine.answers.recommend(home).items,
        batches.engine.answers.recommend(ranking).items,
        batches.engine.answers.recommend(Question(campaign=f"{prefix}aws-sims", item="i2", **ask)).items,
        [batches.engine.answers.explain(home, item).cause == "filtered" for item in EVERYTHING],
        batches.answers("aws-popularity-count", {"userId": "mixed"}, filterArn=items)[0]["output"],
        batches.segments("aws-item-affinity", {"itemId": "i4"}, filterArn=users)[0]["output"],
    ]
