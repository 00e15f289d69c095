"""Random histories of all situations together: after each sync the books equal Stripe."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulation.history import History, Step, tried
from tests.simulation.settings import draw_settings
from tests.simulation.steps import ACTIONS

_SEEDS = st.integers(0, (1 << 30) - 1)
_KINDS = st.sampled_from([kind for kind, (often, _) in ACTIONS.items() for _ in range(often)])
_STEPS = st.builds(Step, kind=_KINDS, seed=_SEEDS)
# About half of them are nothing, so that fewer steps are simpler, and yet histories are not short from the outset.
_HISTORIES = st.builds(
    History,
    settings=_SEEDS.map(draw_settings),
    steps=st.lists(st.none() | _STEPS, min_size=40, max_size=120).map(lambda found: tuple(filter(None, found))),
)


@settings(max_examples=50, derandomize=True, database=None, deadline=None)
@given(history=_HISTORIES)
def test_the_books_equal_stripe_after_any_history(history: History) -> None:
    failure = tried(history)
    if failure is not None:
        pytest.fail(failure.told(), pytrace=False)
