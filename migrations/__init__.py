"""Alembic migrations, one branch a database: register, ledger."""
