"""Customer names that are legal in Stripe and awkward elsewhere, and plain ones to go with them."""

import random

_LONG = (
    "The International Society for the Advancement of Extraordinarily Long Organisation Names, Northern Hemisphere "
    "Chapter (Incorporated)"
)

# (name, e-mail); the order is part of the seeded business.
AWKWARD: tuple[tuple[str | None, str | None], ...] = (
    ("Amy's Bird Sanctuary", "birds@example.com"),  # the name of a customer in QuickBooks' sample company
    ("Brosnahan Insurance Agency", "claims@example.com"),  # the name of a vendor there
    ("O'Connor & Sons: Plumbing, Heating", "office@example.org"),
    ('The "Quoted" Company', "quoted@example.com"),
    ("Ünïcödé Gebäudetechnik GmbH & Co. KG", "rechnung@example.de"),
    ("株式会社さくら商事", "sakura@example.jp"),
    ("Rocket 🚀 Labs", "rocket@example.com"),
    ("Acme Corporation", "one@example.com"),
    ("Acme Corporation", "two@example.com"),
    ("ACME corporation", "three@example.com"),
    (_LONG, "society@example.org"),
    (None, "only.an.address@example.com"),
    ("", "empty.name@example.com"),
    ("Tab\tand  double  spaces", "spaces@example.com"),
    ("  Leading and trailing  ", "trim@example.com"),
    ("back\\slash / slash % percent", "slash@example.com"),
    ("<script>alert(1)</script>", "markup@example.com"),
    ("שלום עולם בע״מ", "rtl@example.co.il"),
    ("Renée\N{EN DASH}Zoë d\N{RIGHT SINGLE QUOTATION MARK}Été", "dash@example.fr"),
    ("Parent:Child:Grandchild", "colons@example.com"),
    (None, None),
    ("José Álvarez", "jose@example.es"),
    ("Jose\u0301 A\u0301lvarez", "jose.combining@example.es"),
    ("deleted (deleted)", "deleted@example.com"),
    ("1234567890", "digits@example.com"),
)  # fmt: skip

_FIRST = ("Blue", "Granite", "Maple", "Harbor", "Summit", "Copper", "Willow", "Pacific", "Redwood", "Silver")
_SECOND = ("Bakery", "Software", "Design", "Logistics", "Dental", "Robotics", "Media", "Farms", "Legal", "Fitness")


def people(count: int, chance: random.Random) -> list[tuple[str | None, str | None]]:
    """Return ``count`` customers as (name, e-mail), awkward and plain ones in turn."""
    plain = [(f"{first} {second}", f"{first}.{second}@example.com".lower()) for first in _FIRST for second in _SECOND]
    chance.shuffle(plain)
    mixed: list[tuple[str | None, str | None]] = []
    for index in range(count):
        half, odd = divmod(index, 2)
        if odd or half >= len(AWKWARD):
            first, email = plain[half % len(plain)]
            mixed.append((first if half < len(plain) else f"{first} {half}", email))
        else:
            mixed.append(AWKWARD[half])
    return mixed
