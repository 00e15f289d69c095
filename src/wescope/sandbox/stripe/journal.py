"""Makes a business durable: its parameters and every command, from which it is built again exactly."""

import json
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from wescope.sandbox.stripe.business import Business
from wescope.sandbox.stripe.commands import COMMANDS
from wescope.sandbox.stripe.errors import StripeError
from wescope.sandbox.stripe.jsonlines import JsonLines
from wescope.sandbox.stripe.seeding import Parameters, build_business
from wescope.sandbox.stripe.store import Resource

PARAMETERS = "business.json"
JOURNAL = "journal.jsonl"
DELIVERIES = "deliveries.jsonl"


class Journal:
    """The commands given to one business.

    Args:
        business: Whose.
        path: File of JSON lines, replayed first if it exists; None keeps nothing.
    """

    def __init__(self, business: Business, path: Path | None) -> None:
        self._business = business
        self._file = JsonLines(path)
        for entry in self._file.read():
            business.account.clock.set(entry["at"])
            with suppress(StripeError):  # it was refused the first time too
                self._run(entry["command"], entry["values"], entry["at"])

    def perform(self, command: str, values: dict[str, Any]) -> Resource:
        """Perform a command and return its answer; it is written down before it is performed.

        Args:
            command: A name in ``COMMANDS``.
            values: Its parameters, and ``at`` (Unix seconds) for something that happened at another time than now.

        Raises:
            StripeError: The command is refused. It stays in the journal, since ids may have been used up.
        """
        values = dict(values)
        at = int(values.pop("at", 0)) or self._business.account.clock.tick()
        self._file.append({"at": at, "command": command, "values": values})
        return self._run(command, values, at)

    def _run(self, command: str, values: dict[str, Any], at: int) -> Resource:
        try:
            return COMMANDS[command](self._business, values, at)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise StripeError(f"A parameter of {command} has a wrong form: {error!r}") from error


def open_business(parameters: Parameters, state: Path | None) -> tuple[Business, Journal, Path | None]:
    """Build the business, from ``state`` if it was there before: its parameters then win over the given ones.

    Returns:
        The business, its journal and the file for deliveries.
    """
    if state is None:
        business = build_business(parameters)
        return business, Journal(business, None), None
    state.mkdir(parents=True, exist_ok=True)
    file = state / PARAMETERS
    if file.exists():
        parameters = _read(file)
    else:
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(parameters), default=date.isoformat), encoding="utf-8")
        fresh.replace(file)
    business = build_business(parameters)
    return business, Journal(business, state / JOURNAL), state / DELIVERIES


def _read(file: Path) -> Parameters:
    values = json.loads(file.read_text(encoding="utf-8"))
    return Parameters(**(values | {"as_of": date.fromisoformat(values["as_of"])}))
