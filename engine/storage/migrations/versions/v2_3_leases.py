"""Jobs are leased by number, and workers of other machines are known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "2.3", "2.1"

WORKERS = (
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("kinds", sa.String, nullable=False),
    sa.Column("places", sa.Integer, nullable=False),
    sa.Column("started", sa.Float, nullable=False),
    sa.Column("heartbeat", sa.Float, nullable=False),
)


def upgrade() -> None:
    op.add_column("jobs", sa.Column("lease", sa.Integer, nullable=False, server_default="0"))
    op.create_table("workers", *WORKERS)
