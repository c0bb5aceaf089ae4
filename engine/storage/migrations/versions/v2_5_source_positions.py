"""Positions in event sources, each stored with the events before it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "2.5", "2.4"

SOURCE_POSITIONS = (
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("next", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)


def upgrade() -> None:
    op.create_table("source_positions", *SOURCE_POSITIONS)
