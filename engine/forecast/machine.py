"""This machine's slowness as a factor, measured in a quarter of a second, before a training is forecast."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

REFERENCE_S = 0.13  # that the tasks take a processor of the machine on which the costs were measured
MOST = 20.0  # a moment's crowd says little about the next half hour


class Machine(NamedTuple):
    slowness: float = 1.0  # seconds of its processor for one of the reference machine's
    crowd: float = 1.0  # seconds that pass for one of its processor, as others want it as well


def measured(wall: Callable[[], float] = time.monotonic, processor: Callable[[], float] = time.thread_time) -> Machine:
    """This machine, as it is at the moment."""
    began, used = wall(), processor()
    for _ in range(2):
        matrix = np.full((400, 400), 1 / 400, np.float32)
        for _ in range(10):
            matrix = matrix @ matrix
        np.argsort(np.random.default_rng(0).integers(0, 1 << 40, 400_000), kind="stable")
        total = 0
        for number in range(600_000):
            total += number & 7
    used = max(processor() - used, 1e-9)
    return Machine(max(used / 2 / REFERENCE_S, 0.1), min(max((wall() - began) / used, 1.0), MOST))
