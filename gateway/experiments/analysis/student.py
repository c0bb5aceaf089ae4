"""Student's distribution, by the continued fraction of the incomplete beta function (Press et al., "Numerical recipes",
§6.4): all that a fixed-horizon test needs, without a library of statistics."""

from __future__ import annotations

from math import exp, lgamma, log, log1p, pi
from statistics import NormalDist

NORMAL = NormalDist()
AS_NORMAL = 1e5  # degrees of freedom from which on a bound differs from the normal one's by less than 0.0001


def two_sided(t: float, freedom: float) -> float:
    """The chance of a value beyond ±t."""
    if freedom >= AS_NORMAL:
        return 2 * NORMAL.cdf(-abs(t))
    return _beta(freedom / (freedom + t * t), freedom / 2, 0.5)


def critical(alpha: float, freedom: float) -> float:
    """The t that is exceeded, either way, with the chance alpha."""
    t = NORMAL.inv_cdf(1 - alpha / 2)
    if freedom >= AS_NORMAL:
        return t
    for _ in range(50):  # Newton's steps, all upwards: the tail is convex and the normal bound lies below
        step = (two_sided(t, freedom) - alpha) / (2 * _density(t, freedom))
        t += step
        if abs(step) < 1e-10 * t:
            break
    return t


def _density(t: float, freedom: float) -> float:
    scale = lgamma((freedom + 1) / 2) - lgamma(freedom / 2) - log(freedom * pi) / 2
    return exp(scale - (freedom + 1) / 2 * log1p(t * t / freedom))


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function."""
    if not 0 < x < 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x)) / a
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    whole = d
    for m in range(1, 10_000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1 / (1 + step * d), 1 + step / c
            whole *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return front * whole
