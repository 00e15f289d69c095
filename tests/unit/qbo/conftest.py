"""Retries do not wait in unit tests."""

from collections.abc import Iterator

import pytest
import stamina


@pytest.fixture(autouse=True)
def _retries_at_once() -> Iterator[None]:
    with stamina.set_testing(True, attempts=100, cap=True):
        yield
