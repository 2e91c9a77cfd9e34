"""Alembic's entry: runs the revisions on the connection, and in the transaction, that the caller holds."""

from alembic import context

from deploy.stores.sql.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=False,  # the caller's transaction spans all revisions, on SQLite too
    render_as_batch=True,
)
context.run_migrations()
