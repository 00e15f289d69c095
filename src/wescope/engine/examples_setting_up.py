"""Examples of what the setup pages are told, as schemas and descriptions show them."""

from datetime import UTC, datetime

from wescope.engine.doctor_checks import REASONS, Reason
from wescope.engine.dry_run import DryRunReview, OrderRow, PlannedSubject, WaitingRow
from wescope.engine.mapping import ItemRuleRow, MappingRow, MappingState, PolicyMapping
from wescope.engine.results import ActionRow, ConnectionWord
from wescope.engine.setting_up import CALLBACK, ConnectionView
from wescope.engine.setup_guide import SetupState, SetupStep, StepState
from wescope.engine.setup_plan import SetupAction, SetupPlan, SetupRow
from wescope.engine.write_gate import Holding

_AT = datetime(2026, 11, 20, 14, 3, 7, tzinfo=UTC)
_INVOICE = "in_1SGf1ULkdIwHu7ixbWq9Jd2M"

SETUP_STATE = SetupState.of(
    (
        SetupStep(key="stripe_key", title="Stripe key", state=StepState.DONE, text="A key of live mode is set."),
        SetupStep(
            key="qbo",
            title="QuickBooks Online",
            state=StepState.TODO,
            text="Not connected. All work is kept until it is.",
            action="Connect QuickBooks Online.",
            path="/setup/connect",
        ),
    )
)

CONNECTION_VIEW = ConnectionView(
    state=ConnectionWord.RECONNECT,
    code="invalid_grant",
    since=_AT,
    expires_at=None,
    remedy="Connect QuickBooks Online on the page /setup/connect, or run `wescope connect`.",
    realm_id="9130350000000000002",
    redirect_uri=f"https://wescope.example{CALLBACK}",
)

POLICY_MAPPING = PolicyMapping(
    checked_at=_AT,
    rows=(
        MappingRow(
            name="account clearing",
            entity="Account",
            setting="[accounts] clearing",
            place="wescope.toml, line 12, accounts.clearing",
            configured="Stripe Clearing",
            kind="an account of type Other Current Asset",
            state=MappingState.OK,
            qbo_id="91",
            qbo_name="Stripe Clearing",
            type="Other Current Asset",
            currency="usd",
            active=True,
        ),
        MappingRow(
            name="item sales",
            entity="Item",
            setting="[items] sales",
            place="items.sales (default)",
            configured="Stripe Sales",
            kind="an item of type Service",
            state=MappingState.WRONG,
            qbo_id=None,
            qbo_name=None,
            type=None,
            currency=None,
            active=None,
            reason=Reason.NOT_FOUND.value,
            text=REASONS[Reason.NOT_FOUND],
            seen='"Sales"',
        ),
    ),
    rules=(
        ItemRuleRow(
            number=1,
            product="prod_TCxq2uM1Jc8bYl",
            price=None,
            metadata=("kind=consulting",),
            item="Consulting",
            class_name=None,
        ),
    ),
    plan=SetupPlan(
        rows=(
            SetupRow(
                entity="Item",
                name="Stripe Sales",
                action=SetupAction.CREATE,
                keys=("items.sales",),
                type="Service",
                income_account="Stripe Sales",
                place="items.sales (default)",
                like='"Sales"',
            ),
        )
    ),
)

DRY_RUN_REVIEW = DryRunReview(
    state=Holding.REVIEW_FIRST,
    writing=False,
    review_first=True,
    review="0.5f2c9e1ab04d7c33",
    waiting=(WaitingRow(entity="Invoice", currency="usd", count=12, amount=1_250_000),),
    complete=True,
    sample=(
        PlannedSubject(
            subject=f"invoice/{_INVOICE}",
            actions=(
                ActionRow(
                    document_key=f"{_INVOICE}:invoice",
                    entity="Invoice",
                    action="create",
                    qbo_id=None,
                    amount=12_500,
                    currency="usd",
                    date=_AT.date(),
                ),
            ),
        ),
    ),
    orders=(OrderRow(action="hold", actor="local", at=_AT, documents=12),),
)

SETTING_UP = (SETUP_STATE, CONNECTION_VIEW, POLICY_MAPPING, DRY_RUN_REVIEW)
