"""Token keys: the Fernet keys that encrypt stored tokens, from the settings or made once in the state folder."""

import base64
import contextlib
import os
import secrets
from pathlib import Path

from wescope.config.setting_types import FERNET_KEY_BYTES, HOW_TO_MAKE_A_KEY, is_fernet_key, keys_of
from wescope.config.settings import Settings
from wescope.errors import ConfigurationError

FILE_NAME = "token.key"


def token_keys(settings: Settings) -> tuple[str, ...]:
    """The keys, as `cryptography.fernet.Fernet` takes them, the newest first: it encrypts, all of them decrypt.

    Several processes that ask at once for the one in the state folder get the same.

    Raises:
        ConfigurationError: the database is not the embedded one and WESCOPE_TOKEN_KEY is unset (a key that lies on one
            machine would lock all others out of the shared tokens), or the key file is unreadable.
    """
    if settings.token_key is not None:
        return keys_of(settings.token_key)
    if not settings.embedded:
        raise ConfigurationError(f"WESCOPE_TOKEN_KEY is needed beside WESCOPE_DATABASE_URL; {HOW_TO_MAKE_A_KEY}.")
    return (_key_of_home(settings.home),)


def _key_of_home(home: Path) -> str:
    path = home / FILE_NAME
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _create_once(path)
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The key file {path} cannot be used ({type(error).__name__}).") from error
    if not is_fernet_key(key):
        raise ConfigurationError(
            f"The key file {path} holds no Fernet key. Restore it from a backup, or remove it and set "
            "WESCOPE_QBO_REFRESH_TOKEN to a new token: the stored ones cannot be read without it."
        )
    return key


def _create_once(path: Path) -> None:
    """Put a new key at `path`, complete and private from its first moment; the first process wins."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    key = base64.urlsafe_b64encode(secrets.token_bytes(FERNET_KEY_BYTES))
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(key + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)  # unlike a rename, this never replaces the key that another process has just made
    finally:
        draft.unlink()
