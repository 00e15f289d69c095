"""The port to what knows whether the database was restored: is all that QBO holds of ours known here?"""

from typing import Protocol


class RestoredPort(Protocol):
    """Lets work pass once it is certain that nothing in QBO is unknown here."""

    async def check(self) -> None:
        """Look, the first time.

        Raises:
            QboError: QBO cannot be read.
            DatabaseUnavailable: the database does not answer.
            LocksLost: another process is looking.
        """
