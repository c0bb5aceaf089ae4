"""ARNs: `arn:aws:personalize:<region>:<account>:<kind>/<name>` (specification §1.3).

Recipes have no region and no account.
"""

from __future__ import annotations

PARTITION = "arn:aws:personalize"
RECIPE_PREFIX = f"{PARTITION}:::recipe/"


def arn_of(region: str, account: str, resource: str) -> str:
    """`resource` is what comes after the account, `campaign/for-you` for example."""
    return f"{PARTITION}:{region}:{account}:{resource}"


def name_of(arn: str) -> str:
    """The part after the kind: `for-you` of a campaign, `for-you/1a2b3c4d` of a solution version."""
    return arn.partition("/")[2]


def recipe_arn(name: str) -> str:
    return RECIPE_PREFIX + name


def region_of(arn: str) -> str:
    return arn.split(":", 4)[3]


def belongs(arn: str, region: str, account: str) -> bool:
    return arn.startswith(arn_of(region, account, ""))
