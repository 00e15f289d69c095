"""Runs migrations on the connection that `wescope.links.database.migrate` hands over."""

from alembic import context

from wescope.links.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
