"""ARNs of Personalize that a document may name."""

from __future__ import annotations

import re

ARN = r"arn:[a-z0-9-]+:personalize:[a-z0-9-]+:[0-9]{12}:"
FILTER_ARN = re.compile(ARN + r"filter/[A-Za-z0-9_-]+")
MODEL_ARN = re.compile(ARN + r"(campaign|recommender)/[A-Za-z0-9_-]+")


def no_arn(text: str, whose: str, wanted: str, kind: str) -> str:
    """The built-in engine needs the name alone, so such an ARN loads; whether there is such a name is seen later."""
    meant = f"it is taken for the engine's {kind} {text.rpartition('/')[2]!r}"
    return f"{text!r} is no {whose} ARN, arn:aws:personalize:REGION:ACCOUNT:{wanted}: {meant}"
