"""Closed forms in numpy alone: EASE's regression of items on items, and transitions from an item to those after it.

They share no code with the engine that they are measured against.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loadtests.quality.ranking import Scorer
from loadtests.quality.task import Array, Log

LARGEST = 13_000  # items in one regression: 700 MB, and as much again while it is solved
SHRINKAGE = 5.0  # transitions that an item is taken to have had to nowhere
MOST_REMEMBERED = 40_000_000  # scores: 160 MB
WINDOW = 20  # events after an item that count as its successors


@dataclass(frozen=True)
class Table:
    """Scores of items given an item, as rows."""

    items: Array  # (k,) those that have a row and a column
    rows: Array  # (k, k) float32
    place: Array  # (items,) of an item among the rows, -1: none


def regression(log: Log, ridge: float) -> Table:
    """EASE (Steck 2019) over all items, or the most popular where there are too many."""
    items = np.sort(np.argsort(-log.counts(), kind="stable")[:LARGEST])
    items = items[log.counts()[items] > 0]
    place = np.full(log.item_count, -1)
    place[items] = np.arange(len(items))
    gram = np.zeros((len(items), len(items)), np.float32)
    for user in range(log.user_count):
        own = place[np.unique(log.history(user))]
        own = own[own >= 0]
        gram[np.ix_(own, own)] += 1
    gram[np.diag_indices_from(gram)] += ridge
    inverse = np.linalg.inv(gram)
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return Table(items, weights.astype(np.float32, copy=False), place)


@dataclass(frozen=True)
class Transitions:
    """Successors as a sparse matrix by rows: counts / (row's sum + shrinkage)."""

    indptr: Array  # (items + 1,)
    successors: Array
    weights: Array


def transitions(log: Log, decay: float, window: int = WINDOW) -> Transitions:
    """Pairs of items that one user chose within the window, one step weighing 1, each further step `decay` as much."""
    firsts, seconds, weights = [], [], []
    for step in range(1, window + 1):
        weight = decay ** (step - 1)
        if weight < 0.01 or step >= len(log.items):
            break
        same = (log.users[:-step] == log.users[step:]) & (log.items[:-step] != log.items[step:])
        firsts.append(log.items[:-step][same])
        seconds.append(log.items[step:][same])
        weights.append(np.full(int(same.sum()), weight))
    pairs = np.concatenate(firsts).astype(np.int64) * log.item_count + np.concatenate(seconds)
    distinct, inverse = np.unique(pairs, return_inverse=True)
    sums = np.bincount(inverse, np.concatenate(weights))
    origins = distinct // log.item_count
    totals = np.bincount(origins, sums, minlength=log.item_count)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(origins, minlength=log.item_count))])
    return Transitions(indptr, distinct % log.item_count, (sums / (totals[origins] + SHRINKAGE)).astype(np.float32))


def regression_scores(log: Log, table: Table, decay: float) -> Scorer:
    """A user's history, each event weighing `decay` as much as the one after it, times the regression's weights."""

    def scores(users: Array, now: Array) -> Array:
        result = np.zeros((len(users), log.item_count), np.float32)
        for row, user in zip(result, users.tolist(), strict=True):
            items, weights = faded(log.history(user), decay)
            own = table.place[items] >= 0
            row[table.items] = weights[own] @ table.rows[table.place[items[own]]]
        return result

    return scores


def transition_scores(log: Log, table: Transitions, decay: float) -> Scorer:
    """The successors of a user's history, an event weighing `decay` as much as the next one; ties by popularity."""
    counts = log.counts()
    ties = (1e-6 * counts / (counts.max() + 1)).astype(np.float32)

    def scores(users: Array, now: Array) -> Array:
        result = np.tile(ties, (len(users), 1))
        for row, user in zip(result, users.tolist(), strict=True):
            for item, weight in zip(*faded(log.history(user), decay), strict=True):
                span = slice(table.indptr[item], table.indptr[item + 1])
                row[table.successors[span]] += weight * table.weights[span]
        return result

    return scores


def faded(history: Array, decay: float) -> tuple[Array, Array]:
    """Distinct items with the weights of their last events, the faint ones left out."""
    newest, places = np.unique(history[::-1], return_index=True)
    weights = (decay**places).astype(np.float32)
    clear = weights > 1e-3
    return newest[clear], weights[clear]


def remembered(scorer: Scorer) -> Scorer:
    """The scorer with a deviation of 1 for every user, which answers the same users again without asking it."""
    answers: dict[bytes, Array] = {}

    def scores(users: Array, now: Array) -> Array:
        key = users.tobytes()
        if key in answers:
            return answers[key]
        part = scorer(users, now)
        part /= part.std(axis=1, keepdims=True) + 1e-9
        if sum(answer.size for answer in answers.values()) < MOST_REMEMBERED:
            answers[key] = part
        return part

    return scores


def mixed(first: Scorer, second: Scorer, share: float) -> Scorer:
    """The first's share of a sum."""
    return lambda users, now: share * first(users, now) + (1 - share) * second(users, now)
