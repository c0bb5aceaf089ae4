"""Post-processors of the document as plans, and what the document says around a kind's part."""

from __future__ import annotations

from gateway.config import document
from gateway.document.remote import Enclosing
from gateway.plan import plan
from gateway.upstreams.function import function


def enclosing(namespace: str, root: document.Root) -> Enclosing:
    return Enclosing(namespace, root.aws.region, root.origins.personalize)


def post_processor(part: document.AnyPostProcessor | None, region: str) -> plan.PostProcessor | None:
    if part is None:
        return None
    most = None if part.look_ahead_maximum_value is None else int(part.look_ahead_maximum_value)
    return plan.PostProcessor(function(part, region), part.look_ahead_multiplier, most)
