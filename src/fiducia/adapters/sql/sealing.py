"""How rows are sealed: one key per row, bound to the row's place.

Owns the key hierarchy below the key-encryption key and the layout of a sealed value,
``salt (32) ‖ AES-256-GCM ciphertext and tag``. The key-encryption key wraps a database's data key and nothing
else, so another one means another wrap and no row is touched. Each value gets a key of its own, HKDF-SHA256 from its
random salt, so the fixed nonce is used once per key and no count of values wears the key out. Without
its salt a value cannot be opened even with the data key, so wiping the salt destroys it.
Does not own where the key-encryption key comes from (`adapters.key_encryption`).
Source: RFC 5869, NIST SP 800-38D section 8.
"""

from __future__ import annotations

import hmac
import secrets
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fiducia.errors import VaultError

SALT_BYTES: Final = 32
_KEY_BYTES: Final = 32
_TAG_BYTES: Final = 16
WRAP_BYTES: Final = SALT_BYTES + _KEY_BYTES + _TAG_BYTES
_LABEL: Final = b"fiducia/v1/at-rest/"
_NONCE: Final = bytes(12)  # safe: every key seals exactly one message


class Sealer:
    """Seals one kind of rows and makes their lookup values; thread-safe."""

    def __init__(self, key: bytes, database_salt: bytes, domain: str) -> None:
        self._domain = domain.encode()
        self._row_key = derive(key, database_salt, domain)
        self._lookup_key = derive(key, database_salt, f"{domain}/lookup")

    def lookup(self, value: bytes) -> bytes:
        """Return the 32-byte value by which a row is found: HMAC-SHA256, the same only in one database."""
        return hmac.digest(self._lookup_key, value, "sha256")

    def seal(self, plaintext: bytes, *place: bytes) -> bytes:
        """Return `plaintext` sealed for one place (such as a column and a row's name)."""
        salt = secrets.token_bytes(SALT_BYTES)
        return salt + self._cipher(salt).encrypt(_NONCE, plaintext, self._associated(place))

    def open(self, sealed: bytes, *place: bytes) -> bytes:
        """Return what was sealed for that place.

        Raises:
            VaultError: altered, cut short, wiped, or moved here from another place.
        """
        salt, ciphertext = sealed[:SALT_BYTES], sealed[SALT_BYTES:]
        try:
            return self._cipher(salt).decrypt(_NONCE, ciphertext, self._associated(place))
        except (InvalidTag, ValueError) as error:
            raise VaultError("an entry at rest does not open: it was altered or moved; restore a backup") from error

    def _cipher(self, salt: bytes) -> AESGCM:
        return AESGCM(_hkdf(self._row_key, salt, _LABEL + b"row"))

    def _associated(self, place: tuple[bytes, ...]) -> bytes:
        return b"".join(len(part).to_bytes(4, "big") + part for part in (self._domain, *place))


def derive(key: bytes, database_salt: bytes, domain: str) -> bytes:
    """Return the 32-byte key of one domain in one database."""
    return _hkdf(key, database_salt, _LABEL + domain.encode())


def wrap(data_key: bytes, kek: bytes, database_salt: bytes) -> bytes:
    """Return a database's data key sealed under a key-encryption key, `WRAP_BYTES` long."""
    salt = secrets.token_bytes(SALT_BYTES)
    return salt + AESGCM(_hkdf(kek, salt, _LABEL + b"wrap")).encrypt(_NONCE, data_key, database_salt)


def unwrap(wrapped: bytes, kek: bytes, database_salt: bytes) -> bytes | None:
    """Return the data key, or None when another key-encryption key wrapped it, or it was ended or altered."""
    salt, ciphertext = wrapped[:SALT_BYTES], wrapped[SALT_BYTES:]
    try:
        return AESGCM(_hkdf(kek, salt, _LABEL + b"wrap")).decrypt(_NONCE, ciphertext, database_salt)
    except (InvalidTag, ValueError):
        return None


def _hkdf(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=salt, info=info).derive(key)
