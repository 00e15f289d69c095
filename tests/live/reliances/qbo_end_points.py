"""QBO's end points below `/v3/company/:realm`, Intuit's for tokens, and the properties that queries filter by."""

from tests.live.model import Kind, Mark, Reliance, Side
from tests.live.reliances.queried import QUERIED

_CLIENT = "wescope.qbo.client:QboClient"
_ALWAYS = "minorversion"
_ANY_WRITE = f"{_ALWAYS} requestid"


def _end_point(
    name: str,
    relied_on: str,
    *places: str,
    marks: str,
    section: str,
    parameters: str = _ALWAYS,
    probe: str,
) -> Reliance:
    return Reliance(
        side=Side.QBO,
        kind=Kind.END_POINT,
        name=name,
        relied_on=relied_on,
        places=places,
        marks=tuple(Mark(mark) for mark in marks.split()),
        source=f"qbo.md {section}",
        probe=probe,
        parameters=tuple(parameters.split()),
    )


def _writes(path: str, relied_on: str, *, marks: str, section: str, operations: str, probe: str) -> Reliance:
    parameters = f"{_ANY_WRITE} {operations}"
    places = (f"{_CLIENT}.create", "wescope.qbo.payloads:to_payload")
    return _end_point(
        f"POST /{path}", relied_on, *places, marks=marks, section=section, parameters=parameters, probe=probe
    )


_VOIDED_BY_UPDATE = "operation=update include=void operation=delete"
_DELETED = "operation=delete"

END_POINTS: tuple[Reliance, ...] = (
    _writes(
        "customer",
        "made when a document first needs it: DisplayName, currency, our marker in Notes; never updated",
        marks="R",
        section="4.7",
        operations="",
        probe="customer.duplicate_name",
    ),
    _writes(
        "invoice",
        "create, sparse update, void, delete of a remnant",
        marks="R",
        section="4.1",
        operations="operation=void operation=delete",
        probe="scenario.invoice_and_payment",
    ),
    _writes(
        "payment",
        "create with links, sparse update, void by include=void, delete of a remnant",
        marks="D",
        section="4.2",
        operations=_VOIDED_BY_UPDATE,
        probe="scenario.invoice_and_payment",
    ),
    _writes(
        "creditmemo",
        "create, sparse update, delete",
        marks="D",
        section="4.3",
        operations=_DELETED,
        probe="scenario.credit_note",
    ),
    _writes(
        "refundreceipt",
        "create, sparse update, delete",
        marks="D",
        section="4.4",
        operations=_DELETED,
        probe="scenario.refund",
    ),
    _writes(
        "salesreceipt",
        "create, sparse update, void by include=void, delete of a remnant",
        marks="D",
        section="2.3",
        operations=_VOIDED_BY_UPDATE,
        probe="scenario.sale_without_invoice",
    ),
    _writes(
        "journalentry",
        "create, sparse update, delete",
        marks="R",
        section="4.6",
        operations=_DELETED,
        probe="journal.receivable",
    ),
    _writes(
        "deposit",
        "create with own lines, never with links, sparse update, delete",
        marks="D",
        section="4.5",
        operations=_DELETED,
        probe="scenario.payout",
    ),
    _end_point(
        "POST /account",
        "`wescope setup` makes what the policy names and the company lacks; never updated",
        "wescope.engine.setup:Setup",
        marks="R",
        section="4.7",
        parameters=_ANY_WRITE,
        probe="account.duplicate_name",
    ),
    _end_point(
        "POST /item",
        "likewise, with its income account",
        "wescope.engine.setup:Setup",
        marks="R",
        section="4.7",
        parameters=_ANY_WRITE,
        probe="item.duplicate_name",
    ),
    _end_point(
        "POST /batch",
        "up to 30 writes and queries that are ready together; each is answered by its bId",
        "wescope.qbo.courier:Courier",
        "wescope.qbo.batching:Batcher",
        marks="R D",
        section="5.2",
        parameters=_ANY_WRITE,
        probe="batch.partial_failure",
    ),
    _end_point(
        "POST /query",
        "statements as text, so that no name stands in an address",
        f"{_CLIENT}.query",
        marks="R",
        section="5.1",
        probe="query.shape",
    ),
    _end_point(
        "GET /cdc",
        "what has changed and what was deleted since a moment",
        f"{_CLIENT}.changes",
        "wescope.qbo.changes:changes_of",
        marks="D R",
        section="3.3",
        parameters=f"{_ALWAYS} entities changedSince",
        probe="cdc.shape",
    ),
    _end_point(
        "GET /:entity/:id",
        "one object as it is now; 610 when it is gone",
        f"{_CLIENT}.read",
        marks="R",
        section="2.4",
        probe="read.deleted",
    ),
    _end_point(
        "GET /preferences",
        "numbering, currencies, closing date, sales tax, credits that apply themselves",
        f"{_CLIENT}.preferences",
        "wescope.qbo.preferences:read_preferences",
        marks="D",
        section="4.7",
        probe="preferences.fields",
    ),
    _end_point(
        "GET /companyinfo/:realm",
        "the company's country; its name is shown, never stored",
        f"{_CLIENT}.company_info",
        marks="D",
        section="4.7",
        probe="company_info.country",
    ),
    _end_point(
        "GET /exchangerate",
        "the company's rate of a currency on a day, where Stripe has none",
        f"{_CLIENT}.exchange_rate",
        marks="D",
        section="7",
        parameters=f"{_ALWAYS} sourcecurrencycode asofdate",
        probe="exchange_rate.read",
    ),
    _end_point(
        "POST /oauth2/v1/tokens/bearer",
        "an access token for the newest refresh token, which rotates; also for the code of a new connection",
        "wescope.qbo.token_endpoint:TokenEndpoint",
        marks="D R",
        section="3.1",
        parameters="grant_type refresh_token code redirect_uri",
        probe="oauth.rotation",
    ),
    _end_point(
        "GET /connect/oauth2",
        "asks a person in the browser; its answer has code, state and realmId",
        "wescope.qbo.connect:authorize_url",
        marks="D",
        section="3.1",
        parameters="client_id response_type scope redirect_uri state",
        probe="",
    ),
)

FIELDS: tuple[Reliance, ...] = tuple(
    Reliance(
        side=Side.QBO,
        kind=Kind.FIELDS,
        name=f"query of {entity}",
        relied_on="can be filtered by these properties" if names else "can be listed whole",
        places=("wescope.qbo.queries:select",),
        marks=(Mark.DOCUMENTED,) if entity not in {"JournalEntry", "RefundReceipt"} else (Mark.UNKNOWN,),
        source="qbo.md 5.1",
        probe="query.filters",
        fields=names,
    )
    for entity, names in QUERIED.items()
)
