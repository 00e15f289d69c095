"""Probes of reading QBO: queries, change data capture, preferences, rates, tokens (facts/qbo.md 3, 5)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from tests.live.bench import Bench
from tests.live.model import NotTried, Seen
from tests.live.probes.shelf import ON_QBO, Shelf
from tests.live.reliances.queried import QUERIED
from wescope.qbo import queries
from wescope.qbo.changes import changes_of, changes_parameters
from wescope.qbo.directory import INACTIVE_SUFFIX

SHELF = Shelf(ON_QBO)

_SAMPLES: Mapping[str, str] = {
    "Id": "Id IN ('1')",
    "Active": "Active IN (true, false)",
    "TxnDate": "TxnDate >= '2020-01-01' AND TxnDate <= '2020-01-02'",
    "MetaData.CreateTime": "MetaData.CreateTime >= '2026-01-01T00:00:00+00:00'",
    "AccountType": "AccountType = 'Accounts Receivable'",
    "CustomerRef": "CustomerRef = '1'",
}
_CDC_ENTITIES = ("Invoice", "Payment", "CreditMemo", "Deposit", "JournalEntry", "RefundReceipt", "SalesReceipt")
_BEYOND = timedelta(days=40)
_READ_PREFERENCES: Mapping[str, tuple[str, ...]] = {
    "SalesFormsPrefs": ("CustomTxnNumbers", "AutoApplyCredit", "AutoApplyPayments", "AllowServiceDate"),
    "CurrencyPrefs": ("MultiCurrencyEnabled", "HomeCurrency"),
    "TaxPrefs": ("UsingSalesTax",),
    "AccountingInfoPrefs": ("ClassTrackingPerTxnLine",),
}


@SHELF.probe(
    "query.filters",
    asks="Does QBO take every property that the product's queries filter by?",
    expected="all accepted",
    others={"some refused": False},
)
async def filters(bench: Bench) -> Seen:
    """Ask by each property of each entity."""
    refused = {}
    for entity, names in QUERIED.items():
        for name in names or ("",):
            where = f"WHERE {_SAMPLES.get(name) or queries.where_equals(name, 'x')} " if name else ""
            answer = await bench.qbo.wire.query(f"SELECT * FROM {entity} {where}MAXRESULTS 1")  # noqa: S608 - QBO's language
            if not answer.ok:
                refused[f"{entity}.{name}".rstrip(".")] = answer.outcome
    return Seen(outcome="some refused" if refused else "all accepted", details=refused)


@SHELF.probe(
    "query.shape",
    asks="A query's answer: objects under the entity's name, a position, and how many came; `{}` if none did?",
    expected="as documented",
)
async def shape(bench: Bench) -> Seen:
    """Look for one customer that is there and one that is not."""
    some = await bench.qbo.wire.query(queries.select("Customer", queries.where_equals("Id", bench.qbo.customer)))
    none = await bench.qbo.wire.query(queries.select("Customer", queries.where_equals("DisplayName", "wescope-live -")))
    response = some.record("QueryResponse")
    good = len(some.found("Customer")) == 1 and {"startPosition", "maxResults"} <= response.keys()
    empty = none.ok and not none.found("Customer")
    return Seen(outcome="as documented" if good and empty else "else", details={"names": " ".join(sorted(response))})


@SHELF.probe(
    "query.order_by_creation",
    asks="Can the newest objects be asked for, by `ORDERBY MetaData.CreateTime DESC`?",
    expected="newest first",
    others={"other order": False, "4000": False, "4001": False},
)
async def order_by_creation(bench: Bench) -> Seen:
    """Make two invoices and ask for the newest two."""
    made = [str((await bench.qbo.made("Invoice", bench.qbo.invoice()))["Id"]) for _ in range(2)]
    answer = await bench.qbo.wire.query(queries.newest("Invoice", page=2))
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    # Both may be of the same second.
    same = {str(one["Id"]) for one in answer.found("Invoice")} == set(made)
    return Seen(outcome="newest first" if same else "other order")


@SHELF.probe(
    "query.reads_own_write",
    asks="Does a query find what was written just before?",
    expected="at once",
    others={"later": True},
)
async def reads_own_write(bench: Bench) -> Seen:
    """Create an invoice for a new customer and look for it, as the look-up does."""
    customer = await bench.qbo.new_customer()
    await bench.qbo.made("Invoice", {**bench.qbo.invoice(), "CustomerRef": {"value": customer}})
    found = await bench.qbo.wire.query(queries.select("Invoice", queries.where_equals("CustomerRef", customer)))
    return Seen(outcome="at once" if len(found.found("Invoice")) == 1 else "later")


@SHELF.probe(
    "query.quotes",
    asks="A name with an apostrophe and a backslash, both escaped by a backslash: found?",
    expected="found",
    others={"apostrophe only": True},
)
async def quotes(bench: Bench) -> Seen:
    """Make two customers and look for them by name."""
    found = []
    for text in ("O'Neil", "back\\slash"):
        name = bench.run.name(text)
        await bench.qbo.wire.post("customer", {"DisplayName": name, **bench.qbo.currency()})
        answer = await bench.qbo.wire.query(queries.select("Customer", queries.where_equals("DisplayName", name)))
        found.append(len(answer.found("Customer")) == 1)
    outcome = "found" if all(found) else "apostrophe only" if found[0] else "not found"
    return Seen(outcome=outcome)


@SHELF.probe(
    "query.inactive",
    asks="An inactive customer: hidden unless `Active IN (true, false)`, and renamed by ` (deleted)`?",
    expected="hidden and renamed",
    others={"hidden": True, "renamed": True, "neither": True},
)
async def inactive(bench: Bench) -> Seen:
    """Make a customer, put it to sleep, and look for it."""
    identifier = await bench.qbo.new_customer()
    customer = (await bench.qbo.wire.get(f"customer/{identifier}")).record("Customer")
    key = {"Id": identifier, "SyncToken": customer["SyncToken"], "sparse": True}
    await bench.qbo.wire.post("customer", {**key, "Active": False})
    where = queries.where_equals("Id", identifier)
    hidden = not (await bench.qbo.wire.query(queries.select("Customer", where))).found("Customer")
    shown = await bench.qbo.wire.query(queries.select("Customer", where, queries.including_inactive()))
    names = [str(one.get("DisplayName")) for one in shown.found("Customer")]
    renamed = names == [str(customer["DisplayName"]) + INACTIVE_SUFFIX]
    said = [word for word, is_so in (("hidden", hidden), ("renamed", renamed)) if is_so]
    return Seen(outcome=" and ".join(said) or "neither")


@SHELF.probe(
    "read.deleted",
    asks="Reading what was deleted: 610?",
    expected="610",
)
async def deleted(bench: Bench) -> Seen:
    """Delete an invoice and read it."""
    invoice = await bench.qbo.made("Invoice", bench.qbo.invoice())
    await bench.qbo.remove("Invoice", invoice)
    return Seen(outcome=(await bench.qbo.wire.get(f"invoice/{invoice['Id']}")).outcome)


@SHELF.probe(
    "cdc.shape",
    asks="Change data capture: what was made and what was deleted, in the documented shape?",
    expected="both told",
    others={"deletion not told": False, "creation not told": False, "neither told": False},
)
async def cdc_shape(bench: Bench) -> Seen:
    """Make two invoices, delete one, and ask for the changes."""
    since = datetime.now(UTC) - timedelta(minutes=10)
    kept, gone = [await bench.qbo.made("Invoice", bench.qbo.invoice()) for _ in range(2)]
    await bench.qbo.remove("Invoice", gone)
    answer = await bench.qbo.wire.get("cdc", **changes_parameters(_CDC_ENTITIES, since))
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    changes = changes_of(answer.body.get("CDCResponse"), _CDC_ENTITIES)
    made = any(one["Id"] == kept["Id"] for one in changes.records["Invoice"])
    removed = gone["Id"] in changes.deleted["Invoice"]
    if made and removed:
        return Seen(outcome="both told")
    return Seen(outcome="deletion not told" if made else "creation not told" if removed else "neither told")


@SHELF.probe(
    "cdc.beyond",
    asks="Changes since 40 days ago, of which QBO keeps 30: an answer or a refusal?",
    expected="accepted",
    others={"2060": True, "2010": True, "4001": True},
)
async def cdc_beyond(bench: Bench) -> Seen:
    """Ask for too much."""
    since = datetime.now(UTC) - _BEYOND
    return Seen(outcome=(await bench.qbo.wire.get("cdc", **changes_parameters(("Invoice",), since))).outcome)


@SHELF.probe(
    "preferences.fields",
    asks="Are the preferences that the product reads in the answer?",
    expected="all there",
    others={"some absent": True},
)
async def preferences(bench: Bench) -> Seen:
    """Read them and look for the names."""
    record = (await bench.qbo.wire.get("preferences")).record("Preferences")
    absent = [
        f"{part}.{name}" for part, names in _READ_PREFERENCES.items() for name in names
        if name not in (record.get(part) or {})
    ]  # fmt: skip
    if not record:
        return Seen(outcome="nothing")
    return Seen(outcome="some absent" if absent else "all there", details={"absent": " ".join(absent)})


@SHELF.probe(
    "company_info.country",
    asks="Does CompanyInfo say the country, in two or three letters?",
    expected="a code",
    others={"absent": True},
)
async def country(bench: Bench) -> Seen:
    """Read it."""
    said = str(
        (await bench.qbo.wire.get(f"companyinfo/{bench.qbo.wire.realm_id}")).record("CompanyInfo").get("Country") or ""
    )
    is_code = said.isalpha() and len(said) in {2, 3}
    return Seen(outcome="a code" if is_code else "else" if said else "absent", details={"letters": len(said)})


@SHELF.probe(
    "answer.tid",
    asks="Does every answer have the header intuit_tid, also a refusal?",
    expected="both",
    others={"good ones only": True, "neither": True},
)
async def tid(bench: Bench) -> Seen:
    """Read something that is there and something that is not."""
    good = await bench.qbo.wire.get("preferences")
    bad = await bench.qbo.wire.get("invoice/999999999")
    has = ["intuit_tid" in one.headers for one in (good, bad)]
    return Seen(outcome="both" if all(has) else "good ones only" if has[0] else "neither")


@SHELF.probe(
    "minorversion.75",
    asks="Is minorversion 75 taken, and does the answer say which server speaks?",
    expected="taken",
    others={"taken, no version": True},
)
async def minor_version(bench: Bench) -> Seen:
    """Read the preferences; every request names the version."""
    answer = await bench.qbo.wire.get("preferences")
    if not answer.ok:
        return Seen(outcome=answer.outcome)
    version = answer.headers.get("qbo-version", "")
    return Seen(outcome="taken" if version else "taken, no version", details={"qbo_version": version})


@SHELF.probe(
    "exchange_rate.read",
    asks="Does QBO give a rate of a foreign currency for a day?",
    expected="a rate",
    others={"none": True},
)
async def exchange_rate(bench: Bench) -> Seen:
    """Ask by the product's client."""
    if not bench.qbo.preferences.multicurrency:
        raise NotTried("multicurrency is off in this company")
    foreign = "EUR" if bench.qbo.preferences.home_currency != "eur" else "USD"
    rate = await bench.qbo.client.exchange_rate(foreign, bench.run.today)
    return Seen(outcome="a rate" if rate else "none")


@SHELF.probe(
    "oauth.rotation",
    asks="Does a refresh give another refresh token, and does it say when it ends?",
    expected="rotates",
    others={"stays": True},
)
async def rotation(bench: Bench) -> Seen:
    """Look at the stored pair before and after a refresh."""
    tokens = bench.qbo.wire.tokens
    before = await bench.tokens.load(bench.qbo.wire.realm_id)
    await tokens.refresh(await tokens.access_token())
    after = await bench.tokens.load(bench.qbo.wire.realm_id)
    if before is None or after is None:
        return Seen(outcome="not stored")
    days = after.days_left(datetime.now(UTC))
    stays = before.refresh_token == after.refresh_token
    return Seen(outcome="stays" if stays else "rotates", details={"days_left": -1 if days is None else days})
