"""Replicas confirm bells that they have heard by looking."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "2.6", "2.5"


def upgrade() -> None:
    op.add_column("replicas", sa.Column("heard", sa.BigInteger, nullable=False, server_default="0"))
