"""References: what the keys, roles and names of a document are in one QBO company. Pure values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from wescope.books.policy import Account, Item, ItemRole, RoleAccount
from wescope.books.subjects import DocumentKey
from wescope.errors import AccountMissing, ClassMissing, ItemMissing
from wescope.qbo.taxes import TaxReferences


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """QBO's ids of all that a document names, and the preferences that shape a payload.

    `display_name` is the chosen one of a customer's candidates; null takes the first. `exchange_rate` is how many home
    units one unit of the document's currency is worth, sent if `multicurrency` is on.
    """

    qbo_ids: Mapping[DocumentKey, str] = field(default_factory=dict)
    accounts: Mapping[Account, str] = field(default_factory=dict)
    items: Mapping[Item, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    tax: TaxReferences = field(default_factory=TaxReferences)
    custom_txn_numbers: bool = True
    multicurrency: bool = False
    exchange_rate: Decimal = Decimal(1)
    display_name: str | None = None

    def account(self, account: Account) -> str:
        """QBO's id of the account.

        Raises:
            AccountMissing: it was not resolved.
        """
        if account not in self.accounts:
            name = account.role.value if isinstance(account, RoleAccount) else account.name
            raise AccountMissing(role=name, reason="not_resolved")
        return self.accounts[account]

    def item(self, item: Item) -> str:
        """QBO's id of the item.

        Raises:
            ItemMissing: it was not resolved.
        """
        if item not in self.items:
            raise ItemMissing(role=item.value if isinstance(item, ItemRole) else item.name, reason="not_resolved")
        return self.items[item]

    def class_id(self, name: str) -> str:
        """QBO's id of the class.

        Raises:
            ClassMissing: it was not resolved.
        """
        if name not in self.classes:
            raise ClassMissing(configured=name, reason="not_resolved")
        return self.classes[name]
