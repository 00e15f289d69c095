"""Navigation: the sections of the console, in the order in which people look."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One entry: where it leads, and what it is called."""

    path: str
    title: str

    def holds(self, path: str) -> bool:
        """True if a page belongs to it."""
        return path == self.path or (self.path != "/" and path.startswith(f"{self.path}/"))


SECTIONS = (
    Section(path="/", title="Home"),
    Section(path="/tieout", title="Tie-out"),
    Section(path="/payouts", title="Payouts"),
    Section(path="/close", title="Close"),
    Section(path="/parked", title="Parked"),
    Section(path="/drift", title="Drift"),
    Section(path="/runs", title="Runs"),
    Section(path="/setup", title="Setup"),
    Section(path="/audit", title="Audit log"),
)
