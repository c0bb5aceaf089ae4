"""Terms made from columns: GENRES=drama, AGE=3 (the fourth of its eighths). A row has some of them.

A fitted vocabulary is three arrays: "terms" (t,) sorted, "columns" (c,) and "edges" (c, EDGES), the bounds of a
number's bins, NaN where a column's values are words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.data.columns import Column, Floats, Ints, Longs, Numbers, Tags
from engine.data.snapshot import Snapshot
from engine.ensemble.member import Arrays

EDGES = 7
ENTRIES = 10_000_000  # terms × items: 40 MB
MOST = 1_000  # terms
NOT_LEARNED = frozenset({"IMPRESSION", "CREATION_TIMESTAMP"})


@dataclass(frozen=True)
class RowTerms:
    """The terms of rows, and the vocabulary that they are from."""

    owners: Longs  # (m,) row numbers
    codes: Ints  # (m,) places in the vocabulary
    column_of: Ints  # (t,) place in "columns" of every term
    vocabulary: Arrays


def with_terms(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Categories and numbers."""
    return {n: column for n, column in columns.items() if isinstance(column, Tags | Numbers) and n not in NOT_LEARNED}


def terms_of(columns: Mapping[str, Column], most: int) -> RowTerms:
    """The terms of some columns' rows, at most the `most` frequent ones."""
    owners, codes = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    names: list[str] = []
    edges = np.full((len(columns), EDGES), np.nan)
    of: list[int] = []
    for place, (name, column) in enumerate(columns.items()):
        if isinstance(column, Tags):
            rows, places = np.repeat(np.arange(len(column)), np.diff(column.indptr)), column.codes
            words = [f"{name}={word}" for word in column.names]
        else:
            assert isinstance(column, Numbers)
            rows = np.flatnonzero(np.isfinite(column.values))
            edges[place] = _edges(column.values[rows])
            places = np.searchsorted(edges[place], column.values[rows], "right").astype(np.int32)
            words = [f"{name}={part}" for part in range(EDGES + 1)]
        owners.append(rows)
        codes.append(np.asarray(places, np.int64) + len(names))
        names += words
        of += [place] * len(words)
    about = {"columns": np.array(list(columns), np.str_), "edges": edges}
    return _frequent(np.concatenate(owners), np.concatenate(codes), names, of, most, about)


def binned(column: Numbers) -> Tags:
    """Numbers as the names of the eighths that they lie in."""
    present = np.isfinite(column.values)
    codes = np.searchsorted(_edges(column.values[present]), column.values[present], "right").astype(np.int32)
    indptr = np.concatenate(([0], np.cumsum(present))).astype(np.int64)
    return Tags(indptr, codes, [str(part) for part in range(EDGES + 1)])


def _edges(values: NDArray[Any]) -> NDArray[np.float64]:
    if not len(values):
        return np.zeros(EDGES)
    return np.quantile(values.astype(np.float64), np.arange(1, EDGES + 1) / (EDGES + 1))


def _frequent(rows: Longs, places: Longs, names: list[str], of: list[int], most: int, about: Arrays) -> RowTerms:
    often = np.bincount(places, minlength=len(names))
    frequent = np.argsort(-often, kind="stable")[:most]
    frequent = frequent[often[frequent] > 0]
    terms = np.array([names[place] for place in frequent], np.str_)
    order = np.argsort(terms)
    code_of = np.full(len(names), -1, np.int32)
    code_of[frequent[order]] = np.arange(len(frequent))
    codes = code_of[places]
    present = codes >= 0
    column_of = np.array(of, np.int32)[frequent[order]]
    return RowTerms(rows[present], codes[present], column_of, {**about, "terms": terms[order]})


def codes_of(vocabulary: Arrays, value: Callable[[str], Any]) -> Ints:
    """(k,) the known terms of one row, given its value of a column (None: missing)."""
    names: list[str] = []
    for name, edges in zip(vocabulary["columns"].tolist(), vocabulary["edges"], strict=True):
        cell = value(name)
        if cell is None:
            continue
        if np.isnan(edges[0]):
            names += [f"{name}={word}" for word in str(cell).split("|")]
        elif (number := _number(cell)) is not None:
            names.append(f"{name}={np.searchsorted(edges, number, 'right')}")
    terms = vocabulary["terms"]
    if not names or not len(terms):
        return np.empty(0, np.int32)
    wanted = np.array(names, np.str_)
    places = np.minimum(np.searchsorted(terms, wanted), len(terms) - 1)
    return np.asarray(places[terms[places] == wanted], np.int32)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return None if np.isnan(number) else number


def lifts(rows: RowTerms, items: Ints, weights: Floats | None, item_count: int, prior: float) -> Floats:
    """(t, items) how much likelier than usual an item is with a term, as a log: naive Bayes' log P(term | item) over
    log P(term), each item's own counts mixed with `prior` rows of the usual, so that a rare item stays neutral.

    `rows` is about interactions, `items` (n,) and `weights` (n,) are theirs.
    """
    counted = None if weights is None else weights[rows.owners]
    terms = len(rows.column_of)
    flat = rows.codes.astype(np.int64) * item_count + items[rows.owners]
    joint = np.bincount(flat, counted, terms * item_count).reshape(terms, item_count)
    lift = np.zeros((terms, item_count), np.float32)
    for column in np.unique(rows.column_of):  # a row without a value says nothing of its column
        of = rows.column_of == column
        own = joint[of].sum(axis=0)
        usual = joint[of].sum(axis=1, keepdims=True) / max(own.sum(), 1e-9)
        lift[of] = np.log((joint[of] / np.maximum(usual, 1e-9) + prior) / (own + prior))
    return lift


def fitted_lifts(columns: Mapping[str, Column], snapshot: Snapshot, prior: float) -> Arrays:
    """The vocabulary of some columns, which have a row an interaction, and the "lift" of items by its terms."""
    terms = terms_of(columns, min(MOST, ENTRIES // max(snapshot.item_count, 1)))
    lift = lifts(terms, snapshot.items, snapshot.weights, snapshot.item_count, prior)
    return {**terms.vocabulary, "lift": lift}


def summed_lifts(arrays: Arrays, value: Callable[[str], Any]) -> Floats:
    """(items,) the lifts by all terms of one row, given its value of a column (None: missing)."""
    return np.asarray(arrays["lift"][codes_of(arrays, value)].sum(axis=0), np.float32)
