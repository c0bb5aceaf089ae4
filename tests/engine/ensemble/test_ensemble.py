"""How a blend is chosen, scaled and answered, where the right choice is known."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from engine.data.columns import Floats
from engine.data.snapshot import Snapshot
from engine.ensemble import likelihood
from engine.ensemble.blend import bagged, clearly_better, fitted_scale, grown, ndcg_of
from engine.ensemble.choice import FittedSplit, _active_blend, best_column_or, candidates, choose, own_gains
from engine.ensemble.likelihood import MOST, likeliest
from engine.ensemble.member import ScorerColumn, standard
from engine.ensemble.members import MEMBERS
from engine.ensemble.plan import IN_SESSION, Blend, EnsemblePlan, Options
from engine.ensemble.pool import CandidatePool, own_ndcg, pool_of
from engine.ensemble.scorer import Ensemble, situation
from engine.ensemble.training import plan_of, train
from engine.measure.split import EvaluationCase
from engine.recipe import Query, silent
from tests.engine.recipes.worlds import START, chain, checkerboard, grocery, groups, rows_of

PLAIN = Options(epochs=0)
DATA_END = 1_700_000_000
ITEMS = 100


def knowing(cases: list[EvaluationCase], share: float, seed: int):  # type: ignore[no-untyped-def]
    """A column that puts the answer of a `share` of the cases first, and knows nothing of the others."""
    draw = np.random.default_rng(seed)
    noise = {case.history.tobytes(): draw.normal(size=ITEMS).astype(np.float32) for case in cases}
    for case in cases:
        if draw.random() < share:
            noise[case.history.tobytes()][case.truth] += 6
    return lambda query: noise[query.history.tobytes()]


@pytest.fixture
def cases() -> list[EvaluationCase]:
    draw = np.random.default_rng(0)
    return [
        EvaluationCase(np.array([k], np.int32), np.array([0]), draw.integers(ITEMS, size=1).astype(np.int32), 0.0)
        for k in range(90)
    ]


def test_a_blend_takes_what_helps_and_leaves_the_rest(cases: list[EvaluationCase]) -> None:
    columns = [knowing(cases, share, seed) for seed, share in enumerate((0.0, 0.6, 0.6))]
    pool = pool_of(columns, cases, remove_seen=False)
    weights = likeliest(pool)
    assert weights[0] == 0 and min(weights[1:]) > 0.1
    assert ndcg_of(pool, weights).mean() > max(own_ndcg(columns, cases, remove_seen=False).max(), 0.6)


def test_a_walk_takes_what_helps_and_leaves_the_rest(cases: list[EvaluationCase]) -> None:
    columns = [knowing(cases, share, seed) for seed, share in enumerate((0.0, 0.6, 0.6))]
    pool = pool_of(columns, cases, remove_seen=False)
    weights = bagged(pool, seed=0)
    assert weights[0] < 0.1 < min(weights[1:])
    assert ndcg_of(pool, weights).mean() > own_ndcg(columns, cases, remove_seen=False).max()
    assert ndcg_of(pool, grown(pool)).mean() > 0.6


@pytest.mark.parametrize("factors", [(1.0, 3.0), (0.01, 200.0)])
def test_weights_are_those_by_which_answers_were_drawn(factors: tuple[float, float]) -> None:
    """Answers drawn from the softmax of a weighted sum; a third column is noise, and a fourth is against it."""
    draw = np.random.default_rng(0)
    scores = draw.normal(size=(4, 3_000, ITEMS)).astype(np.float32) * np.array([*factors, 1, 1])[:, None, None]
    scores[3] -= scores[0] / factors[0]
    logits = scores[0] / factors[0] + 0.5 * scores[1] / factors[1] + draw.gumbel(size=scores.shape[1:])
    truth = logits.argmax(axis=1)[:, None]
    ones = np.ones((len(truth), 1), np.float32)
    weights = likeliest(
        CandidatePool(scores.astype(np.float32), truth, ones, ones[:, 0], np.ones(scores.shape[1:], np.float32))
    )
    assert weights[0] * factors[0] == pytest.approx(2 * weights[1] * factors[1], rel=0.15)
    assert not weights[2:].any()
    assert weights.sum() == pytest.approx(1)


def test_a_column_that_is_always_right_is_enough(cases: list[EvaluationCase]) -> None:
    columns = [knowing(cases, share, seed) for seed, share in enumerate((0.5, 1.0))]
    columns[1] = lambda query, right=columns[1]: 100 * right(query)
    pool = pool_of(columns, cases, remove_seen=False)
    assert ndcg_of(pool, likeliest(pool)).mean() > 0.99


def test_only_columns_that_are_asked_for_are_weighed(
    cases: list[EvaluationCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the others were not there, however many cases are looked at together."""
    pool = pool_of([knowing(cases, share, seed) for seed, share in enumerate((0.6, 0.9, 0.6))], cases, False)
    weights = likeliest(pool, [0, 2])
    assert weights[1] == 0 < min(weights[[0, 2]])
    monkeypatch.setattr(likelihood, "BLOCK", 1)
    alone = likeliest(replace(pool, scores=pool.scores[[0, 2]]))
    np.testing.assert_allclose(alone, weights[[0, 2]], rtol=1e-4)


def test_few_columns_are_kept(cases: list[EvaluationCase]) -> None:
    pool = pool_of([knowing(cases, 0.3, seed) for seed in range(10)], cases, remove_seen=False)
    assert 1 < np.count_nonzero(likeliest(pool)) <= MOST


def test_columns_that_say_nothing_have_no_weight(cases: list[EvaluationCase]) -> None:
    silent_ones = [lambda query: np.zeros(ITEMS, np.float32)] * 2
    assert not likeliest(pool_of(silent_ones, cases, remove_seen=False)).any()


def test_a_column_is_judged_with_the_popularity_that_every_blend_has(cases: list[EvaluationCase]) -> None:
    """Alone it can not tell the answer from what it has as well."""
    popular = np.arange(ITEMS, dtype=np.float32)
    asked = [replace(case, truth=np.array([ITEMS - 1], np.int32)) for case in cases]
    columns = [ScorerColumn(member, {}, {}) for member in ("popularity", "own")]
    scores = [lambda query: popular, lambda query: np.zeros(ITEMS, np.float32)]
    assert own_ndcg(scores, asked, remove_seen=False)[1] == 0
    split = FittedSplit(columns, scores, asked, False)
    assert ndcg_of(split.judged(split.pool), np.array([0, 1], np.float32)).mean() == pytest.approx(1)


def test_a_column_that_tells_nothing_does_not_stand_for_popularity(cases: list[EvaluationCase]) -> None:
    popular = np.arange(ITEMS, dtype=np.float32)
    asked = [replace(case, truth=np.array([ITEMS - 1], np.int32)) for case in cases]
    columns = [ScorerColumn(member, {}, {}) for member in ("own", "popularity")]
    trial = FittedSplit(columns, [lambda query: np.zeros(ITEMS, np.float32), lambda query: popular], asked, False)
    assert _active_blend(trial)[0].weights == (0, 1)


def test_no_blend_stands_that_one_column_clearly_beats(cases: list[EvaluationCase]) -> None:
    pool = pool_of([knowing(cases, share, seed) for seed, share in enumerate((0.1, 0.9))], cases, remove_seen=False)
    weights, ndcg = best_column_or(np.array([0.9, 0.1], np.float32), pool, own_gains(pool))
    assert weights.tolist() == [0, 1] and ndcg == pytest.approx(ndcg_of(pool, weights).mean())
    even = np.array([0.5, 0.5], np.float32)
    alike = pool_of([knowing(cases, 0.5, seed) for seed in (2, 3)], cases, remove_seen=False)
    assert best_column_or(even, alike, own_gains(alike))[0] is even


def test_what_counts_for_more_weighs_more(cases: list[EvaluationCase]) -> None:
    """Two columns that are right of half the cases each, of which one half is worth nine times the other."""
    first, second = cases[:45], cases[45:]
    worth = [replace(case, gains=np.array([0.9 if case.history[0] < 45 else 0.1], np.float32)) for case in cases]
    columns = [knowing(first, 1, 0), knowing(second, 1, 1)]
    noise = np.random.default_rng(2).normal(size=(90, ITEMS)).astype(np.float32)
    either = [
        lambda query, column=column, own=own: column(query) if query.history[0] in own else noise[query.history[0]]
        for column, own in zip(columns, (range(45), range(45, 90)), strict=True)
    ]
    weights = likeliest(pool_of(either, worth, remove_seen=False))
    assert weights[0] > 1.5 * weights[1]


def test_a_pool_ranks_as_the_catalogue_does(cases: list[EvaluationCase]) -> None:
    columns = [knowing(cases, 0.4, seed) for seed in range(3)]
    pool = pool_of(columns, cases, remove_seen=True)
    alone = [ndcg_of(pool, np.eye(3, dtype=np.float32)[place]).mean() for place in range(3)]
    np.testing.assert_allclose(alone, own_ndcg(columns, cases, remove_seen=True), atol=1e-5)


def test_noise_is_not_clearly_better() -> None:
    draw = np.random.default_rng(0)
    gains = draw.random(400)
    assert clearly_better(gains + 0.1 + 0.01 * draw.random(400), gains)
    assert not clearly_better(draw.permutation(gains), gains)


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_the_scale_makes_probabilities_true(scale: float) -> None:
    """Answers drawn from a softmax at a known scale: the fitted one is near it."""
    draw = np.random.default_rng(1)
    scores = draw.normal(size=(600, ITEMS)).astype(np.float32)
    chance = np.exp(scale * scores) / np.exp(scale * scores).sum(axis=1, keepdims=True)
    answers = [draw.choice(ITEMS, p=row / row.sum()) for row in chance.astype(float)]
    drawn = [
        EvaluationCase(np.array([k], np.int32), np.array([0]), np.array([a], np.int32), 0.0)
        for k, a in enumerate(answers)
    ]

    def score(query: Query) -> Floats:
        return scores[query.history[0]]

    assert fitted_scale(score, drawn, remove_seen=False) == pytest.approx(scale, rel=0.3)


def test_standard() -> None:
    np.testing.assert_allclose(standard(np.array([1, 2, 3], np.float32)), [-1.2247, 0, 1.2247], atol=1e-4)
    assert not standard(np.full(3, 7, np.float32)).any()


@pytest.mark.parametrize(
    ("world", "members"), [(chain(), {"markov", "regression"}), (grocery(), {"own"})], ids=["chain", "grocery"]
)
def test_the_choice_suits_the_world(world: Snapshot, members: set[str]) -> None:
    plan = choose(world, PLAIN, 0, silent)
    heaviest = plan.columns[int(np.argmax(plan.active.weights))]
    assert heaviest.member in members


def test_where_nobody_can_choose_nothing_is_fitted() -> None:
    """Too few cases: the blend is an even one, whatever the candidates would say."""
    messages: list[str] = []
    plan = choose(chain(users=9), PLAIN, 0, lambda _, message: messages.append(message))
    assert messages and not [message for message in messages if message.startswith("fitting")]
    assert plan.active.cases == plan.returning.cases == plan.new.cases == 0
    assert sorted(column.member for column in plan.columns) == ["ease", "markov", "popularity"]


def test_where_nobody_returns_nothing_is_fitted_for_them() -> None:
    visits = rows_of([(user, (user + k) % 12, START + user * 86_400 + k) for user in range(40) for k in range(4)])
    messages: list[str] = []
    plan = choose(visits, PLAIN, 0, lambda _, message: messages.append(message))
    assert plan.active.cases == 80 and plan.returning == plan.active
    assert "fitting for returning users" not in messages


def test_without_recency_nothing_favours_the_recent() -> None:
    columns = candidates(groups(), Options(epochs=0, recency=False))
    assert all(column.reading.get("power", 0) == 0 for column in columns)
    assert not any(MEMBERS[column.member].by_recency for column in columns)


def fashion(seed: int = 0) -> Snapshot:
    """Everyone wants the season's three items, whoever they are and whatever they had before; then comes another."""
    draw = np.random.default_rng(seed)
    days = 40
    rows = []
    for user in range(600):
        for day in np.unique(draw.integers(days, size=1 + user % 2)).tolist():
            rows += [
                (user, day // 8 * 3 + item, START + day * 86_400 + user) for item in draw.permutation(3)[:2].tolist()
            ]
    return rows_of(rows, item_names=[str(i) for i in range(days)])


def test_new_users_get_what_is_recent_where_that_is_what_counts() -> None:
    snapshot = fashion()
    plan = choose(snapshot, PLAIN, 0, silent)
    best = plan.columns[int(np.argmax(plan.new.weights))]
    assert best.member == "recent"


def personal(plan: EnsemblePlan) -> float:
    """The share of the returning users' weights that hears of them."""
    heard = [MEMBERS[column.member].hears != "nobody" for column in plan.columns]
    return float(np.dot(plan.returning.weights, heard) / np.sum(plan.returning.weights))


def visits(choices: Callable[[int, np.random.Generator], Sequence[int]], users: int = 120) -> Snapshot:
    """Everyone comes on four of forty days, and chooses two items each time."""
    draw = np.random.default_rng(0)
    return rows_of(
        [
            (user, item, START + day * 86_400 + user)
            for user in range(users)
            for day in np.sort(draw.choice(40, 4, replace=False)).tolist()
            for item in choices(user, draw)
        ],
        item_names=[str(item) for item in range(60)],
    )


def test_returning_users_get_what_everyone_does_where_chance_decides() -> None:
    """Popularity alone counts: few cases must not be read as tastes."""
    popular = (1 / (np.arange(60) + 1)) / (1 / (np.arange(60) + 1)).sum()
    plan = choose(visits(lambda user, draw: draw.choice(60, 2, replace=False, p=popular).tolist()), PLAIN, 0, silent)
    assert plan.returning.cases >= 20
    assert personal(plan) == 0


def test_returning_users_get_their_own_where_tastes_decide() -> None:
    plan = choose(visits(lambda user, draw: (user % 6 * 10 + draw.permutation(10)[:2]).tolist()), PLAIN, 0, silent)
    assert plan.returning.cases >= 20
    assert personal(plan) > 0.5


def test_the_situation_decides_the_blend() -> None:
    model = train(fashion(), PLAIN, 0, silent)
    plan, score = plan_of(model), Ensemble(model)
    assert plan.active.weights != plan.returning.weights
    history, times = np.array([3], np.int32), np.array([START])
    fresh, stale = (score(Query(history, times, now=START + away)) for away in (60, IN_SESSION + 60))
    assert not np.allclose(fresh, stale)
    np.testing.assert_array_equal(fresh, score(Query(history, times)))


def test_seen_items_are_demoted_only_where_repeats_are_rare() -> None:
    assert choose(checkerboard(), PLAIN, 0, silent).seen_penalty > 5
    assert choose(grocery(), PLAIN, 0, silent).seen_penalty == 0


@pytest.mark.parametrize(
    ("now", "last", "answers"),
    [
        (DATA_END + 60, DATA_END, "active"),
        (DATA_END + 86_400, DATA_END, "returning"),
        (DATA_END + 86_400, DATA_END - 10 * 86_400, "returning"),
        (DATA_END + 86_400, DATA_END + 86_400 - 60, "active"),
        (DATA_END + 31 * 86_400, DATA_END, "returning"),  # however old the model
        (0, DATA_END, "active"),
    ],
)
def test_the_situation_is_told_by_the_clock_and_the_history(now: int, last: int, answers: str):
    blends = {name: Blend((1.0,), scale, 0.0, 0) for scale, name in enumerate(("active", "returning", "new"))}
    plan = EnsemblePlan((), **blends, seen_penalty=0.0, repeats=0.0, tried={})
    query = Query(history=np.array([0], np.int32), times=np.array([last], np.int64), now=float(now))
    assert situation(plan, query, 1) == blends[answers]
    assert situation(plan, query, 0) == blends["new"]
