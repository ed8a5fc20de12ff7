"""Run the identity database's migrations on the connection that `hsm.databases.upgrade` gives.

The version table has a name of its own: identity and register may share one database.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], version_table="identity_version"
)
with context.begin_transaction():
    context.run_migrations()
