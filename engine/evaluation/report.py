"""The report of an evaluation: what was measured, how, and how sure it is."""

from __future__ import annotations

import msgspec

Interval = tuple[float, float]


class ReportRow(msgspec.Struct, frozen=True):
    """One model on one split. Intervals are 95 %, by bootstrap over users."""

    model: str
    settings: str
    ndcg_at_10: float
    interval: Interval
    hit_rate_at_10: float
    mean_reciprocal_rank: float
    coverage_at_10: float  # share of the catalogue in anyone's first ten
    popularity: float  # mean percentile of the recommended items' popularity, 1: only the most popular
    ahead: float | None = None  # NDCG@10 of the first model less this row's, over the same users
    ahead_interval: Interval | None = None


class ReportPart(msgspec.Struct, frozen=True):
    """One split: the rows of one part can be compared, those of different parts can't."""

    split: str
    users: int
    trained_on: int  # interactions
    target: str  # "next item" (one right answer) or "next basket" (several)
    seen_removed: bool
    rows: list[ReportRow]  # none without users

    @property
    def title(self) -> str:
        return f"{self.split} ({self.users} users)" if self.users else f"{self.split}: no such users, nothing measured"


class EvaluationReport(msgspec.Struct, frozen=True):
    interactions: int
    users: int
    items: int
    last_two_tied: float  # share of users whose last two events have the same timestamp
    repeats: float  # share of validation targets that the user had chosen before
    parts: list[ReportPart]
    rules: list[str]

    def to_json(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2)

    def table(self) -> list[dict[str, str]]:
        """One row of texts a model and split, in the order to show them."""
        return [_texts(part, row) for part in self.parts for row in part.rows]


def _texts(part: ReportPart, row: ReportRow) -> dict[str, str]:
    ahead = "" if row.ahead is None or row.ahead_interval is None else f"{row.ahead:+.4f} {span(row.ahead_interval)}"
    return {
        "split": part.title,
        "model": row.model,
        "NDCG@10": f"{row.ndcg_at_10:.4f} {span(row.interval)}",
        "HR@10": f"{row.hit_rate_at_10:.4f}",
        "MRR": f"{row.mean_reciprocal_rank:.4f}",
        "coverage": f"{row.coverage_at_10:.3f}",
        "popularity": f"{row.popularity:.3f}",
        "first model ahead by": ahead,
        "settings": row.settings,
    }


def span(interval: Interval) -> str:
    return f"[{interval[0]:.4f}, {interval[1]:.4f}]"
