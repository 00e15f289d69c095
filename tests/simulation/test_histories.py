"""Random histories of all situations together: after each sync the books equal Stripe."""

import pytest

from tests.simulation.history import draw_history, shrunk, tried

_SHRINK_S = 10.0


@pytest.mark.parametrize("seed", range(50))
def test_the_books_equal_stripe_after_any_history(seed: int) -> None:
    failure = tried(draw_history(seed, 20, 60))
    if failure is not None:
        pytest.fail(f"seed {seed}\n{shrunk(failure, seconds=_SHRINK_S).told()}", pytrace=False)
