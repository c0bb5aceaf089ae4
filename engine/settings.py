"""Settings: where state lives and how the engine behaves; read from the environment once (specification §10)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf
from pathlib import Path

import msgspec

from engine.errors import InvalidInput
from engine.storage.sql import sqlite_url

AWS_MINIMUM = {"min_interactions": 1000, "min_users": 25, "min_share": 0.01}  # specification §2.3
INSTANT = {"pending_s": 0.0, "first_training_s": 1.0}
TRUE = frozenset({"1", "true", "yes"})


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    data_dir: Path
    database_url: str
    account_id: str = "000000000000"
    region: str = "us-east-1"
    quotas: str = "open"  # open | aws (specification §8.1)
    allow_file_urls: bool = False  # whether imports may name file:// locations
    pending_s: float = 0.25  # how long a new resource shows CREATE PENDING, then IN_PROGRESS; 0: at once ACTIVE
    first_training_s: float = 3600.0  # from automatic training switched on to the first; as at AWS, within an hour
    min_interactions: int = 0  # what training refuses to start below; AWS: 1000
    min_users: int = 0  # users with two interactions or more; AWS: 25
    min_share: float = 0.0  # of all users, those with two interactions or more; AWS: 0.01
    jobs: str = "local"  # or Ray's address, see engine.ray_tasks
    storage_url: str = ""  # s3://BUCKET/PREFIX of snapshots and models; "": the data directory
    storage_cache_bytes: int = 20_000_000_000  # of a bucket's copies in the data directory, beside those in use
    read_only: bool = False
    shown_hours: float = 24.0  # how long answers are remembered by their recommendationId (specification §5.3)
    experiment_days: float = 90.0  # how long what is known of an experiment outlives its place in the configuration
    log_days: float = 90.0  # how long log records that a snapshot has, and jobs that have ended, stay in the database
    versions_kept: float = 10  # solution versions of automatic training, of each solution; 0: all, as at AWS
    lease_s: float = 0.045  # the longest that replicas answer without having looked at what others append
    catch_up_s: float = 1.0  # the longest that an answer waits for what other machines have acknowledged
    shown_bytes: int = 2_000_000_000  # the most disk that this may take, and then the oldest are forgotten sooner

    @property
    def is_shared(self) -> bool:
        """Machines share the database."""
        return not self.database_url.startswith("sqlite")

    @classmethod
    def of(cls, data_dir: Path, environ: Mapping[str, str], **changes: object) -> Settings:
        """Settings for one data directory; `changes` are fields of this struct and win.

        RECGATE_INSTANT leaves no time to states that pass by themselves, and a second before automatic training.

        Quotas of `aws` bring AWS's minimum of data with them. Raises `InvalidInput` for a variable of a wrong value.
        """
        fields: dict[str, object] = {
            "data_dir": data_dir,
            "database_url": environ.get("RECGATE_DATABASE_URL", sqlite_url(data_dir)),
            "account_id": _spelled("RECGATE_ACCOUNT_ID", environ, "000000000000", r"[0-9]{12}"),
            "region": _spelled("RECGATE_REGION", environ, "us-east-1", r"[a-z0-9-]+"),
            "allow_file_urls": environ.get("RECGATE_ALLOW_FILE_URLS", "") in TRUE,
            "jobs": environ.get("RECGATE_JOBS", "local"),
            "storage_url": environ.get("RECGATE_STORAGE_URL", ""),
            "storage_cache_bytes": int(_number("RECGATE_STORAGE_CACHE_BYTES", environ, 20e9)),
            "pending_s": _number("RECGATE_PENDING_SECONDS", environ, 0.25),
            "shown_hours": _number("RECGATE_SHOWN_HOURS", environ, 24.0),
            "experiment_days": _number("RECGATE_EXPERIMENT_DAYS", environ, 90.0),
            "log_days": _number("RECGATE_LOG_DAYS", environ, 90.0, least=1.0),
            "versions_kept": _number("RECGATE_VERSIONS_KEPT", environ, 10.0),
            "catch_up_s": _number("RECGATE_CATCH_UP_SECONDS", environ, 1.0),
            "lease_s": _number("RECGATE_LEASE_MS", environ, 45.0) / 1000,
            "shown_bytes": int(_number("RECGATE_SHOWN_BYTES", environ, 2e9)),
        }
        if environ.get("RECGATE_INSTANT", "") in TRUE:
            fields.update(INSTANT)
        if changes.get("quotas") == "aws":
            fields.update(AWS_MINIMUM)
        for field in ("min_interactions", "min_users"):
            fields.update(_least(field, environ))
        return cls(**{**fields, **changes})  # type: ignore[arg-type]


def _spelled(name: str, environ: Mapping[str, str], default: str, pattern: str) -> str:
    value = environ.get(name) or default
    if not re.fullmatch(pattern, value, re.ASCII):
        rule = "twelve digits" if name == "RECGATE_ACCOUNT_ID" else "a region's name, such as eu-west-1"
        raise InvalidInput(f"{name} is {value!r}; it is {rule}.")
    return value


def _number(name: str, environ: Mapping[str, str], default: float, least: float = 0.0) -> float:
    value = environ.get(name)
    try:
        number = default if value is None else float(value)
    except ValueError:
        number = -1.0
    if not least <= number < inf:
        raise InvalidInput(f"{name} is {value!r}; it is a number, {least:g} or more.")
    return number


def _least(field: str, environ: Mapping[str, str]) -> dict[str, int]:
    name = f"RECGATE_{field.upper()}"
    value = environ.get(name)
    if value is None:
        return {}
    if not value.isdecimal():
        raise InvalidInput(f"{name} is {value!r}; it is a whole number, 0 or more.")
    return {field: int(value)}
