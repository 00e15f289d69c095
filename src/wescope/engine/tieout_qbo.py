"""QBO's side of the tie-out: what QBO's own transactions and account balances say, as entries by row and day.

Everything since the start date is read once, page by page, and of each transaction only what it posts is kept.
"""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from datetime import date

from wescope.books.policy import Account, AccountRole, Item, ItemRole, NamedAccount, NamedItem, Policy, RoleAccount
from wescope.engine.tieout_clearing import FEE_CATEGORIES
from wescope.engine.tieout_entries import Aliases, QboDocument, QboEntries, QboEntry
from wescope.engine.tieout_postings import READ, Ledger, Posting, kinds_of, marked_key, postings, total_of
from wescope.engine.tieout_results import Kind
from wescope.errors import AccountMissing, QboRefused
from wescope.qbo import wire
from wescope.qbo.accounts import RECEIVABLE_TYPE
from wescope.qbo.client import QboClient
from wescope.qbo.company import Company
from wescope.qbo.content import content_digest
from wescope.qbo.records import Record

Adopted = Callable[[Collection[tuple[str, str]]], Awaitable[Mapping[tuple[str, str], str]]]
"""Which of these records of others (entity and id) we have adopted, and as which document."""

_SOLD = (ItemRole.SALES, ItemRole.DISCOUNT, ItemRole.SHIPPING)
_OF_ITEMS = (
    (Kind.REFUNDS, ItemRole.REFUNDS),
    (Kind.BAD_DEBT, ItemRole.BAD_DEBT),
    (Kind.CUSTOMER_BALANCE, ItemRole.CUSTOMER_BALANCE),
    (Kind.TAX, ItemRole.TAX),
)
_OF_ACCOUNTS = (
    (Kind.FEES, AccountRole.FEES),
    (Kind.FEE_TAX, AccountRole.FEE_TAX),
    (Kind.DISPUTES, AccountRole.DISPUTES),
)


async def nothing_adopted(_: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
    """Where nobody knows of adopted documents."""
    return {}


class QboSide:
    """Reads QBO's side of a tie-out."""

    def __init__(self, client: QboClient, company: Company) -> None:
        """Take QBO and its reference data."""
        self._client = client
        self._company = company

    async def aliases(self, policy: Policy, currencies: Sequence[str]) -> Aliases:
        """Kinds of rows that the company keeps on one item or account.

        Raises:
            QboError: QBO cannot be read.
        """
        _, of_items, _, of_accounts = await self._kinds(policy, currencies)
        return {**of_items, **of_accounts}

    async def read(
        self,
        customers: Mapping[str, tuple[str, str]],
        currencies: Sequence[str],
        policy: Policy,
        adopted: Adopted = nothing_adopted,
    ) -> QboEntries:
        """All entries of QBO since the start date, of every day.

        Calls: one per 1,000 transactions of each of eight entities, at least eight; two for accounts.

        Args:
            customers: QBO's customer id -> the Stripe customer and currency.
            currencies: of clearing and bank accounts; one without an account holds nothing.
            policy: the company's choices.
            adopted: tells which documents without our marker are ours all the same.

        Raises:
            QboError: QBO cannot be read.
            AccountMissing: there is no clearing account in home currency.
        """
        ledger = await self._ledger(customers, currencies, policy)
        reading = _Reading(ledger)
        balances = await self._balances(ledger.clearing)
        where = f"TxnDate >= '{policy.start_date.isoformat()}'" if policy.start_date else ""
        for entity in READ:
            async for records in self._client.query_pages(entity, where):
                for record in records:
                    reading.take(entity, record)
        return reading.done(balances, await adopted(reading.unmarked))

    async def _ledger(
        self, customers: Mapping[str, tuple[str, str]], currencies: Sequence[str], policy: Policy
    ) -> Ledger:
        control = await self._client.query_all("Account", f"AccountType = '{RECEIVABLE_TYPE}'")
        items, of_items, accounts, _ = await self._kinds(policy, currencies)
        return Ledger(
            home=(await self._company.preferences()).home_currency,
            customers=customers,
            control=frozenset(str(record["Id"]) for record in control),
            clearing=await self._accounts(AccountRole.CLEARING, currencies),
            bank=await self._accounts(AccountRole.BANK, currencies),
            accounts=accounts,
            items=items,
            tax=of_items.get(Kind.TAX, Kind.TAX),
        )

    async def _kinds(
        self, policy: Policy, currencies: Sequence[str]
    ) -> tuple[Mapping[str, Kind], Aliases, Mapping[str, Kind], Aliases]:
        sold: list[Item] = [*_SOLD, *(NamedItem(name=rule.item) for rule in policy.item_rules if rule.item)]
        items: list[tuple[Kind, Item]] = [(Kind.REVENUE, item) for item in sold]
        items += _OF_ITEMS
        accounts: list[tuple[Kind, Account]] = [
            (kind, RoleAccount(role=role, currency=currency)) for kind, role in _OF_ACCOUNTS for currency in currencies
        ]
        named = sorted(FEE_CATEGORIES & set(policy.categories))
        accounts += [(Kind.FEES, NamedAccount(name=policy.categories[name])) for name in named]
        item_ids = await self._company.known_items([item for _, item in items])
        account_ids = await self._company.known_accounts([account for _, account in accounts])
        return (
            *kinds_of((kind, item_ids.get(item)) for kind, item in items),
            *kinds_of((kind, account_ids.get(account)) for kind, account in accounts),
        )

    async def _balances(self, clearing: Mapping[str, str]) -> dict[str, int]:
        """What each clearing account holds now, in minor units of its currency."""
        if not clearing:
            return {}
        names = ", ".join(f"'{account}'" for account in clearing.values())
        records = {str(record["Id"]): record for record in await self._client.query_all("Account", f"Id IN ({names})")}
        return {currency: _balance(records[account], currency) for currency, account in clearing.items()}

    async def _accounts(self, role: AccountRole, currencies: Iterable[str]) -> dict[str, str]:
        home = (await self._company.preferences()).home_currency
        found: dict[str, str] = {}
        for currency in currencies:
            try:
                found[currency] = await self._company.account(role, currency)
            except AccountMissing:
                if currency == home and role is AccountRole.CLEARING:
                    raise
        return found


class _Reading:
    """What was read so far."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._taken: list[tuple[QboDocument, tuple[Posting, ...]]] = []

    @property
    def unmarked(self) -> tuple[tuple[str, str], ...]:
        """Entity and id of what posts something and does not say that it is ours."""
        return tuple(
            (document.entity, document.id) for document, posted in self._taken if document.key is None and posted
        )

    def take(self, entity: str, record: Record) -> None:
        day, key = date.fromisoformat(str(record["TxnDate"])), marked_key(record)
        document = QboDocument(
            entity=entity,
            id=str(record["Id"]),
            day=day,
            key=key,
            total=total_of(record),
            content=content_digest(entity, record) if key else None,
        )
        posted = tuple(postings(entity, record, day, self._ledger))
        if key or posted:
            self._taken.append((document, posted))

    def done(self, balances: Mapping[str, int], adopted: Mapping[tuple[str, str], str]) -> QboEntries:
        entries: list[QboEntry] = []
        documents: defaultdict[str, list[QboDocument]] = defaultdict(list)
        held: Counter[str] = Counter()
        for taken, posted in self._taken:
            key = taken.key or adopted.get((taken.entity, taken.id))
            document = taken if key == taken.key else taken.as_adopted(key)
            documents[key or document.name].append(document)
            for posting in posted:
                if posting.if_adopted and key is None:
                    continue
                entries.append(
                    QboEntry(
                        row=posting.row,
                        currency=posting.currency,
                        day=document.day,
                        amount=posting.amount,
                        document=document,
                    )
                )
                held[posting.row] += posting.amount
        entries += _beyond(balances, held)
        return QboEntries(entries=tuple(entries), documents={key: tuple(found) for key, found in documents.items()})


def _beyond(balances: Mapping[str, int], held: Mapping[str, int]) -> Iterable[QboEntry]:
    """What the clearing accounts hold beyond what was read: older, or of entities that are not read."""
    for currency, balance in balances.items():
        row = f"clearing:{currency}"
        if rest := balance - held.get(row, 0):
            yield QboEntry(row=row, currency=currency, day=date.min, amount=rest, document=None)


def _balance(record: Record, currency: str) -> int:
    found = wire.minor(record.get("CurrentBalance"), currency)
    if found is None:
        raise QboRefused("An amount in QBO's answer cannot be read.", element="CurrentBalance")
    return found
