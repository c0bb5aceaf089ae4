"""`python -m loadtests.related`: how good are lists beside an item, of cold items, and of what trends?

On MovieLens-100K, seen items removed. Intervals are of 95 %, by the normal approximation over cases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from engine.data.columns import Floats, Ints, Texts
from engine.data.snapshot import Snapshot
from engine.measure.metrics import mid_ranks, ndcg
from engine.measure.split import EvaluationCase, drawn, leave_last_out
from engine.neighbours.cooccurrence import cooccurrence
from engine.neighbours.pairs import following, user_counts
from engine.rank.topk import top_k
from engine.recipe import Model, Query, Scorer, silent
from engine.recipes import RECIPES
from loadtests.movielens import movielens

Values = NDArray[np.float64]  # one a case
Lists = Callable[[Snapshot], Ints]  # the list that data up to a moment give

NEXT, WIDE = 25, 100  # places of a list beside an item, and of one in which a cold item may stand
COLD = 170  # items, a tenth
FIRST = 5  # consumers of a cold item, at most
MOST_WARM = 600
BURST = 8  # users who turn to an item within one interval
MOMENTS = 150  # of a list that changes with time
SHRINK = 10.0
BLEND = "aws-user-personalization-v2"


class Figure(NamedTuple):
    what: str
    mean: float
    half: float  # of the interval
    cases: int


def figure(what: str, values: Values) -> Figure:
    half = 1.96 * float(values.std()) / max(len(values), 1) ** 0.5
    return Figure(what, float(values.mean()) if len(values) else 0.0, half, len(values))


# ---- beside an item


def related_hits(score: Scorer, cases: Sequence[EvaluationCase], places: int = NEXT) -> Values:
    """(cases,) whether the next item is among so many beside the last one, once what the user saw is left out."""
    return np.array([float(mid_ranks(unseen(score, case), case.truth)[0] < places) for case in cases])


def related_figures() -> list[Figure]:
    split = leave_last_out(movielens())
    scorers: dict[str, Scorer] = {name: recipe_scorer(name, split.train) for name in ("aws-similar-items", "aws-sims")}
    scorers["aws-similar-items, no columns"] = recipe_scorer("aws-similar-items", bare(split.train))
    scorers |= plain_scorers(split.train)
    return [figure(name, related_hits(score, split.cases)) for name, score in scorers.items()]


def recipe_scorer(name: str, snapshot: Snapshot, **hyperparameters: str) -> Scorer:
    recipe = RECIPES[name]
    return recipe.ready(recipe.train(snapshot, recipe.parse(hyperparameters), 0, silent))


def bare(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, item_columns={})


def plain_scorers(snapshot: Snapshot) -> dict[str, Scorer]:
    """What anybody would write down first."""
    pairs, users = cooccurrence(snapshot)
    counts = np.zeros((len(users), len(users)), np.float32)
    counts[pairs.left, pairs.right] = pairs.weight
    cosine = counts / (np.sqrt(np.outer(users, users)) + SHRINK)
    after = following(snapshot, [1.0])
    moves = np.zeros_like(counts)
    moves[after.left, after.right] = after.weight
    return {
        "shrunk cosine": lambda query: cosine[query.item],
        "share of users": lambda query: counts[query.item],
        "next after": lambda query: moves[query.item] + 1e-3 * cosine[query.item],
        "popularity": lambda query: users,
    }


# ---- cold items


def newest(snapshot: Snapshot, count: int = COLD) -> Ints:
    """The items that somebody touched first last of all."""
    first = np.full(snapshot.item_count, np.iinfo(np.int64).max)
    np.minimum.at(first, snapshot.items, snapshot.times)
    return np.sort(np.argsort(first, kind="stable")[-count:]).astype(np.int32)


def cold_last(snapshot: Snapshot, cold: Ints) -> Snapshot:
    """The snapshot with the cold items after all others, as items that came later are."""
    order = np.concatenate((np.setdiff1d(np.arange(snapshot.item_count), cold), cold))
    place = np.argsort(order).astype(np.int32)
    columns = {name: column.take(order) for name, column in snapshot.item_columns.items()}
    names = [snapshot.item_names[item] for item in order]
    return replace(snapshot, items=place[snapshot.items], item_names=names, item_columns=columns)


class ColdSplit(NamedTuple):
    train: Snapshot
    cold: list[EvaluationCase]  # the first consumers of each cold item ask by what they chose before
    warm: list[EvaluationCase]  # some who chose a warm item


def cold_split(snapshot: Snapshot, warm: int, *, later: bool) -> ColdSplit:
    """Interactions with warm items train; `later`: those before anybody touched a cold one."""
    new = snapshot.items >= warm
    before = snapshot.times < snapshot.times[new].min() if later else np.ones(len(new), np.bool_)
    names = snapshot.item_names[:warm]
    columns = {name: column.take(np.arange(warm)) for name, column in snapshot.item_columns.items()}
    train = replace(snapshot.take(~new & before), item_names=names, item_columns=columns)
    first = []
    for item in range(warm, snapshot.item_count):
        rows = np.flatnonzero(snapshot.items == item)
        first += rows[np.argsort(snapshot.times[rows], kind="stable")][:FIRST].tolist()
    asked = np.flatnonzero(~new & ~before if later else ~new)
    some = drawn(asked, MOST_WARM, 0).tolist()
    return ColdSplit(train, [_case(snapshot, row, warm) for row in first], [_case(snapshot, row, warm) for row in some])


def _case(snapshot: Snapshot, row: int, warm: int) -> EvaluationCase:
    before = slice(int(snapshot.indptr[snapshot.users[row]]), row)
    items, times = snapshot.items[before], snapshot.times[before]
    own = items < warm
    return EvaluationCase(items[own], times[own], snapshot.items[row : row + 1], float(snapshot.times[row]))


def cold_hits(score: Scorer, cases: Sequence[EvaluationCase], warm: int) -> tuple[Values, Values]:
    """(cases,) whether the cold item is among `WIDE` of the whole catalogue, and among a tenth of the cold ones."""
    everywhere, among = [], []
    for case in cases:
        scores = unseen(score, case)
        everywhere.append(float(mid_ranks(scores, case.truth)[0] < WIDE))
        cold = scores[warm:]
        among.append(float(mid_ranks(cold, case.truth - warm)[0] < len(cold) // 10))
    return np.array(everywhere), np.array(among)


def warm_loss(score: Scorer, cases: Sequence[EvaluationCase], warm: int) -> Values:
    """(cases,) the NDCG@10 of a warm item that cold ones cost."""
    lost = []
    for case in cases:
        scores = unseen(score, case)
        lost.append(ndcg(mid_ranks(scores[:warm], case.truth), 10) - ndcg(mid_ranks(scores, case.truth), 10))
    return np.array(lost)


def unseen(score: Scorer, case: EvaluationCase) -> Floats:
    """(items,) a copy of the scores, without what the user saw."""
    scores = np.array(score(case.query), np.float32)
    scores[case.history] = -np.inf
    return scores


def said(snapshot: Snapshot) -> Mapping[str, Snapshot]:
    """The snapshot with less and less said of its items."""
    genres = {name: column for name, column in snapshot.item_columns.items() if name == "GENRES"}
    title = {name: column for name, column in snapshot.item_columns.items() if name == "TITLE"}
    rows = range(snapshot.item_count)
    words = [" ".join(str(column.get(row) or "") for column in snapshot.item_columns.values()) for row in rows]
    return {
        "all columns": snapshot,
        "all as one text": replace(snapshot, item_columns={"TEXT": Texts.of(words)}),
        "titles": replace(snapshot, item_columns=title),
        "genres": replace(snapshot, item_columns=genres),
        "nothing": bare(snapshot),
    }


def trained_blend(snapshot: Snapshot, **hyperparameters: str) -> Model:
    recipe = RECIPES[BLEND]
    return recipe.train(snapshot, recipe.parse(hyperparameters), 0, silent)


def extended_scorer(model: Model, snapshot: Snapshot) -> Scorer:
    recipe = RECIPES[BLEND]
    assert recipe.extend is not None
    return recipe.ready(recipe.extend(model, snapshot, recipe.parse({}), silent))


def cold_figures(epochs: int) -> list[Figure]:
    whole, shown = movielens(), []
    any_of_all = drawn(np.arange(whole.item_count), COLD, 0).astype(np.int32)
    for kind, cold in (("newest", newest(whole)), ("drawn", any_of_all)):
        ordered = cold_last(whole, cold)
        warm = whole.item_count - COLD
        split = cold_split(ordered, warm, later=kind == "newest")
        model = trained_blend(split.train, sequence_epochs=str(epochs))
        for words, snapshot in said(ordered).items():
            catalogue = replace(split.train, item_names=snapshot.item_names, item_columns=snapshot.item_columns)
            score = extended_scorer(model, catalogue)
            parts = (*cold_hits(score, split.cold, warm), warm_loss(score, split.warm, warm))
            names = (f"HR@{WIDE}", f"HR@{COLD // 10} among the cold", "warm items lose")
            shown += [figure(f"{kind}, {words}: {name}", own) for name, own in zip(names, parts, strict=True)]
    return shown


# ---- what trends


def moments(snapshot: Snapshot, interval: int, most: int) -> list[int]:
    """The ends of intervals in the newer half of the data after which something happened."""
    begin, end = int(np.median(snapshot.times)), int(snapshot.times.max())
    ends = np.arange(begin, end - interval, interval)
    busy = [int(end) for end in ends if ((snapshot.times >= end) & (snapshot.times < end + interval)).any()]
    return busy[:: max(len(busy) // most, 1)]


def caught(lists: Lists, snapshot: Snapshot, interval: int, most: int = MOMENTS) -> Values:
    """(moments,) the share of the next interval's interactions that are with the listed items."""
    shares = []
    for moment in moments(snapshot, interval, most):
        after = snapshot.items[(snapshot.times >= moment) & (snapshot.times < moment + interval)]
        shares.append(float(np.isin(after, lists(snapshot.take(snapshot.times < moment))).mean()))
    return np.array(shares)


def bursts(lists: Lists, snapshot: Snapshot, interval: int, most: int = MOMENTS) -> Values:
    """(moments,) whether an item of middling popularity is listed that `BURST` users turned to within an interval."""
    draw = np.random.default_rng(0)
    counts = np.bincount(snapshot.items, minlength=snapshot.item_count)
    middling = np.argsort(counts)[snapshot.item_count // 4 : snapshot.item_count * 3 // 4]
    results = []
    for moment in moments(snapshot, interval, most):
        item = int(draw.choice(middling))
        before = snapshot.take(snapshot.times < moment)
        users = draw.choice(np.flatnonzero(np.diff(before.indptr) > 0), BURST, replace=False)
        results.append(float(item in lists(_with_burst(before, item, users, moment - interval // 2))))
    return np.array(results)


def _with_burst(snapshot: Snapshot, item: int, users: Ints, time: int) -> Snapshot:
    at = snapshot.indptr[users + 1]
    order = np.argsort(at, kind="stable")
    at, users = at[order], users[order]
    grown = np.cumsum(np.bincount(users, minlength=snapshot.user_count))
    return replace(
        snapshot,
        indptr=snapshot.indptr + np.concatenate(([0], grown)),
        items=np.insert(snapshot.items, at, item).astype(np.int32),
        times=np.insert(snapshot.times, at, time),
        types=np.insert(snapshot.types, at, 0),
        values=np.insert(snapshot.values, at, np.nan),
    )


def trending_list(frequency: str) -> Lists:
    def lists(snapshot: Snapshot) -> Ints:
        score = recipe_scorer("aws-trending-now", snapshot, trend_discovery_frequency=frequency)
        return top_k(score(Query()), NEXT)

    return lists


def popular_list(snapshot: Snapshot) -> Ints:
    return top_k(user_counts(snapshot), NEXT)


def trending_figures() -> list[Figure]:
    shown, snapshot = [], movielens()
    for frequency, interval in (("1 day", 86_400), ("2 hours", 7_200)):
        trending = trending_list(frequency)
        ours, popular = (caught(lists, snapshot, interval) for lists in (trending, popular_list))
        shown += [figure(f"trending, {frequency}", ours), figure(f"popularity, {frequency}", popular)]
        shown.append(figure(f"trending less popularity, {frequency}", ours - popular))
        shown.append(figure(f"bursts listed, {frequency}", bursts(trending, snapshot, interval)))
    return shown


# ---- the command

PARTS: Mapping[str, str] = {
    "related": f"HR@{NEXT} of the held-out next item beside the last one",
    "cold": f"cold items: HR@{WIDE} of their first consumers in the whole catalogue, and NDCG@10 of others",
    "trending": f"share of the next interval's interactions that are with the {NEXT} listed",
}


@click.command(help=__doc__)
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--epochs", default=0, show_default=True, help="Of the sequence model, for cold items.")
def main(parts: tuple[str, ...], epochs: int) -> None:
    measure: Mapping[str, Callable[[], list[Figure]]] = {
        "related": related_figures,
        "cold": lambda: cold_figures(epochs),
        "trending": trending_figures,
    }
    for part in parts or PARTS:
        table = Table("", "mean", "95 %", "cases", title=PARTS[part], title_justify="left", box=SIMPLE)
        for each in measure[part]():
            table.add_row(each.what, f"{each.mean:.3f}", f"± {each.half:.3f}", str(each.cases))
        Console().print(table)


if __name__ == "__main__":
    main()
