"""Alembic migrations of the link tables and of the queue's schema."""
