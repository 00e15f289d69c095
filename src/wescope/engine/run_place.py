"""The place of a run: how far it has come, out of its checkpoint, in words. Pure."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from wescope.books.policy import Policy
from wescope.engine.backfill import Course
from wescope.engine.sweep_lists import Part
from wescope.errors import WrongUse
from wescope.links.runs import Run, RunKind, RunState

_PARTS: Mapping[str, str] = {
    Part.EVENTS.value: "Stripe's events",
    Part.GAP.value: "the time of which Stripe may have forgotten events",
    Part.OPEN.value: "what is open",
}


def place_of(run: Run, policy: Policy) -> str | None:
    """Where a run stands; null if it is over, or nothing is known."""
    if run.state not in {RunState.RUNNING, RunState.PAUSED, RunState.FAILED}:
        return None
    tell = _BY_KIND.get(run.kind)
    return (tell(run, policy) if tell else None) or _steps(run)


def _steps(run: Run) -> str | None:
    step, steps = run.counts.get("step"), run.counts.get("steps")
    return None if step is None or not steps else f"{step} of {steps} steps are done."


def _backfill(run: Run, policy: Policy) -> str | None:
    index = int(run.checkpoint.get("step", 0))
    try:
        since, until = (date.fromisoformat(str(run.options[name])) for name in ("since", "until"))
        course = Course.of(since, until, policy)
    except (KeyError, ValueError, WrongUse):
        return None
    if index >= course.steps:
        return "All is listed; what is queued is worked off."
    step = course.step(index)
    kind = step.kind.value.replace("_", " ")
    # What has no window of its own is listed up to the end of the period.
    first = step.window.first.astimezone(policy.timezone).date()
    last = (step.window.after - timedelta(seconds=1)).astimezone(policy.timezone).date()
    days = f"of {first} to {last}" if first.year > 1970 else f"up to {last}"  # noqa: PLR2004 - the beginning of time
    return f"Listing {kind} {days}: step {index + 1} of {course.steps}."


def _replay(run: Run, _policy: Policy) -> str | None:
    if run.checkpoint.get("listed"):
        return "All is listed; what is queued is worked off."
    after = run.checkpoint.get("after")
    return f"Listed up to {after}." if after else None


def _sweep(run: Run, _policy: Policy) -> str | None:
    step, steps = run.checkpoint.get("step"), run.counts.get("steps")
    if step is None or steps is None:
        return None
    if step >= steps:
        return "All is listed; what is queued is worked off."
    parts = [name for name in _PARTS if run.counts.get(f"{name}_listed") is not None]
    listing = _PARTS[parts[-1]] if parts else _PARTS[Part.EVENTS.value]
    return f"Listing {listing}: step {step + 1} of {steps}."


def _undo(run: Run, _policy: Policy) -> str | None:
    steps = run.counts.get("steps")
    if steps is None:
        return None
    passes = run.counts.get("passes", 0) + 1
    return f"{run.counts.get('undone', 0)} of {steps} documents are taken back, in pass {passes}."


_BY_KIND: Mapping[str, Callable[[Run, Policy], str | None]] = {
    RunKind.BACKFILL.value: _backfill,
    RunKind.REPLAY.value: _replay,
    RunKind.SWEEP.value: _sweep,
    RunKind.UNDO.value: _undo,
}
