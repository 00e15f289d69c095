"""The fixtures of the integration tests: a database per test, both services in this process."""

from tests.integration.conftest import database, make_database, make_desk, postgres_url, template_database

__all__ = ["database", "make_database", "make_desk", "postgres_url", "template_database"]
