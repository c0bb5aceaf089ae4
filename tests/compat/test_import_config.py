"""import-config writes what a running server has: from its data, and through the official boto3 as from AWS."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import import_config
from gateway.config import Config, parse
from tests.compat.world import ALIASES, World
from tests.gateway.upstreams.origin import CREDENTIALS
from tests.shared_state import in_environ

ACTIONS = {"popular": "recommend-items", "near": "related-items", "search": "rerank-items"}


def run(*arguments: str) -> Config:
    done = CliRunner().invoke(import_config.command, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    config = parse(done.stdout)
    assert config.warnings == ()
    return config


def found(config: Config) -> set[str]:
    return {plan.path for plan in config.namespaces["shop"].plans.values()}


def there() -> set[str]:
    return {f"{ACTIONS[model]}/{name}" for model, names in ALIASES.items() for name in (model, *names)}


def test_from_the_data_directory(trained: Path, state: dict[str, str]) -> None:
    with in_environ(state):
        config = run("--data", str(trained), "--groups", "shop")
    assert found(config) == there()
    plan = config.namespaces["shop"].plans["related-items", "near"]
    assert [(each.name, each.upstream, each.model) for each in plan.variations] == [
        ("personalize-sims", "engine", "near")
    ]
    assert len(config.namespaces["shop"].event_targets) == 1


def test_through_boto3(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", str(world.client("main").base_url))
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    config = run("--aws", "us-east-1")
    assert found(config) == there()
    plan = config.namespaces["shop"].plans["recommend-items", "popular"]
    assert plan.variations[0].upstream == "personalize"
    assert plan.variations[0].model.endswith(":campaign/popular")
