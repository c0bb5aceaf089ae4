"""The plan that training decides on: which scorers, with what weights in which situation, how sure a score is."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from engine.ensemble.member import ScorerColumn
from engine.ensemble.members import MEMBERS

IN_SESSION = 6 * 3_600.0  # seconds since the last event up to which a user counts as active


@dataclass(frozen=True)
class Options:
    """The hyperparameters of a recipe that concern the ensemble."""

    dim: int = 64
    length: int = 50
    epochs: int = 24  # more on small data; fewer where validation gets no better, or the budget ends
    gigaflops: float = 4_000.0  # a budget for one fit of the sequence model: two or three minutes of one core
    recency: bool = True
    most_epochs: int = 40  # however small the data are
    light: bool = False  # only scorers that are fitted in a pass over the interactions


class EnsembleParams(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hyperparameters of every recipe with an ensemble. AWS does not know these; each recipe adds those it knows."""

    sequence_epochs: int = Options.epochs
    sequence_gigaflops: float = Options.gigaflops
    sequence_most_epochs: int = Options.most_epochs
    light: bool = Options.light

    @property
    def options(self) -> Options:
        return Options(
            epochs=self.sequence_epochs,
            gigaflops=self.sequence_gigaflops,
            most_epochs=self.sequence_most_epochs,
            light=self.light,
        )


class Blend(msgspec.Struct, frozen=True):
    """Weights of the plan's columns, and the factor that makes a logit of their sum."""

    weights: tuple[float, ...]
    scale: float
    ndcg: float  # on validation
    cases: int


class EnsemblePlan(msgspec.Struct, frozen=True):
    """`active`: users in the middle of a visit; `returning`: with a history, but not now; `new`: without one."""

    columns: tuple[ScorerColumn, ...]
    active: Blend
    returning: Blend
    new: Blend
    seen_penalty: float  # logits taken off seen items: 0 where people choose the same things again
    repeats: float  # share of validation answers that the user had chosen before
    tried: dict[str, float]  # every column's own NDCG@10 on the active validation

    def account(self) -> dict[str, object]:
        """The plan in words and figures for people."""
        blends = {name: getattr(self, name) for name in ("active", "returning", "new")}
        return {
            "blends": {
                name: {
                    "weights": {str(c): w for c, w in zip(self.columns, blend.weights, strict=True) if w},
                    "validation_ndcg_at_10": round(blend.ndcg, 4),
                    "validation_cases": blend.cases,
                }
                for name, blend in blends.items()
            },
            "protocol": "seen items removed" if self.seen_penalty else "seen items kept",
            "repeat_share": round(self.repeats, 4),
            "tried_ndcg_at_10": {name: round(value, 4) for name, value in self.tried.items()},
        }


def readings_of(name: str, recency: bool) -> list[dict[str, float]]:
    """The ways to read a member; without recency only those in which all of a history counts the same."""
    member = MEMBERS[name]
    if not recency and member.by_recency:
        return []
    plain = [dict(reading) for reading in member.readings if reading.get("power", 0) == 0]
    return plain if not recency and plain else [dict(reading) for reading in member.readings]
