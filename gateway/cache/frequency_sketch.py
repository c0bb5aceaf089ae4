"""Estimates of how often keys were asked for lately, in a small and fixed space. They decide which entry stays.

A count-min sketch of small counters, halved again and again so that it forgets (Einziger, Friedman, Manes: TinyLFU, a
highly efficient cache admission policy, 2017). A crawler's keys are asked for once: they never win against a regular's.
"""

from __future__ import annotations

HIGHEST = 15
SEEDS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93)
SAMPLE = 10  # additions a counter, after which all are halved
MASK = (1 << 64) - 1


class FrequencySketch:
    def __init__(self, width: int = 1 << 16) -> None:
        """`width`: counters a row, a power of two; four bytes each in all."""
        self._shift = 64 - (width.bit_length() - 1)
        self._seeded = [(bytearray(width), seed) for seed in SEEDS]
        self._sample = SAMPLE * width
        self._added = 0

    def add(self, key: int) -> None:
        """Count a key, given by its hash."""
        shift = self._shift
        for row, seed in self._seeded:
            place = ((key * seed) & MASK) >> shift
            if row[place] < HIGHEST:
                row[place] += 1
        self._added += 1
        if self._added >= self._sample:
            self._halve()

    def estimate(self, key: int) -> int:
        """Additions of the key, halved as time went by: never too few, and at most 15."""
        shift, least = self._shift, HIGHEST
        for row, seed in self._seeded:
            least = min(least, row[((key * seed) & MASK) >> shift])
        return least

    def _halve(self) -> None:
        table = bytes(value // 2 for value in range(256))
        self._seeded = [(bytearray(row.translate(table)), seed) for row, seed in self._seeded]
        self._added //= 2
