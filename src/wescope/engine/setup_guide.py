"""Setup guide: the steps of a first connection, where each stands, and the one next action of each.

Nothing outside is asked: what only Stripe or QBO can tell is as the last check has found it, under the same policy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from wescope.config import PolicyFile, Settings
from wescope.engine.connection import ConnectionState
from wescope.engine.results import ConnectionWord
from wescope.engine.tokens import NOT_CONNECTED
from wescope.engine.write_gate import GateState, Holding
from wescope.links.runs import Run, RunState
from wescope.stripe.client import is_live_key


class StepState(StrEnum):
    """Where a step stands."""

    DONE = "done"
    TODO = "todo"
    ATTENTION = "attention"
    """It was done or begun, and something is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupStep:
    """One step: `text` says what there is, `action` the one thing to do next (empty if nothing is).

    `path` is the page where it is done, null if it is not done in the console.
    """

    key: str
    title: str
    state: StepState
    text: str
    action: str = ""
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupState:
    """All steps in order; `next` is the key of the first that is not done, null if all are."""

    steps: tuple[SetupStep, ...]
    next: str | None

    @classmethod
    def of(cls, steps: Sequence[SetupStep]) -> "SetupState":
        """The steps, and the first that is not done."""
        first = next((step.key for step in steps if step.state is not StepState.DONE), None)
        return cls(steps=tuple(steps), next=first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a check of the surroundings has come to: errors, warnings, when, and under which policy."""

    at: datetime
    errors: int
    warnings: int
    policy: str

    @classmethod
    def kept(cls, value: Mapping[str, Any] | None) -> "Findings | None":
        """As it is kept; null if nothing is."""
        if not value:
            return None
        at = datetime.fromisoformat(value["at"])
        return cls(at=at, errors=value["errors"], warnings=value["warnings"], policy=value["policy"])

    def to_keep(self) -> Mapping[str, Any]:
        """What is kept of it."""
        return {
            "at": self.at.astimezone(UTC).isoformat(),
            "errors": self.errors,
            "warnings": self.warnings,
            "policy": self.policy,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the steps are judged by."""

    settings: Settings
    policy_file: PolicyFile
    policy: str
    has_webhooks: bool
    connection: ConnectionState
    mapping: Findings | None
    doctor: Findings | None
    gate: GateState
    backfill: Run | None


def steps_of(known: Known) -> SetupState:
    """The steps as things stand."""
    return SetupState.of(
        (
            _stripe_key(known.settings),
            _webhooks(known),
            _qbo(known.connection),
            _policy(known.policy_file),
            _checked(
                known.mapping,
                known.policy,
                SetupStep(
                    key="mapping",
                    title="Accounts and items",
                    state=StepState.TODO,
                    text="Not checked yet.",
                    action="Check which accounts and items QuickBooks Online has, and make those that are missing.",
                    path="/setup/mapping",
                ),
            ),
            _checked(
                known.doctor,
                known.policy,
                SetupStep(
                    key="doctor",
                    title="Doctor",
                    state=StepState.TODO,
                    text="Not run yet.",
                    action="Run the doctor and mend what it names.",
                    path="/setup/doctor",
                ),
            ),
            _dry_run(known.gate, review_first=known.policy_file.dry_run),
            _backfill(known.backfill),
        )
    )


def _stripe_key(settings: Settings) -> SetupStep:
    key, title = settings.stripe_api_key, "Stripe key"
    if key is None:
        action = "Set WESCOPE_STRIPE_API_KEY to a restricted key that only reads, and start again."
        return SetupStep(key="stripe_key", title=title, state=StepState.TODO, text="There is none.", action=action)
    mode = "live" if is_live_key(key.get_secret_value()) else "test"
    return SetupStep(key="stripe_key", title=title, state=StepState.DONE, text=f"A key of {mode} mode is set.")


def _webhooks(known: Known) -> SetupStep:
    step = SetupStep(
        key="webhooks",
        title="Stripe webhooks",
        state=StepState.DONE,
        text="Webhooks have arrived and were signed as they must be.",
    )
    if known.has_webhooks:
        return step
    if not known.settings.stripe_webhook_secrets:
        action = (
            "Make an end point at Stripe for /webhooks/stripe, set WESCOPE_STRIPE_WEBHOOK_SECRETS, and start again."
        )
        return _but(step, StepState.TODO, "No signing secret is set.", action)
    action = "Have Stripe send to /webhooks/stripe of this service; the doctor says which events."
    return _but(step, StepState.TODO, "A signing secret is set; no webhook has arrived yet.", action)


def _qbo(found: ConnectionState) -> SetupStep:
    step = SetupStep(
        key="qbo",
        title="QuickBooks Online",
        state=StepState.DONE,
        text="The company is connected.",
        path="/setup/connect",
    )
    if found.word is ConnectionWord.CONNECTED:
        return step
    if found.word is ConnectionWord.UNKNOWN:
        text = "A refresh token is configured and was not used yet."
        return _but(step, StepState.TODO, text, "Run the doctor, which uses it, or connect here.")
    if found.code == NOT_CONNECTED:
        return _but(step, StepState.TODO, "Not connected. All work is kept until it is.", "Connect QuickBooks Online.")
    text = f"The connection is lost ({found.code}). Nothing is posted; all work is kept."
    return _but(step, StepState.ATTENTION, text, found.remedy)


def _policy(policy_file: PolicyFile) -> SetupStep:
    step = SetupStep(key="policy", title="Policy file", state=StepState.DONE, text=f"{policy_file.path} is in use.")
    if policy_file.path is not None:
        return step
    action = "Write wescope.toml (`wescope schema policy-example` prints every key), or go on with the defaults."
    return _but(step, StepState.ATTENTION, "There is none: the defaults are in use.", action)


def _checked(findings: Findings | None, policy: str, step: SetupStep) -> SetupStep:
    if findings is None:
        return step
    if findings.policy != policy:
        return _but(step, StepState.TODO, "The policy has changed since the last check.", step.action)
    text = f"Checked {findings.at:%Y-%m-%d %H:%M UTC}: {findings.errors} errors, {findings.warnings} warnings."
    if findings.errors:
        return _but(step, StepState.ATTENTION, text, step.action)
    return _but(step, StepState.DONE, text, "")


def _dry_run(gate: GateState, *, review_first: bool) -> SetupStep:
    step = SetupStep(
        key="dry_run",
        title="Dry run and review",
        state=StepState.DONE,
        text="Documents are written to QuickBooks Online.",
        path="/setup/dry-run",
    )
    match gate.word:
        case Holding.WRITING:
            if review_first:
                return _but(step, StepState.DONE, f"{step.text} They were released after a review.", "")
            return step
        case Holding.REVIEW_FIRST:
            text = "The policy asks for a review: nothing is written yet."
            return _but(step, StepState.TODO, text, "Review what waits, then release it.")
        case Holding.POLICY_CHANGED:
            text = "The policy has changed since the release: nothing is written."
            return _but(step, StepState.ATTENTION, text, "Review what waits again, then release it.")
        case Holding.HELD:
            return _but(step, StepState.ATTENTION, "An operator has stopped writing.", "Release it when all is well.")


def _backfill(run: Run | None) -> SetupStep:
    step = SetupStep(
        key="backfill",
        title="First backfill",
        state=StepState.DONE,
        text="History was brought in.",
        path="/runs",
    )
    if run is None:
        action = "Start a backfill, unless the books begin today."
        return _but(step, StepState.TODO, "None was started.", action)
    if run.state == RunState.DONE:
        return step
    if run.state == RunState.RUNNING:
        return _but(step, StepState.TODO, f"Run {run.id} is at work.", "Wait for it.")
    return _but(step, StepState.ATTENTION, f"Run {run.id} is {run.state}.", "Look at it, and resume it.")


def _but(step: SetupStep, state: StepState, text: str, action: str) -> SetupStep:
    return SetupStep(key=step.key, title=step.title, state=state, text=text, action=action, path=step.path)
