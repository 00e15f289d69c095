"""Access roles: who may do what, as the policy file says it; for people who sign in, and only for them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRoles:
    """Who may look (`viewers`), and who may also decide and start work (`operators`).

    Both hold e-mail addresses, domains (`@example.com`) and subjects of the provider, `*_groups` groups that the claim
    `groups_claim` of a sign-in lists.
    """

    viewers: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    groups_claim: str = "groups"
    viewer_groups: tuple[str, ...] = ()
    operator_groups: tuple[str, ...] = ()
