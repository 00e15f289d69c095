"""Secret source: the settings with their secrets as they are now; those in Secret Manager may change while we run.

What comes from the environment is fixed. What comes from Secret Manager is read again every few minutes, and when a
value was refused; at most every half minute, so that forged webhooks cause no storm of reads.
"""

import asyncio
import random
import time
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from pydantic import SecretStr

from wescope.config.secret_manager import LATEST, SecretManager, secret_id
from wescope.config.settings import Settings, read_settings, variable
from wescope.errors import ConfigurationError

_log = structlog.get_logger(__name__)

READ_EVERY_S: Final = 300.0
SOONEST_AGAIN_S: Final = 30.0
PATIENCE_S: Final = 3.0
"""How long a secret that was refused is waited for; a stop waits for it, too."""

FIXED_AT_START: Final = frozenset({"database_url", "token_key", "oidc_client_secret", "api_tokens"})
"""What is used when parts are built: a new value counts from the next start on."""


def _holds_secret(annotation: Any) -> bool:
    return annotation is SecretStr or any(_holds_secret(part) for part in typing.get_args(annotation))


SECRET_SETTINGS: Final = tuple(name for name, one in Settings.model_fields.items() if _holds_secret(one.annotation))
"""Every setting that is a secret: what may lie in Secret Manager."""


def load_settings() -> Settings:
    """The settings: from the environment; with WESCOPE_SECRETS=gcp its secrets that are unset from Secret Manager.

    Raises:
        ConfigurationError: names every variable that is wrong and what it must be, never its value; or the secret that
            cannot be read, and why.
    """
    settings = read_settings()
    if settings.secrets != "gcp":
        return settings
    manager = SecretManager.of(settings)
    found = {name: manager.read(name, version) for name, version in wanted(settings).items()}
    return read_settings({name: version.value for name, version in found.items() if version and version.value})


def wanted(settings: Settings) -> Mapping[str, str]:
    """The settings to read from Secret Manager, each with the version; those that the environment gives are not.

    Raises:
        ConfigurationError: WESCOPE_GCP_SECRETS names something else.
    """
    chosen = settings.gcp_secrets or tuple(secret_id("", name) for name in SECRET_SETTINGS)
    known = {secret_id("", name): name for name in SECRET_SETTINGS}
    versions = {}
    for name, _, version in (one.partition(":") for one in chosen):
        if name not in known or not (version or LATEST).isalnum():
            raise ConfigurationError(
                f"{variable('gcp_secrets')} takes names, or name:version, of: {', '.join(sorted(known))}."
            )
        versions[known[name]] = version or LATEST
    given = settings.model_fields_set - settings.managed
    return {name: version for name, version in versions.items() if name not in given}


class LiveSecret(Protocol):
    """One secret that may get another value while it is in use."""

    @property
    def value(self) -> str:
        """The value now."""

    async def newer_than(self, used: str) -> bool:
        """Told that `used` was refused: whether there is another value, which is then the `value`."""


@dataclass(frozen=True, slots=True)
class FixedSecret:
    """A secret that stays as it is."""

    value: str

    async def newer_than(self, used: str) -> bool:
        """Only if it is another one anyway."""
        return self.value != used

    def __repr__(self) -> str:
        return "FixedSecret()"


def live(secret: str | LiveSecret) -> LiveSecret:
    """A secret that may change, also of a text, which does not."""
    return FixedSecret(secret) if isinstance(secret, str) else secret


class SecretSource:
    """The settings as they are now. One per process; `watch` reads them again from time to time."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the settings as they were loaded."""
        self.current = settings
        self._clock = clock
        versions = wanted(settings) if settings.secrets == "gcp" else {}
        # A pinned version never changes. What was not there at the start may be put there later.
        self._changing = {name for name, version in versions.items() if version == LATEST} - FIXED_AT_START
        self._manager = SecretManager.of(settings) if self._changing else None
        self._read_at_s: dict[str, float] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}

    def live(self, name: str) -> LiveSecret:
        """The secret of a setting (`stripe_api_key`); empty while it is not set."""
        return _SettingSecret(self, name)

    async def newer(self, name: str, used: object) -> bool:
        """Told that `used` was refused: whether the setting `name` has another value, which is then `current`.

        All that ask at the same time wait for the same answer; nothing is raised.
        """
        if getattr(self.current, name) != used:
            return True
        reading = self._reading.get(name)
        if reading is None and self._may_read(name):
            reading = asyncio.create_task(self._read([name]), name=f"secret {name}")
            self._reading[name] = reading
            reading.add_done_callback(lambda _: self._reading.pop(name, None))
        if reading is not None:
            await asyncio.shield(reading)
        return bool(getattr(self.current, name) != used)

    async def watch(self) -> None:
        """Read again what may change, every few minutes; for ever, until it is canceled."""
        while self._changing:
            await asyncio.sleep(READ_EVERY_S * random.uniform(0.9, 1.1))  # noqa: S311 - only spreads the load
            await self._read(self._changing)

    def _may_read(self, name: str) -> bool:
        last_s = self._read_at_s.get(name)
        return name in self._changing and (last_s is None or self._clock() - last_s >= SOONEST_AGAIN_S)

    async def _read(self, names: Iterable[str]) -> None:
        """Take over what has changed; what cannot be read, or is wrong, stays as it was."""
        now_s = self._clock()
        self._read_at_s |= dict.fromkeys(names, now_s)
        try:
            found = await asyncio.to_thread(self._found, tuple(names))
            changed = {name: text for name, text in found.items() if text != self._text(name)}
            if changed:
                self._take(changed)
        except ConfigurationError as error:
            _log.warning("secrets not read again", code=error.code, operation=str(error.details.get("secret", "")))

    def _found(self, names: Iterable[str]) -> Mapping[str, str]:
        assert self._manager is not None  # noqa: S101 - there is one if anything may change
        found = {name: self._manager.read(name, patience_s=PATIENCE_S) for name in names}
        return {name: version.value for name, version in found.items() if version and version.value}

    def _text(self, name: str) -> str:
        value = getattr(self.current, name)
        parts = value if isinstance(value, tuple) else (value,)
        return ",".join(part.get_secret_value() for part in parts if part is not None)

    def _take(self, changed: Mapping[str, str]) -> None:
        settings = read_settings(changed)
        # Only these: a process keeps the other settings that it was started with.
        self.current = self.current.model_copy(update={name: getattr(settings, name) for name in changed})
        for name in sorted(changed):
            _log.info("secret changed", operation=name)


@dataclass(frozen=True, slots=True)
class _SettingSecret:
    _source: SecretSource
    _name: str

    @property
    def value(self) -> str:
        secret: SecretStr | None = getattr(self._source.current, self._name)
        return secret.get_secret_value() if secret else ""

    async def newer_than(self, used: str) -> bool:
        return self.value != used or await self._source.newer(self._name, SecretStr(used))
