"""Negative events: what of a history is left, and that no list of any kind has what its user does not want."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import NegativeEvent, Promotion, Question, Tired
from engine.data import entries
from engine.data.group import Group
from engine.data.log import Logged
from engine.data.negative_events import NegativeEvents, NegativeType
from engine.data.snapshot import snapshot_of
from engine.filters import compile_filter
from engine.rank.aversion import Aversion, Lowering
from engine.rank.explore import Exploration
from engine.recipe import Query
from engine.serving import explain, serve
from engine.serving.deployments import Deployed
from engine.serving.question_filters import FilteredQuestion
from tests.engine.shop import Shop
from tests.engine.test_serve import Asked, ask, deployed

ITEMS = 30
NEGATIVE = {"recgate:negativeEvents": '["dislike", "Hide"]'}


def group_of(*events: tuple[str, int, str, float | None], items: int = ITEMS) -> Group:
    """Events of users, as (user, item, type, value), a second apart."""
    group = Group("g")
    for item in range(items):
        group.items.add(f"i{item}")
    for seq, (user, item, kind, value) in enumerate(events, 1):
        event = entries.Interaction(user, f"s-{user}", f"i{item}", kind, 10.0 + seq, value)
        group.apply(Logged(seq, "g", "event", user, entries.encode(event), 0.0))
    return group


def likes(model: Any, *, scores: bool = True, kind: str = "USER_PERSONALIZATION", **more: Any) -> Deployed:
    return replace(deployed(model, kind, scores=scores), **{"group_tags": NEGATIVE, "seq": 0, **more})


def named(*types: str) -> list[NegativeEvent]:
    return [NegativeEvent(event_type=each) for each in types]


class Ties:
    """A score of its own for every item, and some for those tied to what is in the history or to the current item."""

    def __init__(self, seed: int) -> None:
        draw = np.random.default_rng(seed)
        self.own = draw.normal(size=ITEMS).astype(np.float32)
        self.own[draw.random(ITEMS) < 0.1] = -np.inf
        self.ties = (draw.random((ITEMS, ITEMS)) * (draw.random((ITEMS, ITEMS)) < 0.3)).astype(np.float32)
        self.queries: list[Query] = []

    def __call__(self, query: Query) -> Any:
        self.queries.append(query)
        items = query.history if query.item < 0 else np.array([query.item])
        return self.own + self.ties[items].sum(axis=0)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ([], {"dislike": NegativeType(), "hide": NegativeType()}),
        ([{"eventType": "Dislike", "weight": -0.5}, {"eventType": "buy", "weight": 0.25}], 2.0),
        ([{"eventType": "dislike", "weight": 0.5}], None),
        ([{"eventType": "dislike", "weight": 0.0}, {"eventType": "buy"}], 1.0),
    ],
)
def test_an_events_config_has_the_last_word(parameters: list[dict[str, Any]], expected: Any):
    types = NegativeEvents.of(named("dislike", "Hide"), parameters).types
    if isinstance(expected, dict):
        assert types == expected
    else:
        assert types.get("dislike", NegativeType(None, 0)).strength == (expected or 0)


def test_the_model_hears_of_no_negative_event_and_of_nothing_that_is_unwanted():
    group = group_of(("u", 1, "view", None), ("u", 2, "DISLIKE", None), ("u", 3, "view", None), ("u", 1, "hide", None))
    scorer = Asked((1.0,) * ITEMS)
    answer = ask(group, likes(scorer), user="u", num_results=ITEMS)
    assert scorer.queries[-1].history.tolist() == [3]
    assert set(answer.items) == {f"i{n}" for n in range(ITEMS)} - {"i1", "i2"}


def test_trends_count_no_negative_event():
    group = group_of(("u", 1, "view", None), ("v", 2, "dislike", None), ("w", 3, "view", None))
    scorer = Asked((1.0,) * ITEMS)
    ask(group, likes(scorer), user="u")
    assert scorer.queries[-1].stream.recent()[0].tolist() == [1, 3]


def test_a_threshold_is_of_the_events_value():
    parameters = ({"eventType": "view"}, {"eventType": "boredom", "weight": -1.0, "eventValueThreshold": 0.5})
    group = group_of(("u", 1, "boredom", 0.4), ("u", 2, "boredom", 0.5), ("u", 3, "boredom", None), ("u", 4, "view", 9))
    scorer = Asked((1.0,) * ITEMS)
    answer = ask(group, likes(scorer, event_parameters=parameters), user="u", num_results=ITEMS)
    assert scorer.queries[-1].history.tolist() == [4]  # below its threshold a negative type says nothing at all
    assert set(answer.items) == {f"i{n}" for n in range(ITEMS)} - {"i2"}


@pytest.mark.parametrize(
    ("kinds", "unwanted"),
    [
        ("dislike", True),
        ("dislike like", False),
        ("like dislike", True),
        ("dislike view", True),
        ("dislike Like dislike", True),
        ("dislike like hide", True),
        ("hide like", True),
        ("dislike hide like", True),
    ],
)
def test_a_later_event_takes_a_negative_one_back(kinds: str, unwanted: bool):
    tags = {"recgate:negativeEvents": '["hide", {"eventType": "dislike", "undoneBy": ["like"]}]'}
    group = group_of(("u", 3, "view", None), *(("u", 2, kind, None) for kind in kinds.split()), ("u", 4, "view", None))
    scorer = Asked((1.0,) * ITEMS)
    answer = ask(group, likes(scorer, group_tags=tags), user="u", num_results=ITEMS)
    assert ("i2" not in answer.items) == unwanted
    positive = [] if unwanted else [2] * sum(kind.casefold() not in ("dislike", "hide") for kind in kinds.split())
    assert scorer.queries[-1].history.tolist() == [3, *positive, 4]


def test_values_come_in_the_order_of_the_history():
    draw = np.random.default_rng(3)
    group = Group("g")
    for seq in range(1, 60):
        value = float(draw.integers(100))
        event = entries.Interaction(None, f"s{seq % 3}", f"i{int(value)}", "view", float(draw.integers(9)), value)
        if seq % 3 == 0:
            event = entries.Interaction("u", "s0", f"i{int(value)}", "view", float(draw.integers(9)), value)
        group.apply(Logged(seq, "g", "event", "u", entries.encode(event), 0.0))
    history = group.history("u")
    assert len({len(part) for part in history}) == 1 and history.times.tolist() == sorted(history.times.tolist())
    assert [f"i{int(value)}" for value in history.values] == group.items.names(history.items)


def test_a_snapshot_leaves_them_out():
    types = np.array([0, 1, 0, 2])
    snapshot = snapshot_of(
        np.array([0, 0, 1, 1]), np.arange(4), np.arange(4), types=types, event_types=("view", "DisLike", "buy")
    )
    assert NegativeEvents.of(named("dislike")).left_out(snapshot).items.tolist() == [0, 2, 3]
    assert NegativeEvents.of(named("other")).left_out(snapshot) is snapshot


def test_a_ranking_keeps_what_is_unwanted_behind_what_is_unknown():
    group = group_of(("u", 2, "dislike", None))
    model = likes(Asked(tuple(map(float, range(ITEMS)))), kind="PERSONALIZED_RANKING")
    assert ask(group, model, user="u", candidates=("i2", "new", "i1", "i3")).items == ("i3", "i1", "new", "i2")


def slow(scores: Any, aversion: Aversion, are_logits: bool) -> list[float]:
    """Item by item, as the rule is written."""
    finite = [score for score in scores.tolist() if score > -np.inf]
    low = min(finite, default=0.0)
    lowered = []
    for item, score in enumerate(scores.tolist()):
        odds = np.prod([each.odds[each.items == item][0] for each in aversion.lowerings if item in each.items])
        value = score if score == -np.inf else score + np.log(odds) if are_logits else low + odds * (score - low)
        lowered.append((item in aversion.gone, item in aversion.last, -value))
    order = sorted(range(len(scores)), key=lambda item: (lowered[item], item))
    return [item for item in order if scores[item] > -np.inf and item not in aversion.gone]


@pytest.mark.parametrize("seed", range(20))
def test_an_aversion_is_the_rule_item_by_item(seed: int):
    draw = np.random.default_rng(seed)
    scores = draw.normal(size=ITEMS).astype(np.float32) * 3
    scores[draw.random(ITEMS) < 0.2] = -np.inf
    picks = [np.sort(draw.choice(ITEMS + 5, draw.integers(6), replace=False)).astype(np.int32) for _ in range(4)]
    lowerings = [Lowering("fatigue", each, draw.uniform(0.1, 0.9, len(each)).astype(np.float32)) for each in picks[:2]]
    aversion = Aversion(picks[2], np.setdiff1d(picks[3], picks[2]), tuple(lowerings))
    for are_logits in (True, False):
        averse = aversion.of(scores, are_logits)
        order = [item for item in np.lexsort((np.arange(ITEMS), -averse)).tolist() if averse[item] > -np.inf]
        assert order == slow(scores, aversion, are_logits)


@pytest.mark.parametrize("seed", range(25))
def test_no_list_of_any_kind_has_what_its_user_does_not_want(seed: int):
    draw = np.random.default_rng(seed)
    types = ("view", "buy", "dislike", "HIDE")
    events = [("u", int(draw.integers(ITEMS)), types[draw.integers(4)], None) for _ in range(draw.integers(1, 25))]
    group = group_of(*events)
    unwanted = {f"i{item}" for _, item, kind, _ in events if kind in ("dislike", "HIDE")}
    kind = ("USER_PERSONALIZATION", "POPULAR_ITEMS", "RELATED_ITEMS")[draw.integers(3)]
    model = Ties(seed)
    recipe = replace(likes(model, kind=kind).recipe, exploration=Exploration(1.0) if draw.random() < 0.5 else None)
    answering = likes(model, kind=kind, scores=kind == "USER_PERSONALIZATION", recipe=recipe)
    answering = replace(answering, recipe=replace(recipe, scores=kind == "USER_PERSONALIZATION"))
    filters = ('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("buy")',)[: draw.integers(2)]
    tired = tuple(f"i{n}" for n in draw.choice(ITEMS, 8, replace=False))
    question: dict[str, Any] = {"user": "u", "num_results": int(draw.integers(1, ITEMS)), "item": "i0"}
    question["fatigue"] = Tired(tired, float(draw.choice([0.0, 0.5])))
    answer = ask(group, answering, *filters, **question)
    bought = {f"i{item}" for _, item, kind, _ in events if kind == "buy"} if filters else set()
    known = {f"i{n}" for n in range(ITEMS) if model.own[n] > -np.inf}
    left = known - unwanted - bought
    assert not set(answer.items) & (unwanted | bought)
    if recipe.exploration is None:
        assert len(answer.items) == min(question["num_results"], len(left))
    if question["fatigue"].weight == 0 and recipe.exploration is None:  # a tired one only for want of others
        assert not set(answer.items) & set(tired) or set(answer.items) >= left - set(tired)
    for item in sorted(unwanted):
        told = explained(group, answering, item, filters, question)
        assert told.place is None and told.cause in ("unwanted", "filtered")


def explained(
    group: Group, model: Deployed, item: str, filters: tuple[str, ...], question: dict[str, Any]
) -> explain.Explanation:
    asked = FilteredQuestion(Question(campaign="c", **question), tuple(map(compile_filter, filters)), labels=filters)
    return explain.explain(asked, item, model, group, 99.0)


def test_a_promotion_promotes_nothing_unwanted():
    group = group_of(("u", 4, "dislike", None))
    promotion = Promotion(name="p", percent=50, expression="")
    promoting = compile_filter('INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("dislike")')
    asked = FilteredQuestion(Question(campaign="c", user="u", num_results=4, promotion=promotion), (), promoting)
    answer = serve.answer(asked, likes(Asked((1.0,) * ITEMS)), group, as_of=0, now=99.0, new_id=lambda: "0" * 36)
    assert "i4" not in answer.items and len(answer.items) == 4


def test_what_is_like_an_unwanted_item_is_lowered_by_the_models_own_ties():
    model = Ties(1)
    model.own[:] = 0
    group = group_of(("u", 4, "dislike", None))
    shares = dict(zip(*lists(ask(group, likes(model), user="u", num_results=ITEMS)), strict=True))
    tied = sorted((name for name in shares if model.ties[4, int(name[1:])] > 0.5), key=lambda name: shares[name])
    free = [name for name in shares if model.ties[4, int(name[1:])] == 0]
    assert tied and max(shares[name] for name in tied) < min(shares[name] for name in free)


def lists(answer: Any) -> tuple[tuple[str, ...], tuple[float, ...]]:
    return answer.items, answer.scores


def test_a_batch_job_leaves_out_what_users_do_not_want(open_shop: Callable[..., Shop], tmp_path: Path):
    shop = open_shop().furnish("INTERACTIONS")
    shop.load_clicks(*(f"u{user} g{good} {user}" for user in range(12) for good in range(user)))
    negative = {"tagKey": "recgate:negativeEvents", "tagValue": '["dislike"]'}
    shop.do("TagResource", resourceArn=shop.group, tags=[negative])
    version = shop.train()
    shop.click("ann", "g0", event_type="dislike")
    (tmp_path / "in.json").write_text('{"userId": "ann"}\n{"userId": "bob"}\n')
    shop.do(
        "CreateBatchInferenceJob",
        jobName="b",
        solutionVersionArn=version,
        numResults=3,
        jobInput={"s3DataSource": {"path": f"file://{tmp_path}/in.json"}},
        jobOutput={"s3DataDestination": {"path": f"file://{tmp_path}/out/"}},
        roleArn="arn:aws:iam::000000000000:role/r",
    )
    shop.work()
    lines = (tmp_path / "out" / "in.json.out").read_text().splitlines()
    ann, bob = (json.loads(line)["output"]["recommendedItems"] for line in lines)
    assert (ann, bob) == (["g1", "g2", "g3"], ["g0", "g1", "g2"])


def test_a_tag_counts_at_once_and_until_it_goes(open_shop: Callable[..., Shop]):
    shop = open_shop().furnish("INTERACTIONS")
    shop.load_clicks(*(f"u{user} g{good} {user}" for user in range(6) for good in range(user)))
    shop.deploy(shop.train())
    shop.click("ann", "g0", event_type="dislike")
    assert shop.ask("ann")[0] == "g0"
    negative = {"tagKey": "recgate:negativeEvents", "tagValue": '["dislike"]'}
    shop.do("TagResource", resourceArn=shop.group, tags=[negative])
    shop.engine.feed.catch_up()
    assert shop.ask("ann")[0] == "g1" and "g0" not in shop.ask("ann")
    shop.do("UntagResource", resourceArn=shop.group, tagKeys=["recgate:negativeEvents"])
    shop.engine.feed.catch_up()
    assert shop.ask("ann")[0] == "g0"
