"""The base of views, as JSON spells them, and how places of the configuration are named in them."""

from __future__ import annotations

import msgspec


class View(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A view, or a part of one."""


class ListName(View, frozen=True, kw_only=True):
    """A recommender of the configuration."""

    namespace: str
    action: str
    recommender: str
