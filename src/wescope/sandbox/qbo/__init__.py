"""A local QuickBooks Online: Intuit's HTTP interface over a double-entry ledger, strict, with knobs and faults."""

from wescope.sandbox.qbo.knobs import Knobs
from wescope.sandbox.qbo.server import QboSandbox, Running

__all__ = ["Knobs", "QboSandbox", "Running"]
