"""All situations, by topic."""

from tests.situations.case import Case
from tests.situations.cases.currencies import CURRENCIES
from tests.situations.cases.disputes import DISPUTES
from tests.situations.cases.mistakes import MISTAKES
from tests.situations.cases.money import MONEY
from tests.situations.cases.receivables import RECEIVABLES

CASES: tuple[Case, ...] = (
    *RECEIVABLES,
    *MONEY,
    *DISPUTES,
    *MISTAKES,
    *CURRENCIES,
)
