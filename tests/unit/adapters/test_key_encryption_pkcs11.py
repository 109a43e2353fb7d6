"""The token's key never leaves the token, and everything that is not as it was is refused with the cure."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from pkcs11 import Attribute, KeyType, ObjectClass

from fiducia.adapters.key_encryption_pkcs11 import HsmKey, HsmToken, create_hsm_key
from fiducia.errors import ConfigError, VaultLockedError
from tests.support.custody import digest
from tests.support.softhsm import PIN


@pytest.fixture
def token(softhsm: HsmToken, request: pytest.FixtureRequest) -> HsmToken:
    """The token, with a key of this test's own."""
    return replace(softhsm, key=digest(request.node.nodeid).hex())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "hsm.json"


def session(token: HsmToken) -> Any:
    return pkcs11.lib(str(token.module)).get_token(token_label=token.token).open(user_pin=PIN, rw=True)


def test_the_token_makes_a_key_that_it_keeps_to_itself(token: HsmToken, path: Path) -> None:
    create_hsm_key(token, path)
    with session(token) as opened:
        key = opened.get_key(label=token.key, object_class=ObjectClass.SECRET_KEY)
        assert (key.key_type, key.key_length) == (KeyType.AES, 256)
        for attribute in (
            Attribute.SENSITIVE,
            Attribute.ALWAYS_SENSITIVE,
            Attribute.NEVER_EXTRACTABLE,
            Attribute.LOCAL,
        ):
            assert key[attribute] is True
        for attribute in (Attribute.EXTRACTABLE, Attribute.WRAP, Attribute.UNWRAP, Attribute.DERIVE, Attribute.SIGN):
            assert key[attribute] is False
        with pytest.raises(pkcs11.AttributeSensitive):
            key[Attribute.VALUE]


def test_the_file_holds_the_key_wrapped_alone(token: HsmToken, path: Path) -> None:
    create_hsm_key(token, path)
    body = json.loads(path.read_text())
    assert set(body) == {"kek", "version", "key", "nonce", "wrapped"}
    key = HsmKey(token, path).key()
    assert key.hex() not in path.read_text()
    assert PIN not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_in_the_token_already_is_used(token: HsmToken, path: Path) -> None:
    create_hsm_key(token, path)
    create_hsm_key(token, path.with_name("second"))
    assert HsmKey(token, path).key() != HsmKey(token, path.with_name("second")).key()
    with session(token) as opened:
        assert len(list(opened.get_objects({Attribute.LABEL: token.key}))) == 1


def test_an_existing_file_is_never_replaced(token: HsmToken, path: Path) -> None:
    create_hsm_key(token, path)
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="already"):
        create_hsm_key(token, path)
    assert path.read_bytes() == before


def test_the_key_is_unwrapped_once(token: HsmToken, path: Path) -> None:
    create_hsm_key(token, path)
    provider = HsmKey(token, path)
    key = provider.key()
    with session(token) as opened:
        opened.get_key(label=token.key, object_class=ObjectClass.SECRET_KEY).destroy()
    assert provider.key() == key
    with pytest.raises(VaultLockedError, match="no key of that label"):
        HsmKey(token, path).key()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"token": "nobody's"}, "no token of that label"),
        ({"token": "other"}, "no key of that label"),
        ({"pin": "0000"}, "refuses the PIN"),
        ({"module": Path("/nonexistent/module.so")}, "check its module"),
    ],
)
def test_another_token_or_pin_is_said_without_the_pin(
    token: HsmToken, path: Path, change: dict[str, Any], message: str
) -> None:
    create_hsm_key(token, path)
    with pytest.raises(VaultLockedError, match=message) as refused:
        HsmKey(replace(token, **change), path).key()
    assert "0000" not in str(refused.value)
    assert PIN not in str(refused.value) + repr(token)


def test_a_file_of_another_key_is_refused(token: HsmToken, path: Path) -> None:
    create_hsm_key(token, path)
    with pytest.raises(VaultLockedError, match="another key of the token"):
        HsmKey(replace(token, key="another"), path).key()


@pytest.mark.parametrize("field", ["nonce", "wrapped"])
def test_an_altered_file_is_refused(token: HsmToken, path: Path, field: str) -> None:
    create_hsm_key(token, path)
    body = json.loads(path.read_text())
    body[field] = body[field][:-1] + ("0" if body[field][-1] != "0" else "1")
    path.write_text(json.dumps(body))
    with pytest.raises(VaultLockedError, match="its key is the one"):
        HsmKey(token, path).key()


@pytest.mark.parametrize(
    "change",
    [{"kek": "pkcs12"}, {"version": 2}, {"nonce": "0x00"}, {"wrapped": 7}, {"wrapped": "0x" + "0" * 64}, {"extra": 1}],
)
def test_a_file_that_fiducia_did_not_write_is_refused(token: HsmToken, path: Path, change: dict[str, Any]) -> None:
    create_hsm_key(token, path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(VaultLockedError, match="restore the file"):
        HsmKey(token, path).key()


@pytest.mark.parametrize("text", ["", "[]", "{", "null"])
def test_an_unreadable_file_is_refused(token: HsmToken, path: Path, text: str) -> None:
    create_hsm_key(token, path)
    path.write_text(text)
    with pytest.raises(VaultLockedError, match="restore the file"):
        HsmKey(token, path).key()


def test_without_the_extra_it_says_what_to_install(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(ConfigError, match=r"fiducia\[pkcs11\]"):
        create_hsm_key(HsmToken(Path("module.so"), "t", "pin"), path)
