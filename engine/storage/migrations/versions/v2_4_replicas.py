"""Replicas over one log, and the bells by which they hear of each other's appends."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "2.4", "2.3"

BELLS = (
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("prior", sa.BigInteger, nullable=False),
    sa.Column("buckets", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.current_timestamp()),
)
REPLICAS = (
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("place", sa.String, nullable=False),
    sa.Column("lease_s", sa.Float, nullable=False),
    sa.Column("beat", sa.BigInteger, nullable=False),
)


def upgrade() -> None:
    op.create_table("bells", *BELLS)
    op.create_table("replicas", *REPLICAS)
