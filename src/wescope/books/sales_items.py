"""Sales items: which QBO item and class a sales line gets, by the rules of the policy."""

from collections.abc import Mapping

from wescope.books.policy import Item, ItemRole, ItemRule, NamedItem, Policy


def line_item(
    policy: Policy, *, product: str | None, price: str | None, metadata: Mapping[str, str], default: ItemRole
) -> tuple[Item, str | None]:
    """Item and class of what was sold; the first rule whose conditions all hold decides.

    Args:
        policy: the company's choices, with its rules in order.
        product: Stripe's product id, if the line names one.
        price: Stripe's price id, if the line names one.
        metadata: keys and values of the line or charge.
        default: the item's role where no rule holds, or the one that does names no item.

    Returns:
        The item, and the class's name or null.
    """
    for rule in policy.item_rules:
        if _holds(rule, product, price, metadata):
            return default if rule.item is None else NamedItem(name=rule.item), rule.class_name
    return default, None


def _holds(rule: ItemRule, product: str | None, price: str | None, metadata: Mapping[str, str]) -> bool:
    return (
        rule.product in {None, product}
        and rule.price in {None, price}
        and all(metadata.get(key) == value for key, value in rule.metadata.items())
    )
