"""The token key: from the environment, or made once, private and the same for all who ask at once."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from wescope.config import load_settings, token_keys
from wescope.errors import ConfigurationError


def test_the_key_of_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    monkeypatch.setenv("WESCOPE_TOKEN_KEY", key)
    assert token_keys(load_settings()) == (key,)
    older = Fernet.generate_key().decode()
    monkeypatch.setenv("WESCOPE_TOKEN_KEY", f"{key},{older}")
    assert token_keys(load_settings()) == (key, older)
    for wrong in (f"{key},short", ","):
        monkeypatch.setenv("WESCOPE_TOKEN_KEY", wrong)
        with pytest.raises(ConfigurationError, match="WESCOPE_TOKEN_KEY must be a Fernet key"):
            load_settings()
    assert not (tmp_path / ".wescope").exists()


def test_the_embedded_default_makes_one_key_for_ever(tmp_path: Path) -> None:
    settings = load_settings()
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: token_keys(settings), range(32)))
    assert len(keys) == 1
    Fernet(*keys.pop())
    files = list((tmp_path / ".wescope").iterdir())
    assert [file.name for file in files] == ["token.key"]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600


def test_a_shared_database_needs_a_shared_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WESCOPE_DATABASE_URL", "postgresql://db/wescope")
    with pytest.raises(ConfigurationError, match=r"WESCOPE_TOKEN_KEY.*Fernet\.generate_key"):
        token_keys(load_settings())


@pytest.mark.parametrize("content", [b"", b"not a key\n", b"\xff\xff"])
def test_a_damaged_key_file_is_named_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / ".wescope" / "token.key"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"token\.key"):
        token_keys(load_settings())
    assert path.read_bytes() == content
