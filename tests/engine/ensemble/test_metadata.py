"""What is said about items, users and situations is learned from where it helps, and only there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.data.columns import Column, Labels, Numbers, Tags, Texts
from engine.data.snapshot import Snapshot, snapshot_of
from engine.data.table import LiveTable
from engine.ensemble.choice import candidates, choose
from engine.ensemble.members.content import term_columns
from engine.ensemble.plan import EnsemblePlan, Options
from engine.ensemble.scorer import Ensemble
from engine.ensemble.terms import codes_of, lifts, terms_of
from engine.ensemble.training import plan_of, train
from engine.recipe import Model, Query, silent
from tests.engine.recipes.worlds import START, chain

PLAIN = Options(epochs=0)
DAY = 86_400


def tags(words: list[str]) -> Tags:
    """One word a row, "" for none."""
    names = sorted(set(words) - {""})
    said = [names.index(word) for word in words if word]
    return Tags(np.cumsum([0, *(bool(word) for word in words)]), np.array(said, np.int32), names)


def world(rows: list[tuple[int, int, int]], **columns: dict[str, Column]) -> Snapshot:
    users, items, times = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return snapshot_of(users.astype(np.int32), items.astype(np.int32), times, **columns)


def weight(plan: EnsemblePlan, blend: str, member: str) -> float:
    pairs = zip(plan.columns, getattr(plan, blend).weights, strict=True)
    return sum(weight for column, weight in pairs if column.member == member)


def best(model: Model, query: Query, count: int = 5) -> set[int]:
    return set(np.argsort(-Ensemble(model)(query))[:count].tolist())


def devices(users: int = 150, length: int = 12) -> Snapshot:
    """On the phone everybody wants one of the items 0..9, at the television one of 10..19."""
    draw = np.random.default_rng(0)
    phone = draw.random((users, length)) < 0.5
    items = draw.integers(10, size=phone.shape) + np.where(phone, 0, 10)
    rows = [(u, int(items[u, k]), START + u * 9_000 + k * 60) for u in range(users) for k in range(length)]
    device = tags(["phone" if each else "tv" for each in phone.ravel()])
    return world(rows, interaction_columns={"DEVICE_TYPE": device, "IMPRESSION": tags(["x|y"] * len(rows))})


@pytest.fixture(scope="module")
def at_devices() -> Model:
    return train(devices(), PLAIN, 0, silent)


@pytest.mark.parametrize("history", [np.array([3, 14, 5], np.int32), np.empty(0, np.int32)], ids=["known", "new"])
@pytest.mark.parametrize("key", ["DEVICE_TYPE", "device_type", "deviceType"])
def test_the_context_decides(at_devices: Model, history: np.ndarray, key: str) -> None:
    asked = Query(history, np.full(len(history), START))
    assert best(at_devices, replace(asked, context={key: "phone"})) <= set(range(10))
    assert best(at_devices, replace(asked, context={key: "tv"})) <= set(range(10, 20))


def test_without_a_known_context_all_count(at_devices: Model) -> None:
    history = np.array([3, 14, 5], np.int32)
    score = Ensemble(at_devices)
    plain = score(Query(history, np.full(3, START)))
    for context in ({"WEATHER": "rain"}, {"DEVICE_TYPE": "fridge"}, {"IMPRESSION": "x"}):
        np.testing.assert_array_equal(score(Query(history, np.full(3, START), context=context)), plain)
    shown = np.argsort(-plain)[:10]
    assert 2 <= int((shown < 10).sum()) <= 8


def tiers(users: int = 160) -> Snapshot:
    """The gold want items 0..9, the others 10..19, and every user is new at some time."""
    draw = np.random.default_rng(0)
    gold = np.arange(users) % 2 == 0
    rows = [
        (u, int(draw.integers(10)) + (0 if gold[u] else 10), START + u * 600 + k * 60)
        for u in range(users)
        for k in range(4)
    ]
    tier, age = tags(["gold" if each else "tin" for each in gold]), Numbers(np.where(gold, 60.0, 20.0))
    return world(rows, user_columns={"TIER": tier, "AGE": age, "CITY": tags(["x"] * users)})


@pytest.fixture(scope="module")
def of_tiers() -> Model:
    return train(tiers(), PLAIN, 0, silent)


@pytest.mark.parametrize("row", [{"TIER": "gold", "AGE": 55}, {"TIER": "gold"}, {"AGE": 61.5, "CITY": "y"}])
def test_who_is_new_gets_what_people_alike_want(of_tiers: Model, row: dict[str, object]) -> None:
    put = LiveTable({})
    put.put(5_000, row)  # after training
    assert best(of_tiers, Query(user=5_000, users=put)) <= set(range(10))
    score = Ensemble(of_tiers)
    for user in (-1, 5_001):
        np.testing.assert_array_equal(score(Query(user=user, users=put)), score(Query()))
    assert weight(plan_of(of_tiers), "new", "people") > 0.3


def test_rows_of_the_snapshot_are_read_too(of_tiers: Model) -> None:
    users = LiveTable(tiers().user_columns)
    for user, wanted in ((0, range(10)), (1, range(10, 20))):
        assert best(of_tiers, Query(user=user, users=users)) <= set(wanted)


def news(days: int = 24, readers: int = 60, genres: int = 3, daily: int = 4) -> Snapshot:
    """Readers keep to one genre and read only what is of the day: what they will want next is not known yet."""
    draw = np.random.default_rng(0)
    count = days * genres * daily
    rows = [
        (reader, (day * genres + reader % genres) * daily + int(draw.integers(daily)), START + day * DAY + reader)
        for reader in range(readers)
        for day in range(days)
        if draw.random() < 0.4
    ]
    genre = [item // daily % genres for item in range(count)]
    words = ["goal match league striker", "minister vote parliament law", "recipe oven flour butter"]
    day = Numbers(np.arange(count) // (genres * daily) * 1.0)
    columns: dict[str, Column] = {
        "GENRE": tags([f"g{each}" for each in genre]),
        "TEXT": Texts.of(words[each] for each in genre),
        "DAY": day,
        "NOTE": Labels(np.arange(count, dtype=np.int32), [str(item) for item in range(count)]),
    }
    return snapshot_of(
        *(np.array(column, np.int32) for column in list(zip(*rows, strict=True))[:2]),
        np.array([row[2] for row in rows], np.int64),
        item_names=[str(item) for item in range(count)],
        item_columns=columns,
    )


@pytest.mark.parametrize("kept", [("GENRE",), ("TEXT",), ("GENRE", "TEXT", "DAY")])
def test_what_nobody_touched_is_found_by_what_is_said_about_it(kept: tuple[str, ...]) -> None:
    whole = news()
    snapshot = replace(whole, item_columns={name: whole.item_columns[name] for name in kept})
    late = snapshot.items >= snapshot.item_count - 24  # the last two days' items are cold
    model = train(snapshot.take(~late), PLAIN, 0, silent)
    assert weight(plan_of(model), "active", "content") > 0.05
    history, times = snapshot.take(~late).history(0)
    scores = Ensemble(model)(Query(history, times))
    cold = np.arange(snapshot.item_count - 24, snapshot.item_count)
    own = cold // 4 % 3 == 0
    assert scores[cold[own]].min() > scores[cold[~own]].max()


def test_plain_strings_are_not_learned_from() -> None:
    whole = news()
    notes = replace(whole, item_columns={"NOTE": whole.item_columns["NOTE"]})
    assert not any(column.member == "content" for column in candidates(notes, PLAIN))
    said = term_columns(whole.item_columns)
    assert set(said) == {"GENRE", "TEXT", "DAY"}
    day = said["DAY"]
    assert isinstance(day, Tags) and day.get(0) == "0" and day.get(whole.item_count - 1) == "7"


def test_what_says_nothing_changes_nothing_much() -> None:
    draw = np.random.default_rng(1)
    bare = chain(users=100)
    random = [f"r{place}" for place in draw.integers(4, size=len(bare.items))]
    noisy = replace(
        bare,
        item_columns={"COLOUR": tags(random[: bare.item_count])},
        user_columns={"CITY": tags(random[: bare.user_count])},
        interaction_columns={"DEVICE": tags(random)},
    )
    plan, plain = choose(noisy, PLAIN, 0, silent), choose(bare, PLAIN, 0, silent)
    for blend in ("active", "returning", "new"):
        assert sum(weight(plan, blend, member) for member in ("people", "context", "content")) < 0.1
    assert plan.active.ndcg >= plain.active.ndcg


def test_terms_of_words_numbers_and_nothing() -> None:
    said = terms_of(
        {"G": Tags(np.array([0, 2, 2]), np.array([0, 1], np.int32), ["a", "b"]), "N": Numbers(np.r_[1, 9.0])}, 9
    )
    vocabulary = said.vocabulary
    assert [name for name in vocabulary["terms"].tolist() if name.startswith("G")] == ["G=a", "G=b"]

    def names(**row: object) -> list[str]:
        return vocabulary["terms"][codes_of(vocabulary, row.get)].tolist()

    assert names(G="b|a|z") == ["G=b", "G=a"]
    assert names(N=9) == names(N="9") == ["N=7"] and names(N="many") == names(N=float("nan")) == names() == []
    assert len(terms_of({"G": tags(["x", "x", "y"])}, 1).vocabulary["terms"]) == 1


def test_lifts_by_hand() -> None:
    """Item 0 is chosen by a 3 times in 4 rows, by b once; half of all rows are a's."""
    said = terms_of({"G": tags(["a", "a", "a", "a", "b", "b", "b", "b"])}, 9)
    lift = lifts(said, np.array([0, 0, 0, 1, 0, 1, 1, 1], np.int32), None, 3, prior=2.0)
    np.testing.assert_allclose(lift[0], [np.log((3 / 0.5 + 2) / 6), np.log((1 / 0.5 + 2) / 6), 0], rtol=1e-5)
    np.testing.assert_allclose(lift[1], lift[0][[1, 0, 2]], rtol=1e-5)
