"""All situations, by topic."""

from tests.situations.case import Case
from tests.situations.cases.closing import CLOSING
from tests.situations.cases.currencies import CURRENCIES
from tests.situations.cases.disputes import DISPUTES
from tests.situations.cases.existing import EXISTING
from tests.situations.cases.mistakes import MISTAKES
from tests.situations.cases.money import MONEY
from tests.situations.cases.payouts import PAYOUTS
from tests.situations.cases.payouts_bank import PAYOUTS_AND_BANK
from tests.situations.cases.receivables import RECEIVABLES
from tests.situations.cases.taxes import TAXES

CASES: tuple[Case, ...] = (
    *RECEIVABLES,
    *MONEY,
    *DISPUTES,
    *MISTAKES,
    *CURRENCIES,
    *TAXES,
    *CLOSING,
    *EXISTING,
    *PAYOUTS,
    *PAYOUTS_AND_BANK,
)
