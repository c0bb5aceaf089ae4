"""One arm against the control: how much higher its mean is, and between which bounds.

Three methods, which differ in how many standard errors a bound is away:

- `always`: an asymptotic confidence sequence, good at every look of an endless series of them (Waudby-Smith, Arbour,
  Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", 2021, its equation
  for the two-sided Gaussian mixture). Tightest near 5,000 units in two equal arms, as GrowthBook sets it, or as many in
  unequal ones as tell the same.
- `fixed`: Welch's t-test, good for one look that was planned beforehand.
- `bayesian`: a normal posterior under a flat prior; its interval holds the lift with the stated probability, and the
  chance to win needs no correction for looks but promises no rate of false alarms.

The interval of the lift holds the ratios r for which mean - r · control's mean is not told from 0 (Fieller, 1954). So
it excludes 0 exactly where the difference does, and swapping the arms turns it into its reciprocal.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log, pi, sqrt
from typing import Literal

from gateway.experiments.analysis.moments import Moments
from gateway.experiments.analysis.student import NORMAL, critical, two_sided

Method = Literal["always", "fixed", "bayesian"]
TUNED_FOR = 5_000  # units
FEWEST = 100  # units of each arm, as Evidently had it
FEWEST_EVENTS = 50  # units of both arms together, that are not 0; an arm that lost all of its events still shows
MOST_SKEW = 0.2  # of the difference, which unequal arms take over from units: beyond, normal bounds are wrong


@dataclass(frozen=True)
class Lift:
    """The lift of a mean, relative to the control's; bounds are infinite where the data allow every value on that
    side."""

    value: float
    low: float
    high: float
    difference: float  # of the means
    difference_low: float
    difference_high: float
    p: float | None  # two-sided, at this look; None for `bayesian`
    chance_to_win: float | None  # that the mean is above the control's; `bayesian` only
    expected_loss: float | None  # in the metric's unit, if the arm is chosen for good; `bayesian` only
    enough: bool  # units and events to say anything at all

    @property
    def sure(self) -> bool:
        return self.difference_low > 0 or self.difference_high < 0


def lift(arm: Moments, control: Moments, method: Method = "always", alpha: float = 0.05, among: int = 1) -> Lift:
    """`among` comparisons share the error rate `alpha` by Bonferroni's rule: intervals at alpha / among hold all
    together, p-values are multiplied by it."""
    difference = arm.mean - control.mean
    value = difference / abs(control.mean) if control.mean else (inf if difference else 0.0)
    error = sqrt(arm.error**2 + control.error**2) if min(arm.units, control.units) > 1 else inf
    enough = _enough(arm, control)
    if not enough or not 0 < error < inf:
        open_p = None if method == "bayesian" else 1.0
        return Lift(value, -inf, inf, difference, -inf, inf, open_p, None, None, False)
    units, freedom = round(4 / (1 / arm.units + 1 / control.units)), _freedom(arm, control)
    if method == "always":
        reach, p = reach_always(units, alpha / among, alpha), p_always(difference / error, units, alpha)
    elif method == "fixed":
        reach, p = critical(alpha / among, freedom), two_sided(difference / error, freedom)
    else:
        reach, p = critical(alpha / among, inf), None
    low, high = _ratios(arm, control, reach)
    z = difference / error
    bayesian = method == "bayesian"
    return Lift(
        value,
        low - 1 if control.mean > 0 else -inf,
        high - 1 if control.mean > 0 else inf,
        difference,
        difference - reach * error,
        difference + reach * error,
        None if p is None else min(p * among, 1.0),
        NORMAL.cdf(z) if bayesian else None,
        error * (exp(-z * z / 2) / sqrt(2 * pi) - z * NORMAL.cdf(-z)) if bayesian else None,
        True,
    )


def _enough(arm: Moments, control: Moments) -> bool:
    if min(arm.units, control.units) < FEWEST or arm.events + control.events < FEWEST_EVENTS:
        return False
    skewness = max(abs(arm.skewness), abs(control.skewness))
    return skewness * abs(1 / arm.units - 1 / control.units) <= MOST_SKEW * sqrt(1 / arm.units + 1 / control.units)


def reach_always(units: int, alpha: float, tuned_alpha: float | None = None, tuned_for: int = TUNED_FOR) -> float:
    """The number of standard errors that a bound is away, at this number of units."""
    spread = units * _tuning(tuned_alpha or alpha, tuned_for)
    return sqrt(2 * (spread + 1) / spread * log(sqrt(spread + 1) / alpha))


def p_always(z: float, units: int, tuned_alpha: float = 0.05, tuned_for: int = TUNED_FOR) -> float:
    """The least alpha whose confidence sequence excludes 0, `z` standard errors away."""
    spread = units * _tuning(tuned_alpha, tuned_for)
    return min(1.0, sqrt(spread + 1) * exp(-z * z * spread / (2 * (spread + 1))))


def _tuning(alpha: float, tuned_for: int) -> float:
    """The mixture's ρ², which makes the sequence tightest at that many units."""
    return (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / tuned_for


def _freedom(arm: Moments, control: Moments) -> float:
    """Welch and Satterthwaite's degrees of freedom."""
    a, b = arm.error**2, control.error**2
    below = a * a / (arm.units - 1) + b * b / (control.units - 1)
    return (a + b) ** 2 / below if below else inf


def _ratios(arm: Moments, control: Moments, reach: float) -> tuple[float, float]:
    """The ratios r of the means between which |arm - r · control| stays within `reach` standard errors: the roots of a
    parabola. Infinite where the control's own mean is not told from 0."""
    a = control.mean**2 - (reach * control.error) ** 2
    b = arm.mean * control.mean
    c = arm.mean**2 - (reach * arm.error) ** 2
    if a <= 0:
        return -inf, inf
    root = sqrt(max(b * b - a * c, 0.0))
    return (b - root) / a, (b + root) / a
