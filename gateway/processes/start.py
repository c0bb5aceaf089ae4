"""Reads a server's configuration, and the engine's settings that follow from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from engine import Settings
from gateway.config import Config, load, parse
from gateway.document.redis_url import SECRET, URL

if TYPE_CHECKING:
    from gateway.cache.fan_out import RedisFanOut

EMPTY_CONFIG = "namespaces: {}"


def configuration(where: str | None) -> Config:
    """Raises `ConfigError`. Without a place only the AWS wire answers."""
    return load(where) if where is not None else parse(EMPTY_CONFIG, "no configuration")


def engine_settings(data: Path, config: Config) -> Settings:
    aws = config.aws
    changes: dict[str, object] = {"account_id": aws.account_id, "region": aws.region, "quotas": aws.quotas}
    if aws.allow_file_urls:
        changes["allow_file_urls"] = True
    if aws.first_training_delay is not None:
        changes["first_training_s"] = float(aws.first_training_delay)
    return Settings.of(data, os.environ, **changes)


def fan_out_of(settings: Settings, environ: Mapping[str, str]) -> RedisFanOut | None:
    """The fan-out between machines, where they share a database and a Redis."""
    if not settings.is_shared or not environ.get(URL):
        return None
    from gateway.cache.fan_out import RedisFanOut

    return RedisFanOut(environ[URL], environ.get(SECRET, ""))
