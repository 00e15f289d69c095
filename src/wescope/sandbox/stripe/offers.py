"""What the seeded company sells and to what terms: ids of prices, tax rates and coupons."""

from dataclasses import dataclass

from wescope.sandbox.stripe.catalogue import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """Ids by what they stand for; amounts are USD."""

    basic: str  # 25.00 a month
    team: str  # 15.00 a seat and month
    pro: str  # 250.00 a month
    metered: str  # 0.000381 cents a request
    trial: str  # 0.00
    consulting: str  # 150.00 an hour
    maps: str  # 12.99 each
    lump: str  # whatever was agreed
    california: str  # 8.25 % exclusive
    district: str  # 1.375 % exclusive
    value_added: str  # 20 % inclusive
    goods_and_services: str  # 5 % exclusive
    half_off: str  # 50 %
    tenth_off: str  # 10 %
    free: str  # 100 %
    seven_off: str  # 7.00


def make_offers(catalogue: Catalogue, at: int) -> Offers:
    """Make the catalogue of the seeded company at a moment (Unix seconds)."""
    product = catalogue.product
    price = catalogue.price
    maps = product('Folded Map: "Sierra & Coast"', at)
    return Offers(
        basic=price(product("Basic plan", at), "2500", at, usage="licensed")["id"],
        team=price(product("Team seats", at), "1500", at, usage="licensed")["id"],
        pro=price(product("Pro plan", at), "25000", at, usage="licensed")["id"],
        metered=price(product("API requests", at), "0.000381", at, usage="metered")["id"],
        trial=price(product("Trial plan", at), "0", at, usage="licensed")["id"],
        consulting=price(product("Consulting", at), "15000", at)["id"],
        maps=price(maps, "1299", at)["id"],
        lump=price(product("Project work", at), "100000", at)["id"],
        california=catalogue.tax_rate("Sales Tax", "8.25", at, state="CA")["id"],
        district=catalogue.tax_rate("District Tax", "1.375", at, state="CA")["id"],
        value_added=catalogue.tax_rate("VAT", "20", at, inclusive=True)["id"],
        goods_and_services=catalogue.tax_rate("GST", "5", at)["id"],
        half_off=catalogue.coupon("Half off", at, percent_off="50")["id"],
        tenth_off=catalogue.coupon("10% off", at, percent_off="10")["id"],
        free=catalogue.coupon("On the house", at, percent_off="100")["id"],
        seven_off=catalogue.coupon("$7 off", at, amount_off=700)["id"],
    )
