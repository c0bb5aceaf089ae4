"""When each item was shown to a user: for fatigue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "2.1", "1.1"

SHOWN_ITEMS = (
    sa.Column("grp", sa.String, primary_key=True),
    sa.Column("who", sa.String, primary_key=True),
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("until", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)


def upgrade() -> None:
    if sa.inspect(op.get_bind()).has_table("shown_items"):
        return  # made before there were versions
    op.create_table("shown_items", *SHOWN_ITEMS)
    op.create_index("shown_items_who", "shown_items", ["who"])
    op.create_index("shown_items_until", "shown_items", ["until"])
