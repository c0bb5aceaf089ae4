"""The preference of users for one of two rankers, when both fill one list and clicks are credited to the ranker that
placed the item (team draft: Radlinski, Kurup and Joachims, "How does clickthrough data reflect retrieval quality?",
2008).

Each user casts one vote, for the ranker with more credit (Chapelle, Joachims, Radlinski and Yue, "Large-scale
validation and analysis of interleaved search evaluation", 2012); who credits both alike, or none, decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from gateway.experiments.analysis.lift import Method, p_always, reach_always
from gateway.experiments.analysis.moments import Values
from gateway.experiments.analysis.student import NORMAL

TUNED_FOR = 500  # votes: interleaving needs few
FEWEST = 25  # votes


@dataclass(frozen=True)
class Preference:
    """A preference for the challenger over the control, from -1 (every vote against it) to 1."""

    users: int
    wins: int
    losses: int
    value: float
    low: float
    high: float
    p: float | None  # that no preference looks like this; None for `bayesian`
    chance_to_win: float | None  # `bayesian` only
    enough: bool

    @property
    def sure(self) -> bool:
        return self.low > 0 or self.high < 0


def preference(
    challenger: Values,
    control: Values,
    method: Method = "always",
    alpha: float = 0.05,
    among: int = 1,
    draws: int = 10_000,
) -> Preference:
    """Credits are (users,) each. `always` is by a confidence sequence of the votes' mean; `fixed` by the exact sign
    test, with the interval of `draws` bootstrapped sets of users; `bayesian` by a Beta posterior under a flat prior."""
    wins, losses = int((challenger > control).sum()), int((challenger < control).sum())
    votes = wins + losses
    value = (wins - losses) / votes if votes else 0.0
    if votes < FEWEST:
        p = None if method == "bayesian" else 1.0
        return Preference(len(control), wins, losses, value, -1.0, 1.0, p, None, False)
    draw, chance = np.random.default_rng(0), None
    tails = (alpha / among / 2, 1 - alpha / among / 2)
    share = (wins + 1) / (votes + 2)  # so that votes all alike still leave a doubt
    if method == "always":
        error = 2 * sqrt(share * (1 - share) / votes)
        reach = reach_always(votes, alpha / among, alpha, TUNED_FOR) * error
        low, high, p = value - reach, value + reach, p_always(value / error, votes, alpha, TUNED_FOR)
    elif method == "fixed":
        # Whole users drawn again with replacement: their votes are all that counts, so a binomial draw is the same.
        low, high = (2 * np.quantile(draw.binomial(votes, share, draws) / votes, tails) - 1).tolist()
        p = sign_test(wins, losses)
    else:
        posterior = draw.beta(wins + 1, losses + 1, draws)
        low, high = (2 * np.quantile(posterior, tails) - 1).tolist()
        p, chance = None, float((posterior > 0.5).mean())
    low, high = max(min(low, value), -1.0), min(max(high, value), 1.0)
    p = None if p is None else min(p * among, 1.0)
    return Preference(len(control), wins, losses, value, low, high, p, chance, True)


def sign_test(wins: int, losses: int) -> float:
    """The chance that a fair coin is this uneven, either way: exact up to 1,000 votes, then by the normal law with a
    correction for continuity."""
    votes, fewer = int(wins + losses), int(min(wins, losses))
    if votes > 1_000:
        return min(1.0, 2 * NORMAL.cdf((2 * fewer + 1 - votes) / sqrt(votes)))
    chance = tail = 2.0**-votes
    for k in range(fewer):
        chance *= (votes - k) / (k + 1)
        tail += chance
    return min(1.0, 2 * tail)
