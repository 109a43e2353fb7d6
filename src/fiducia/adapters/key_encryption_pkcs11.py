"""The key-encryption key behind a PKCS#11 token: a hardware security module, or anything that speaks like one.

Owns the file that holds the vaults' key wrapped (`hsm.json`), and the talk with the token. The token's own AES key is
made inside it and never leaves it; it wraps and unwraps the 32 bytes under which everything at rest is sealed, which
are in a process's memory alone. Whoever steals the home, its databases and the file opens nothing without the token.
python-pkcs11 is an extra (`fiducia[pkcs11]`). Source: PKCS#11 3.1 (OASIS), CKM_AES_GCM; NIST SP 800-38D.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fiducia.adapters.key_encryption import KEY_BYTES, read_private, write_new
from fiducia.errors import ConfigError, VaultLockedError

if TYPE_CHECKING:
    from pkcs11 import Session

_WHAT: Final = "wrapped key"
_NONCE_BYTES: Final = 12
_TAG_BITS: Final = 128
_FIELDS: Final = {"kek", "version", "key", "nonce", "wrapped"}
_MODULES = threading.Lock()
"""A module is loaded, and a token opened, by one thread at a time: not all of them can do otherwise."""


@dataclass(frozen=True, slots=True)
class HsmToken:
    """Where the token is and how it is opened.

    Attributes:
        module: the vendor's PKCS#11 library.
        token: the token's label.
        pin: of its user; in no text of this object.
        key: the label of the AES key in it.
    """

    module: Path
    token: str
    pin: str = field(repr=False)
    key: str = "fiducia"


class HsmKey:
    """The key that a token unwraps from a file."""

    def __init__(self, token: HsmToken, wrapped: Path) -> None:
        self._token = token
        self._wrapped = wrapped
        self._lock = threading.Lock()
        self._key: bytes | None = None

    def key(self) -> bytes:
        """Return the key, unwrapped once and remembered: a token may be slow, or far away.

        Raises:
            VaultLockedError: the token, its key, the PIN or the file is missing or is not the right one.
            ConfigError: python-pkcs11 is not installed.
        """
        with self._lock:
            if self._key is None:
                self._key = self._unwrap()
            return self._key

    def _unwrap(self) -> bytes:
        nonce, wrapped = _parse(read_private(self._wrapped, _WHAT), self._wrapped, self._token.key)
        with _opened(self._token) as session:
            key: bytes = _key_of(session, self._token).decrypt(wrapped, **_gcm(self._token, nonce))
            return key


def create_hsm_key(token: HsmToken, path: Path) -> None:
    """Make a new random key, wrapped by the token, in a new file of mode 0600, durable when this returns.

    The token's own key is made, too, unless one of that label is there already, as after a ceremony.

    Raises:
        ConfigError: a file is there already, or python-pkcs11 is not installed.
        VaultLockedError: the token does not do it. VaultError: the file cannot be written.
    """
    if path.exists():
        raise ConfigError(f"there is a {_WHAT} file at {path} already; it was left as it is")
    nonce = secrets.token_bytes(_NONCE_BYTES)
    with _opened(token, rw=True) as session:
        kek = _key_of(session, token) if _has_key(session, token) else _make_key(session, token)
        wrapped: bytes = kek.encrypt(secrets.token_bytes(KEY_BYTES), **_gcm(token, nonce))
    body = {
        "kek": "pkcs11",
        "version": 1,
        "key": token.key,
        "nonce": "0x" + nonce.hex(),
        "wrapped": "0x" + wrapped.hex(),
    }
    write_new(path, json.dumps(body, indent=2) + "\n", _WHAT)


@contextmanager
def _opened(token: HsmToken, *, rw: bool = False) -> Iterator[Session]:
    """Open a session; whatever the token says becomes an error that says what to do, without its PIN."""
    try:
        import pkcs11
    except ImportError as error:
        raise ConfigError("python-pkcs11 is not installed: pip install 'fiducia[pkcs11]'") from error
    hints: dict[type[Exception], str] = {
        pkcs11.PinIncorrect: "it refuses the PIN; a few more wrong ones may lock it",
        pkcs11.PinLocked: "its PIN is locked: its security officer unlocks it",
        pkcs11.NoSuchToken: "there is no token of that label: is the module connected?",
        pkcs11.MultipleTokensReturned: "several tokens have that label: give it to one of them alone",
        pkcs11.NoSuchKey: "it has no key of that label: restore the token from its backup",
        pkcs11.MultipleObjectsReturned: "several of its keys have that label: give it to one of them alone",
    }
    with _MODULES:
        try:
            with (
                pkcs11.lib(str(token.module))
                .get_token(token_label=token.token)
                .open(user_pin=token.pin, rw=rw) as session
            ):
                yield session
        except pkcs11.PKCS11Error as error:
            hint = next((text for kind, text in hints.items() if isinstance(error, kind)), None)
            hint = hint or "check its module, and that its key is the one that wrapped this file"
            raise VaultLockedError(f"the PKCS#11 token does not do it ({type(error).__name__}): {hint}") from None


def _has_key(session: Session, token: HsmToken) -> bool:
    import pkcs11

    try:
        _key_of(session, token)
    except pkcs11.NoSuchKey:
        return False
    return True


def _key_of(session: Session, token: HsmToken) -> Any:
    from pkcs11 import KeyType, ObjectClass

    return session.get_key(label=token.key, object_class=ObjectClass.SECRET_KEY, key_type=KeyType.AES)


def _make_key(session: Session, token: HsmToken) -> Any:
    """Make an AES key that the token keeps to itself and that does nothing else."""
    from pkcs11 import Attribute, KeyType

    able = {Attribute.ENCRYPT, Attribute.DECRYPT, Attribute.SENSITIVE}
    unable = {
        *(Attribute.EXTRACTABLE, Attribute.MODIFIABLE, Attribute.WRAP, Attribute.UNWRAP),
        *(Attribute.SIGN, Attribute.VERIFY, Attribute.DERIVE),
    }
    template = dict.fromkeys(able, True) | dict.fromkeys(unable, False)
    return session.generate_key(KeyType.AES, 8 * KEY_BYTES, label=token.key, store=True, template=template)


def _gcm(token: HsmToken, nonce: bytes) -> dict[str, Any]:
    from pkcs11 import GCMParams, Mechanism

    place = b"fiducia/v1/kek/pkcs11/" + token.key.encode()
    return {"mechanism": Mechanism.AES_GCM, "mechanism_param": GCMParams(nonce, place, _TAG_BITS)}


def _parse(text: str, path: Path, label: str) -> tuple[bytes, bytes]:
    broken = VaultLockedError(f"the {_WHAT} in {path} is not what fiducia writes: restore the file")
    try:
        body = json.loads(text)
    except ValueError as error:
        raise broken from error
    if not isinstance(body, dict) or set(body) != _FIELDS or (body["kek"], body["version"]) != ("pkcs11", 1):
        raise broken
    if body["key"] != label:
        raise VaultLockedError(f"{path} was wrapped by another key of the token: name that one")
    sizes = {"nonce": _NONCE_BYTES, "wrapped": KEY_BYTES + _TAG_BITS // 8}
    for name, size in sizes.items():
        if not isinstance(body[name], str) or not re.fullmatch(rf"0x[0-9a-f]{{{2 * size}}}", body[name]):
            raise broken
    return bytes.fromhex(body["nonce"][2:]), bytes.fromhex(body["wrapped"][2:])
