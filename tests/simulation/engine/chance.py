"""The seeded chance of a world: each decision has a name, so that it repeats and can be left out."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TypeVar

_T = TypeVar("_T")


class Chance:
    """Draws by name: the same seed and name give the same draw, whatever was drawn before."""

    def __init__(self, seed: int, left_out: frozenset[str] = frozenset()) -> None:
        self.seed, self.left_out = seed, left_out
        self.is_on = True
        self.taken: list[str] = []

    def draw(self, name: str) -> float:
        """From 0 to 1."""
        digest = hashlib.blake2b(f"{self.seed} {name}".encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big") / (1 << 56)

    def between(self, name: str, least: float, most: float) -> float:
        return least + (most - least) * self.draw(name)

    def pick(self, name: str, found: Sequence[_T]) -> _T:
        return found[int(self.draw(name) * len(found))]

    def happens(self, name: str, share: float) -> bool:
        """Whether something that comes in that share of cases comes now; it can be left out by its name."""
        if not self.is_on or not share or self.draw(name) >= share:
            return False
        return self._takes(name)

    def one_of(self, name: str, shares: Mapping[str, float]) -> str:
        """One of several mishaps, each with its share, or nothing."""
        if not self.is_on:
            return ""
        rest = self.draw(name)
        for kind, share in shares.items():
            rest -= share
            if rest < 0:
                return kind if self._takes(name) else ""
        return ""

    def _takes(self, name: str) -> bool:
        if name in self.left_out:
            return False
        self.taken.append(name)
        return True
