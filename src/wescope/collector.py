"""The collector of garbage rests while a process starts.

What a process imports and builds at its start are a quarter of a million objects that stay. The collector would look at
all of them again and again: a fifth of the time that it takes to start.
"""

import contextlib
import gc
from collections.abc import Iterator


def rest() -> None:
    """Collect nothing until `work`."""
    gc.disable()


def work() -> None:
    """Collect again, but look no more at what was made while the collector rested; nothing if it did not rest."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def resting() -> Iterator[None]:
    """Collect nothing in the block."""
    rest()
    try:
        yield
    finally:
        work()
