"""Counters of how an experiment's arms answer: latency, errors, cache hits, and which items their lists show.

A request adds to plain integers, and a list that was made waits as bytes. The ledger's thread does the rest: what an
arm answered since its last round is a batch, and batches of all processes add up in SQL every few seconds; a killed
process loses that. Requests of a moment are alike (a slow origin is slow for all), so a mean's error is told from how
batches differ, not single requests.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from functools import lru_cache, partial
from hashlib import blake2b
from math import inf

import msgspec
import numpy as np

from engine import ListCounts, Readings, ServingSums, Unavailable
from gateway.body import names_in
from gateway.experiments.analysis.lists import covered, diversity, of_parts
from gateway.experiments.analysis.moments import Moments
from gateway.experiments.enrol import Enrolment
from gateway.experiments.judge import GuardrailReading
from gateway.plan.experiment import Experiment

log = logging.getLogger(__name__)

BATCH_S = 0.5  # the least that a batch lasts
WRITE_S = 2.0  # between writes
PARTS = 10  # in which units are divided, to tell how sure coverage and diversity are
MOST_LISTS = 2_000  # that wait; of more, the first are a sample
BUCKETS = 4096  # into which items fall by their hash
ArmKey = tuple[str, str]


class ArmCounters:
    def __init__(self, readings: Readings, clock: Callable[[], float] = time.monotonic) -> None:
        self._readings, self._clock = readings, clock
        self._counts: dict[ArmKey, list[int]] = {}  # answers, errors, hits and microseconds, which only the loop writes
        self._batched: dict[ArmKey, list[int]] = {}  # these at the end of the last batch
        self._lists: deque[tuple[ArmKey, str, bytes]] = deque()
        self._batches: dict[ArmKey, ServingSums] = {}
        self._parts: dict[tuple[str, str, int], ListCounts] = {}
        self._ended, self._written = -inf, -inf

    # ---- on the request path

    def served(self, experiment: str, variation: str, outcome: str, seconds: float, count: int = 1) -> None:
        """Count answers, which took so many seconds together; `experiment` is its id, `outcome` the cache's, or
        "error"."""
        counts = self._counts.get((experiment, variation))
        if counts is None:
            counts = self._counts.setdefault((experiment, variation), [0, 0, 0, 0])
        counts[0] += count
        counts[3] += int(seconds * 1e6)
        if outcome == "error":
            counts[1] += count
        elif outcome != "miss":
            counts[2] += count

    def listed(self, enrolment: Enrolment, body: bytes) -> None:
        """Count a list that was made."""
        if len(self._lists) < MOST_LISTS:
            self._lists.append(((enrolment.experiment.id, enrolment.arm.variation), enrolment.unit, body))

    # ---- in the ledger's thread

    def save(self, now: bool = False) -> None:
        """End a batch and write what there is, each as often as it should be, or `now`. What can't be written waits."""
        at = self._clock()
        if at - self._ended < BATCH_S and not now:
            return
        self._ended = at
        self._end_batch()
        if at - self._written < WRITE_S and not now:
            return
        self._written = at
        for _ in range(len(self._lists)):
            self._count(*self._lists.popleft())
        if not (self._batches or self._parts):
            return
        try:
            self._readings.add(self._batches, self._parts)
        except Unavailable:  # the database has logged it
            return
        except Exception:
            log.exception("how arms answer can't be written")
            return
        self._batches, self._parts = {}, {}

    def _end_batch(self) -> None:
        for arm, counts in list(self._counts.items()):
            counted, before = list(counts), self._batched.get(arm, [0, 0, 0, 0])
            if counted[0] > before[0]:
                self._batched[arm] = counted
                answers, errors, hits, micros = (new - old for new, old in zip(counted, before, strict=True))
                sums = batch_sums(answers, errors, hits, micros / 1e6)
                self._batches[arm] = self._batches.get(arm, ServingSums()).plus(sums)

    def _count(self, arm: ArmKey, unit: str, body: bytes) -> None:
        try:
            names = names_in(body)
        except msgspec.DecodeError:  # a post-processor's, who may answer with other items
            return
        items = [hashed(name) % BUCKETS for name in names]
        key = (*arm, hashed(unit) % PARTS)
        lists, places = self._parts.get(key, ListCounts(0, np.zeros(BUCKETS, np.uint32)))
        self._parts[key] = ListCounts(lists + 1, places + np.bincount(items, minlength=BUCKETS).astype(np.uint32))

    # ---- what came of it

    def readings(self, experiment: Experiment) -> dict[str, GuardrailReading]:
        """The guardrails of every experiment, once all of its arms have answered. Reads the database."""
        names = [arm.variation for arm in experiment.arms]
        readings: dict[str, GuardrailReading] = {}
        served = self._readings.serving_sums(experiment.id)
        if all(name in served for name in names):
            sums = [served[name] for name in names]
            latency = [per_answer(each, "seconds", each.answers) for each in sums]
            readings["answer latency"] = GuardrailReading(latency)
            readings["answer errors"] = GuardrailReading([per_answer(each, "errors", each.errors) for each in sums])
            hits = [per_answer(each, "hits", each.hits) for each in sums]
            readings["cache hits"] = GuardrailReading(hits, increase=True)
        lists = self._readings.list_counts(experiment.id)
        if all(name in lists for name in names):
            parts = [[(each.lists, each.places.astype(float)) for each in lists[name]] for name in names]
            shown = min(sum(float(places.sum()) for _, places in each) for each in parts)
            coverage = partial(covered, shown=shown / 2)
            readings["item coverage"] = GuardrailReading([of_parts(each, coverage) for each in parts], increase=True)
            readings["item diversity"] = GuardrailReading([of_parts(each, diversity) for each in parts], increase=True)
        return readings


@lru_cache(65_536)
def hashed(name: str) -> int:
    """A hash that is the same in every process; names that differ in a digit fall as if at random, which a checksum's
    do not."""
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest())


def batch_sums(answers: int, errors: int, hits: int, seconds: float) -> ServingSums:
    """The sums of one batch."""
    sums = (answers, errors, hits, seconds)
    return ServingSums(1.0, *sums, *(each * each for each in sums), *(answers * each for each in sums[1:]))


def per_answer(sums: ServingSums, name: str, events: float) -> Moments:
    """A sum per answer. A batch's part in it is by the delta method, as with any ratio."""
    batches, answers = sums.batches, sums.answers
    total, squares, products = getattr(sums, name), getattr(sums, f"{name}2"), getattr(sums, f"answers_{name}")
    mean = total / answers
    spread = max(squares - 2 * mean * products + mean * mean * sums.answers2, 0.0)
    variance = spread / (batches - 1) / (answers / batches) ** 2 if batches > 1 else inf
    return Moments(round(batches), mean, variance, round(events))
