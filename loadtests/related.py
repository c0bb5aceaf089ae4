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

from engine.data.columns import Ints
from engine.data.snapshot import Snapshot
from engine.ensemble.members.popularity import user_counts
from engine.measure.metrics import mid_ranks
from engine.measure.split import EvaluationCase, Split, leave_last_out
from engine.neighbours.cooccurrence import cooccurrence
from engine.neighbours.pairs import following
from engine.rank.topk import top_k
from engine.recipe import Model, Query, Scorer, silent
from engine.recipes import RECIPES
from loadtests.movielens import movielens

Values = NDArray[np.float64]  # one a case

NEXT, WIDE = 25, 100  # places of a list beside an item, and of one in which a cold item may stand
COLD = 170  # items, a tenth
FIRST = 5  # consumers of a cold item, at most
BURST = 8  # users who turn to an item within one interval
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
    hits = []
    for case in cases:
        scores = np.array(score(case.query), np.float32)
        scores[case.history] = -np.inf
        hits.append(float(mid_ranks(scores, case.truth)[0] < places))
    return np.array(hits)


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


def cold_split(snapshot: Snapshot, warm: int, *, later: bool) -> Split:
    """Interactions with warm items train (`later`: those before anybody touched a cold one), and the first consumers of
    each cold one ask by what they chose before."""
    cold = snapshot.items >= warm
    moment = snapshot.times[cold].min()
    train = snapshot.take(~cold & (snapshot.times < moment) if later else ~cold)
    names = snapshot.item_names[:warm]
    columns = {name: column.take(np.arange(warm)) for name, column in snapshot.item_columns.items()}
    cases = []
    for item in range(warm, snapshot.item_count):
        rows = np.flatnonzero(snapshot.items == item)
        for row in rows[np.argsort(snapshot.times[rows], kind="stable")][:FIRST]:
            history = slice(int(snapshot.indptr[snapshot.users[row]]), int(row))
            items, times = snapshot.items[history], snapshot.times[history]
            own = items < warm
            truth = np.array([item], np.int32)
            cases.append(EvaluationCase(items[own], times[own], truth, float(snapshot.times[row])))
    return Split(replace(train, item_names=names, item_columns=columns), cases)


def cold_hits(score: Scorer, cases: Sequence[EvaluationCase], warm: int) -> tuple[Values, Values]:
    """(cases,) whether the cold item is among `WIDE` of the whole catalogue, and among a tenth of the cold ones."""
    everywhere, among = [], []
    for case in cases:
        scores = np.array(score(case.query), np.float32)
        scores[case.history] = -np.inf
        everywhere.append(float(mid_ranks(scores, case.truth)[0] < WIDE))
        cold = scores[warm:]
        among.append(float(mid_ranks(cold, case.truth - warm)[0] < len(cold) // 10))
    return np.array(everywhere), np.array(among)


def said(snapshot: Snapshot) -> Mapping[str, Snapshot]:
    """The snapshot with less and less said of its items."""
    genres = {name: column for name, column in snapshot.item_columns.items() if name == "GENRES"}
    title = {name: column for name, column in snapshot.item_columns.items() if name == "TITLE"}
    return {
        "all columns": snapshot,
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
    drawn = np.sort(np.random.default_rng(0).choice(whole.item_count, COLD, replace=False)).astype(np.int32)
    for kind, cold in (("newest", newest(whole)), ("drawn", drawn)):
        ordered = cold_last(whole, cold)
        warm = whole.item_count - COLD
        split = cold_split(ordered, warm, later=kind == "newest")
        model = trained_blend(split.train, sequence_epochs=str(epochs))
        for words, snapshot in said(ordered).items():
            known = replace(split.train, item_names=snapshot.item_names, item_columns=snapshot.item_columns)
            hits = cold_hits(extended_scorer(model, known), split.cases, warm)
            shown += [figure(f"{kind}, {words}: {name}", own) for name, own in zip(("all", "cold"), hits, strict=True)]
    return shown


# ---- what trends


def moments(snapshot: Snapshot, interval: int, most: int = 150) -> list[int]:
    """The ends of intervals in the newer half of the data after which something happened."""
    begin, end = int(np.median(snapshot.times)), int(snapshot.times.max())
    ends = np.arange(begin, end - interval, interval)
    busy = [int(end) for end in ends if ((snapshot.times >= end) & (snapshot.times < end + interval)).any()]
    return busy[:: max(len(busy) // most, 1)]


def caught(lists: Callable[[Snapshot], Ints], snapshot: Snapshot, interval: int) -> Values:
    """(moments,) the share of the next interval's interactions that are with the listed items."""
    shares = []
    for moment in moments(snapshot, interval):
        after = snapshot.items[(snapshot.times >= moment) & (snapshot.times < moment + interval)]
        shares.append(float(np.isin(after, lists(snapshot.take(snapshot.times < moment))).mean()))
    return np.array(shares)


def bursts(lists: Callable[[Snapshot], Ints], snapshot: Snapshot, interval: int, seed: int = 0) -> Values:
    """(moments,) whether an item of middling popularity is listed that `BURST` users turned to within an interval."""
    draw = np.random.default_rng(seed)
    counts = np.bincount(snapshot.items, minlength=snapshot.item_count)
    middling = np.argsort(counts)[snapshot.item_count // 4 : snapshot.item_count * 3 // 4]
    results = []
    for moment in moments(snapshot, interval):
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


def trending_list(frequency: str) -> Callable[[Snapshot], Ints]:
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
    "cold": f"cold items: HR@{WIDE} of their first consumers in the whole catalogue, HR@{COLD // 10} among the cold",
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
