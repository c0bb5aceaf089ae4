"""Small documents for the tests of the configuration."""

from __future__ import annotations

from gateway.ask import Ask
from gateway.config import Config, ConfigError, parse
from gateway.plan.plan import Plan

ONE = "INCLUDE ItemID WHERE Items.A = 1"  # a filter
ARN = "arn:aws:personalize:eu-west-1:111122223333"


def shop(recommender: str, *, root: str = "", namespace: str = "", environ: dict[str, str] | None = None) -> Config:
    """One namespace `shop` with one recommender `for-you` whose body is given as YAML in one line."""
    recommenders = f"recommenders: {{recommend-items: {{for-you: {recommender}}}}}"
    text = f"{root}\nnamespaces:\n  shop:\n    {recommenders}\n    {namespace}"
    return parse(text, "shop.yaml", environ or {})


def plan_of(config: Config) -> Plan:
    return config.plan_for(Ask(action="recommend-items", namespace="shop", recommender="for-you", user_id="u"))


def faults_of(text: str, environ: dict[str, str] | None = None) -> list[str]:
    try:
        parse(text, "shop.yaml", environ or {})
    except ConfigError as error:
        return [f"{fault.place}: {fault.message}" for fault in error.faults]
    return []


def warnings_of(config: Config) -> list[str]:
    return [f"{warning.place}: {warning.message}" for warning in config.warnings]
