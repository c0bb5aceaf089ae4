"""The script that alembic runs: the steps are taken within the transaction of the connection that it was given."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], version_table="recgate_version", transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
