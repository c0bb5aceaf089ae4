"""An index is used where it was measured to be good, and then answers what the exact scan answers."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from engine.data.snapshot import Snapshot
from engine.ensemble import indexing
from engine.ensemble.extension import Extension
from engine.ensemble.plan import IN_SESSION
from engine.ensemble.scorer import Ensemble
from engine.ensemble.training import plan_of
from engine.nearest import cells
from engine.nearest.cells import Index
from engine.rank.topk import top_k
from engine.recipe import Model, Query, silent
from loadtests.blend import blend_of, visits

ITEMS = 6_000
NEW = 50
AWAY = 2 * IN_SESSION


@pytest.fixture(scope="module", autouse=True)
def _few_are_enough() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexing, "FEWEST", ITEMS)
        patch.setattr(cells, "A_CELL", 30)
        yield


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return visits(ITEMS)


@pytest.fixture(scope="module")
def model(snapshot: Snapshot) -> Model:
    return indexing.indexed(blend_of(ITEMS), snapshot, 0, silent)


def grown(model: Model) -> Model:
    """With items that came later, the last of them without anything said about it."""
    draw = np.random.default_rng(3)
    weight = draw.random((NEW, 4), np.float32) / 5
    weight[-1] = 0
    near = draw.integers(ITEMS, size=(NEW, 4)).astype(np.int32)
    offset = draw.normal(size=(3, NEW)).astype(np.float32)
    return replace(model, arrays={**model.arrays, **Extension(near, weight, offset, near[:, 0]).arrays})


def asked(snapshot: Snapshot) -> list[Query]:
    queries = []
    for user in range(0, 30, 3):
        items, times = snapshot.history(user)
        queries += [Query(items, times), Query(items, times, now=float(times[-1]) + AWAY)]
    return [*queries, Query(np.array([ITEMS + 3, 5, 5, ITEMS + NEW - 1, ITEMS + NEW + 9], np.int32))]


def test_a_good_one_is_kept_and_said_to_be(model: Model) -> None:
    told = model.about["chosen"]["index"]
    assert told["used"] and told["recall_at_25"] >= 0.98 and told["error"] <= 0.02
    assert told["share"] in indexing.SHARES and told["depth"] in indexing.DEPTHS


def test_what_it_was_measured_to_find_it_finds(model: Model, snapshot: Snapshot) -> None:
    ensemble, found = Ensemble(model), []
    for user in range(200):
        query = Query(*snapshot.history(user))
        shortlist = ensemble.shortlist(query)
        assert shortlist is not None and len(shortlist.items) < ITEMS / 4
        found.append(np.isin(top_k(ensemble(query), 25), shortlist.best[:25]).mean())
    assert np.mean(found) >= 0.97


@pytest.mark.parametrize("later", [False, True], ids=["trained", "with-new-items"])
def test_opened_whole_it_is_the_exact_scan(model: Model, snapshot: Snapshot, later: bool) -> None:
    model = grown(model) if later else model
    own = Ensemble(model).index
    assert own is not None
    ensemble = Ensemble(model, Index(own.arrays, 1.0, 250))
    for query in asked(snapshot):
        exact, shortlist = ensemble(query), ensemble.shortlist(query)
        assert shortlist is not None and shortlist.count == len(exact) == ITEMS + NEW * later
        near = exact[shortlist.best]
        np.testing.assert_allclose(near, exact[top_k(exact, 250)], atol=2e-3)
        some = np.arange(0, len(exact), 7, dtype=np.int32)
        np.testing.assert_allclose(shortlist.logits_of(some), exact[some], atol=2e-3)
        total = np.log(np.exp(exact.astype(np.float64)).sum())
        assert shortlist.log_total == pytest.approx(total, abs=2e-3)


@pytest.mark.parametrize("later", [False, True], ids=["trained", "with-new-items"])
def test_logits_are_exact_and_the_sum_is_near(model: Model, snapshot: Snapshot, later: bool) -> None:
    ensemble = Ensemble(grown(model) if later else model)
    for query in asked(snapshot):
        exact, shortlist = ensemble(query), ensemble.shortlist(query)
        assert shortlist is not None and len(np.unique(shortlist.items)) == len(shortlist.items)
        np.testing.assert_allclose(shortlist.logits, exact[shortlist.items], atol=2e-3)
        assert (np.diff(exact[shortlist.best]) <= 2e-3).all()
        assert np.exp(shortlist.log_total) == pytest.approx(np.exp(exact.astype(np.float64)).sum(), rel=0.05)


def test_a_poor_one_is_refused() -> None:
    """Vectors of no order in many dimensions: the best of them are everywhere."""
    poor = indexing.indexed(blend_of(ITEMS, clusters=1, dim=64, noise=1.0), visits(ITEMS, clusters=1), 0, silent)
    told = poor.about["chosen"]["index"]
    assert not told["used"] and told["depth"] == 0 and told["recall_at_25"] < 0.98
    assert not any(name.startswith("index") for name in (*poor.arrays, *poor.about))
    assert Ensemble(poor).shortlist(Query(np.array([1, 2], np.int32))) is None


def test_without_a_history_there_is_nothing_to_save(model: Model) -> None:
    assert Ensemble(model).shortlist(Query()) is None


def test_a_small_catalogue_has_none(snapshot: Snapshot) -> None:
    small = blend_of(ITEMS - 40)
    assert indexing.indexed(small, snapshot, 0, silent) is small


def test_there_is_none_without_users_to_measure_it_with(snapshot: Snapshot) -> None:
    told = indexing.indexed(blend_of(ITEMS), snapshot.take(snapshot.users < 30), 0, silent).about["chosen"]["index"]
    assert not told["used"] and "too few" in told["reason"]


def test_there_is_none_without_a_sequence_model(snapshot: Snapshot) -> None:
    model = blend_of(ITEMS)
    plan = plan_of(model)
    plan = msgspec.structs.replace(plan, columns=(*plan.columns[:-1], plan.columns[0]))
    about = {**model.about, "plan": msgspec.to_builtins(plan)}
    arrays = {name: array for name, array in model.arrays.items() if not name.startswith("sequence")}
    told = indexing.indexed(Model(arrays, about), snapshot, 0, silent).about["chosen"]["index"]
    assert not told["used"] and "no sequence model" in told["reason"]


def test_there_is_none_where_columns_of_users_weigh(snapshot: Snapshot) -> None:
    model = blend_of(ITEMS)
    plan = plan_of(model)
    columns = tuple(
        msgspec.structs.replace(each, member="people") if each.member == "own" else each for each in plan.columns
    )
    about = {**model.about, "plan": msgspec.to_builtins(msgspec.structs.replace(plan, columns=columns))}
    told = indexing.indexed(replace(model, about=about), snapshot, 0, silent).about["chosen"]["index"]
    assert not told["used"] and "columns" in told["reason"]
