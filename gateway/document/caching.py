"""Freshness of answers."""

from __future__ import annotations

from gateway.document.values import Part, Seconds


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
