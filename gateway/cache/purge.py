"""Purges: an operator or another replica says that the answers of a namespace, or some of them, are outdated.

A purge travels through the event log, like everything that outdates answers, so that all replicas read it in order.
"""

from __future__ import annotations

import msgspec

from gateway.cache.changes import Tag


class Purge(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The answers of a namespace, or of one recommender, user or item in it."""

    namespace: str
    recommender: str | None = None
    user: str | None = None
    item: str | None = None


KIND = "purge"  # of the log's records
decode = msgspec.json.Decoder(Purge).decode


def encoded(purge: Purge) -> str:
    return msgspec.json.encode(purge).decode()


def tags_of_answer(namespace: str, recommender: str, user: str | None) -> tuple[Tag, ...]:
    """The tags by which an answer can be purged."""
    common: tuple[Tag, ...] = (("namespace", namespace), ("recommender", namespace, recommender))
    return common if user is None else (*common, user_tag(namespace, user))


def user_tag(namespace: str, user: str) -> Tag:
    return ("user", f"namespace {namespace}", user)


def tag_of(purge: Purge) -> Tag:
    if purge.recommender is not None:
        return ("recommender", purge.namespace, purge.recommender)
    if purge.user is not None:
        return user_tag(purge.namespace, purge.user)
    if purge.item is not None:
        return ("item", purge.namespace, purge.item)
    return ("namespace", purge.namespace)
