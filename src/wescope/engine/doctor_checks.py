"""Doctor's checks: the one form in which everything that is looked at is told. Pure."""

from wescope.engine.results import Check, Severity
from wescope.errors import StripeRefused, WescopeError


def checked(name: str, *, seen: str, fault: str = "", remedy: str = "", severity: Severity = Severity.ERROR) -> Check:
    """A check that is good unless there is a fault.

    Args:
        name: what was looked at.
        seen: what is there, shown if it is good.
        fault: what is wrong with it; empty if nothing is.
        remedy: the one action that mends the fault, in one sentence.
        severity: how bad the fault is.
    """
    return Check(name=name, ok=not fault, detail=fault or seen, remedy=remedy if fault else "", severity=severity)


def failed(name: str, error: WescopeError, *, severity: Severity = Severity.ERROR) -> Check:
    """The check that an error ended; a permission that Stripe names becomes the remedy."""
    permission = error.detail if isinstance(error, StripeRefused) else ""
    remedy = f"Give the restricted key the permission {permission}." if permission else error.remedy
    return checked(name, seen="", fault=str(error), remedy=remedy, severity=severity)
