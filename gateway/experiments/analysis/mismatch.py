"""Sample ratio mismatch: where the arms have not the shares of units that were meant, something loses units, and no
result is to be trusted (Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments", 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, lgamma, log

ALARM = 0.01  # one experiment in a hundred is ever suspected wrongly, however often one looks
TRUST = 1_000  # how many units of the meant shares the prior is worth: finds 48 to 52 among 20,000


def mismatch(counts: Sequence[int], weights: Sequence[float]) -> float:
    """A p-value that holds at every look: the odds of the meant shares against any others near them (Lindon and Malek,
    "Anytime-valid inference for multinomial count data", 2020).

    Counts and weights are those since the weights last changed; arms without weight must have no units. Raises
    `ValueError` where no arm has a weight.
    """
    total = float(sum(weights))
    if len(counts) != len(weights) or total <= 0 or min(weights) < 0:
        raise ValueError("weights: one of 0 and more for each arm, and not all 0")
    if any(count > 0 and weight == 0 for count, weight in zip(counts, weights, strict=True)):
        return 0.0
    meant = [(count, weight / total) for count, weight in zip(counts, weights, strict=True) if weight > 0]
    units = sum(count for count, _ in meant)
    against = lgamma(TRUST) - lgamma(TRUST + units)
    for count, share in meant:
        against += lgamma(TRUST * share + count) - lgamma(TRUST * share) - count * log(share)
    return exp(-max(against, 0.0))
