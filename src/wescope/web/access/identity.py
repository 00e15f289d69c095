"""Identity: what a verified token says of somebody, for as long as it takes to find the role; nothing of it is kept."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wescope.config.access_roles import AccessRoles
from wescope.web.access.actor import Role

_GOOGLE = frozenset({"https://accounts.google.com", "accounts.google.com", "https://cloud.google.com/iap"})
"""Issuers that say in `hd` to which organisation somebody belongs; the domain of an e-mail alone proves it not."""

_DIGEST_CHARACTERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Somebody, as a token says it whose signature was checked. `email` is null unless the provider has verified it."""

    issuer: str
    subject: str
    email: str | None = field(default=None, repr=False)
    organisation: str | None = field(default=None, repr=False)
    groups: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, claims: Mapping[str, Any], groups_claim: str, *, emails_verified: bool = False) -> "Identity":
        """What verified claims say. `emails_verified`: this issuer's e-mails always are, without saying so."""
        email, groups, organisation = claims.get("email"), claims.get(groups_claim), claims.get("hd")
        verified = emails_verified or claims.get("email_verified") is True
        listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
        return cls(
            issuer=str(claims["iss"]),
            subject=str(claims["sub"]),
            email=email.lower() if verified and isinstance(email, str) else None,
            organisation=organisation.lower() if isinstance(organisation, str) else None,
            groups=frozenset(one for one in listed if isinstance(one, str)),
        )

    @property
    def name(self) -> str:
        """What is kept of it: a digest of issuer and subject."""
        told = f"{self.issuer} {self.subject}"
        return f"user:{hashlib.sha256(told.encode()).hexdigest()[:_DIGEST_CHARACTERS]}"

    def role(self, roles: AccessRoles) -> Role | None:
        """The highest role that a list gives; null if none does."""
        if self._is_in(roles.operators) or self.groups & set(roles.operator_groups):
            return Role.OPERATOR
        if self._is_in(roles.viewers) or self.groups & set(roles.viewer_groups):
            return Role.VIEWER
        return None

    def _is_in(self, listed: tuple[str, ...]) -> bool:
        return any(self._is(entry) for entry in listed)

    def _is(self, entry: str) -> bool:
        if "@" not in entry:
            return entry == self.subject
        if self.email is None:
            return False
        if not entry.startswith("@"):
            return entry == self.email
        belongs = self.organisation == entry[1:] if self.issuer in _GOOGLE else True
        return belongs and self.email.endswith(entry)
