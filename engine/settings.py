"""Where state lives and how the engine behaves; read from the environment once, at start (specification §10)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from engine.sql import sqlite_url


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    data_dir: Path
    database_url: str
    account_id: str = "000000000000"
    region: str = "us-east-1"
    quotas: str = "open"  # open | aws (specification §8.1)
    allow_file_urls: bool = False  # whether imports may name file:// locations
    pending_s: float = 0.25  # how long a new resource shows CREATE PENDING, then IN_PROGRESS; 0: at once ACTIVE
    min_interactions: int = 0  # what training refuses to start below; AWS: 1000
    min_users: int = 0  # users with two interactions or more; AWS: 25
    read_only: bool = False

    @classmethod
    def of(cls, data_dir: Path, environ: Mapping[str, str], **changes: object) -> Settings:
        """Settings for one data directory; `changes` are fields of this struct and win."""
        known: dict[str, object] = {
            "data_dir": data_dir,
            "database_url": environ.get("RECGATE_DATABASE_URL", sqlite_url(data_dir)),
            "allow_file_urls": environ.get("RECGATE_ALLOW_FILE_URLS", "") in {"1", "true", "yes"},
        }
        return cls(**{**known, **changes})  # type: ignore[arg-type]
