"""Levels of the document, and what variations add to them."""

from __future__ import annotations

from gateway.document.context import AutoContext, DiversityPart, Filter, Hide, ObjectivePart, Promotion
from gateway.document.remote import CircuitBreaker
from gateway.document.rules import AnyListRule
from gateway.document.values import BelowOne, Duration, FlagValue, Part, Retries, Seconds, TimesShown, Weight, Window
from gateway.metadata import AnyMetadata


class CachePolicy(Part, frozen=True):
    """How long one kind of caller's answers are fresh, and what Cache-Control says besides."""

    max_age: Seconds = 0
    directives: str = ""


class CacheControl(Part, frozen=True):
    """A policy a kind of caller; a kind that is absent is inherited."""

    auto_provision: bool = True
    user_specified: CachePolicy | None = None
    synthetic_user_specified: CachePolicy | None = None
    no_user_specified: CachePolicy | None = None


class FatiguePart(Part, frozen=True, kw_only=True):
    """An item that the built-in engine has shown a user so often `within` a time, without an event of that user on it
    since, rests: by `weight` 0 it comes after all others, else its odds are multiplied by it. `shown: 0`: none does."""

    shown: TimesShown
    within: Window = "7d"
    rest: Window = "3d"
    weight: BelowOne = 0.0


class Level(Part, frozen=True):
    """A level of the document; what it does not say it inherits from the one above."""

    auto_context: AutoContext | None = None
    cache_control: CacheControl | None = None
    filters: tuple[Filter, ...] | None = None
    promotions: tuple[Promotion, ...] | None = None
    objective: ObjectivePart | None = None
    rules: tuple[AnyListRule, ...] | None = None
    diversity: DiversityPart | None = None
    inference_item_metadata: AnyMetadata | None = None
    hide: tuple[Hide, ...] | None = None
    hide_seen: Seconds | None = None
    fatigue: FatiguePart | None = None


class VariationPart(Level, frozen=True, tag_field="type"):
    """`value` is what clients of flags get for it: the variation's name where none has a value."""

    weight: Weight | None = None
    value: FlagValue | None = None
    filter: Filter | None = None

    @property
    def asks_for_promotions(self) -> bool:
        """Tell whether the origin hears of a promotion."""
        return True


class RemoteVariation(VariationPart, frozen=True):
    """Answered elsewhere: seconds for one try, how often again where that may help, and when not to ask at all."""

    timeout: Duration = 2
    retries: Retries = 1
    circuit_breaker: CircuitBreaker = CircuitBreaker()
